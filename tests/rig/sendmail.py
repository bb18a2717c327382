"""A private Sendmail that relays for anyone (promiscuous_relay), in the foreground as a child.

A mailer that is a shell script throws the mail away and notes the recipient.  Sendmail has no
XCLIENT: a client that needs an address connects from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .logins import make_logins, sasl_configuration
from .mta import PORT, SMMSP_ID, SUBMISSION_PORT, Mta, domain_words
from .namespace import Namespace
from .settings import HOST_NAME, MtaSettings
from .syslog import Syslog

CF = "/usr/share/sendmail/cf"
HERE = Path(__file__).parent

FLAGS = {"tempfail": ", F=T", "reject": ", F=R", "shutdown": ", F=4", "accept": ""}

# The recipient is the last argument; a local mailer is given -f and the sender before it.
DROP = """#!/bin/sh
cat >/dev/null
for recipient; do :; done
echo "$recipient" >>{directory}/delivered
"""


def milter_socket(socket: str) -> str:
    """Turn Postfix's form of a milter socket into Sendmail's: inet:host:port -> inet:port@host.

    An IPv6 address has brackets on Postfix, and none on Sendmail.
    """
    if not socket.startswith("inet:"):
        return socket
    host, _, port = socket.removeprefix("inet:").rpartition(":")
    return f"inet6:{port}@{host[1:-1]}" if host.startswith("[") else f"inet:{port}@{host}"


def filters(settings: MtaSettings) -> str:
    """The lines of the .mc file that call the milters."""
    options = f"{FLAGS[settings.when_down]}, T=C:5s;S:5s;R:5s;E:10s"
    return "\n".join(
        f"INPUT_MAIL_FILTER(`m{number}', `S={milter_socket(socket)}{options}')"
        for number, socket in enumerate(settings.milters)
    )


class Sendmail(Mta):
    """Sendmail; `start()` returns when it accepts connections.

    `loopback` is one more address of the daemon, which `submission` (the options of its sendmail) sends to.
    """

    name = "sendmail"
    program = "/usr/libexec/sendmail/sendmail"
    configured_in = "sendmail.cf"

    def __init__(self, namespace: Namespace, directory: Path, settings: MtaSettings) -> None:
        super().__init__(namespace, directory, settings)
        self.loopback = f"127.0.1.{self.address.rpartition('.')[2]}"
        self.submission = ("-C", str(directory / "submit.cf"))
        self._syslog = Syslog(directory / "log.socket")
        (directory / "dev" / "log").symlink_to(directory / "log.socket")

    def start(self) -> None:
        """Write the configuration and start it."""
        self._syslog.__enter__()
        self._write_files()
        make_logins(self.directory / "sasl" / "sasldb2", self.settings.logins)
        self._write_cf("submit")
        self._write_cf("sendmail")
        self._make_table("virtusertable", self.settings.forwards)
        self._launch(self.program, *self.configuration, "-bD", "-q1h")

    def stop(self) -> None:
        super().stop()
        self._syslog.__exit__()

    def log(self) -> str:
        return self._syslog.text()

    def log_file(self) -> bytes:
        return self._syslog.stamped("mx")

    def delivered(self) -> list[str]:
        return (self.directory / "delivered").read_text().splitlines()

    def _write_files(self) -> None:
        directory = self.directory
        for name in ("queue", "client-queue", "sasl"):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        os.chown(directory / "client-queue", SMMSP_ID, SMMSP_ID)
        (directory / "service.switch").write_text("hosts files\n")
        (directory / "aliases").write_text("postmaster: root\nmailer-daemon: postmaster\n")
        (directory / "statistics").touch()
        (directory / "sasl" / "Sendmail.conf").write_text(sasl_configuration(directory / "sasl" / "sasldb2"))
        (directory / "sasl" / "Sendmail.conf").chmod(0o600)
        (directory / "delivered").touch()
        (directory / "delivered").chmod(0o666)
        (directory / "drop").write_text(DROP.format(directory=directory))
        (directory / "drop").chmod(0o755)

    def _make_table(self, name: str, entries: Mapping[str, str]) -> None:
        lines = "".join(f"{key}\t{value}\n" for key, value in entries.items())
        self.run("makemap", *self.configuration, "-s", "hash", str(self.directory / name), stdin=lines)

    def _write_cf(self, name: str) -> None:
        words = {
            "HOST": HOST_NAME,
            "DIR": str(self.directory),
            "ADDRESS": self.address,
            "ADDRESS6": self.address6,
            "LOOPBACK": self.loopback,
            "PORT": str(PORT),
            "SUBMISSION": str(SUBMISSION_PORT),
            "MILTERS": filters(self.settings),
            "EXTRA": self.settings.extra,
            "DOMAINS": " ".join(domain_words(self.settings)),
        }
        defined = [f"-DRIG_{word}={value}" for word, value in words.items()]
        # On standard error there are but warnings, of being an open relay.
        m4 = ("sh", "-c", 'exec m4 "$@" 2>/dev/null', "m4", f"-D_CF_DIR_={CF}/")
        built = self.run(*m4, *defined, "-", stdin=(HERE / f"{name}.mc").read_text())
        (self.directory / f"{name}.cf").write_text(built)
