"""A running MTA: one process tree that sees a /usr, /etc and /dev of its own.

`Mta.start` puts the unpacked packages of a release in place of /usr, and lays the instance's folder
over /etc (users, hosts, no name server) and /dev (the log socket), in a private mount namespace.  How
to configure the MTA is for postfix.py and sendmail.py to say; what they have in common is here.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .certificates import certificate
from .namespace import Namespace
from .processes import children, finish
from .settings import HOST_NAME, MtaSettings
from .smtp import Smtp
from .waiting import wait_for

STRANGER = "203.0.113.7"
PORT = 25
SUBMISSION_PORT = 587

# Users and groups that exist for the MTAs alone.
POSTFIX_ID, POSTDROP_ID, SMMSP_ID = 62100, 62101, 62102

# /usr comes last: what comes after it is of the release, which has no `mount`.  PATH: tests put commands of the
# machine before it, for relaymilter.
MOUNT_AND_RUN = """
mount -t overlay relaymilter-test -o "lowerdir=$2/etc:/etc" /etc &&
mount -t overlay relaymilter-test -o "lowerdir=$2/dev:/dev" /dev &&
mount -o bind,ro "$1" /usr || exit
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
shift 2
"$@"
exit $?
"""

# Should we be killed: an MTA changes its user, whereby it loses the signal that it was to get then.
# Its parent, the shell above, does not, and is the first process of a namespace: with it, all are gone.
IN_MOUNTS = ("unshare", "--mount")
IN_MOUNTS_AND_PROCESSES = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
)

# The names of clients: .9 has a good PTR record, .10 a forged one, all others none.
# "multi off" makes the first line of a name win: that is what forges it.
HOSTS = f"""127.0.0.1 localhost
::1 localhost
127.0.0.1 {HOST_NAME}
203.0.113.9 good.example.net
2001:db8::9 good6.example.net
203.0.113.99 forged.example.net
203.0.113.10 forged.example.net
"""


class Mta:
    """A private MTA on `address` and `address6`, ports 25 and 587, inside `namespace`, of the release of that."""

    name = ""
    program = ""
    """Its sendmail command, to be given `configuration` first."""
    configured_in = ""
    """The file or folder of its configuration, in `directory`."""

    def __init__(self, namespace: Namespace, directory: Path, settings: MtaSettings) -> None:
        self.namespace = namespace
        self.directory = directory
        self.settings = settings
        self.address, self.address6 = namespace.new_server_addresses()
        self.configuration = ("-C", str(directory / self.configured_in))
        self._process: subprocess.Popen[str] | None = None
        for name in ("etc", "dev", "tls"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self._write_etc()
        self._copy_certificates()

    def smtp(self, source: str = STRANGER, port: int = PORT) -> Smtp:
        """Connect from the address `source`; the banner has been read."""
        host = self.address6 if ":" in source else self.address
        return Smtp(self.namespace.connect(host, port, source))

    def run(self, *command: str, stdin: str = "", timeout: float = 60) -> str:
        """Run a command that sees what the MTA sees; return its output; raise if it fails."""
        process = self.popen(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return finish(process, command, stdin, timeout)

    def popen(self, *command: str, **options: object) -> subprocess.Popen[str]:
        """Start a command that sees what the MTA sees."""
        return self._popen(IN_MOUNTS, command, options)

    def command_inside(self, *command: str) -> list[str]:
        """The argument vector of a command that sees the files that the MTA sees, and the network of who starts it."""
        return [*IN_MOUNTS, *self._inside(command)]

    def sendmail(self, *arguments: str, stdin: str = "") -> str:
        """Run its sendmail command, as a mail reader would; return its output; raise if it fails."""
        return self.run(self.program, *self.configuration, *arguments, stdin=stdin)

    def log(self) -> str:
        """What the MTA has logged so far."""
        raise NotImplementedError

    def log_file(self) -> bytes:
        """The same as a file of the system would have it, with time stamps."""
        return self.log().encode()

    def delivered(self) -> list[str]:
        """The recipients to whom it has delivered, in order; the mail itself is thrown away.

        Sendmail names its local users without a domain.
        """
        raise NotImplementedError

    def wait_delivered(self, recipient: str) -> None:
        """Wait until something has been delivered to `recipient`."""
        wait_for(lambda: recipient in self.delivered(), f"{self.name} delivers to {recipient}")

    def stop(self) -> None:
        """End the MTA with all its processes."""
        if self._process is None:
            return
        with self._process as process:
            for shell in children(process.pid):
                os.kill(shell, signal.SIGKILL)
        self._process = None

    def _launch(self, *command: str) -> None:
        with open(self.directory / "start.log", "w") as output:
            options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            process = self._popen(IN_MOUNTS_AND_PROCESSES, command, options)
        self._process = process

        def up() -> bool:
            if process.poll() is not None:
                said = (self.directory / "start.log").read_text() + self.log()[-2000:]
                raise RuntimeError(f"{self.name} did not start: {said}")
            return self._greets() if self.settings.greets else self.namespace.listens(self.address, PORT)

        wait_for(up, f"{self.name} serves", 60)

    def _greets(self) -> bool:
        """Its first processes for a client are ready, too: under load Postfix may be slow to answer even MAIL."""
        try:
            with Smtp(self.namespace.connect(self.address, PORT, STRANGER, timeout=5)) as client:
                client.ehlo()
                client.mail()
        except (OSError, EOFError):
            return False
        return True

    def _popen(
        self, unshared: Sequence[str], command: Sequence[str], options: Mapping[str, Any]
    ) -> subprocess.Popen[str]:
        return self.namespace.popen(*unshared, *self._inside(command), **options)

    def _inside(self, command: Sequence[str]) -> list[str]:
        return ["sh", "-c", MOUNT_AND_RUN, "sh", str(self.namespace.release.usr), str(self.directory), *command]

    def _write_etc(self) -> None:
        etc = self.directory / "etc"
        people = "".join(
            f"{user}:x:{number}:65534::/nonexistent:/bin/false\n"
            for number, user in enumerate(self.settings.users, 62001)
        )
        (etc / "passwd").write_text(
            "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n"
            "nobody:x:65534:65534::/nonexistent:/bin/false\n"
            f"postfix:x:{POSTFIX_ID}:{POSTFIX_ID}::/nonexistent:/bin/false\n"
            f"smmsp:x:{SMMSP_ID}:{SMMSP_ID}::/nonexistent:/bin/false\n{people}"
        )
        (etc / "group").write_text(
            f"root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\npostfix:x:{POSTFIX_ID}:\n"
            f"postdrop:x:{POSTDROP_ID}:\nsmmsp:x:{SMMSP_ID}:\n"
        )
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (etc / "host.conf").write_text("multi off\n")
        (etc / "hosts").write_text(HOSTS)

    def _copy_certificates(self) -> None:
        """Its own certificate, which is self-signed, and that of whom it trusts to sign those of clients."""
        tls, own = self.directory / "tls", certificate("server")
        shutil.copyfile(own.file, tls / "cert.pem")
        shutil.copyfile(own.key, tls / "key.pem")
        (tls / "key.pem").chmod(0o600)
        shutil.copyfile(certificate("authority").file, tls / "authority.pem")


def domain_words(settings: MtaSettings) -> list[str]:
    """Every domain that the MTA delivers itself."""
    return [HOST_NAME, *(domain for domain in settings.local_domains if domain != HOST_NAME)]


def matches(pattern: str, text: str) -> list[str]:
    """Every first group of `pattern` in `text`."""
    return re.findall(pattern, text, re.MULTILINE)
