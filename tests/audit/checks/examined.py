"""A sound Postfix for `doctor`, and what it finds where a line is another: all read by the real postconf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from relaymilter.audit.checks.finding import Finding
from relaymilter.audit.checks.inspected import Host
from relaymilter.audit.doctor import examine, inspect
from relaymilter.config.reader import Flags, read
from relaymilter.daemon.asking import ask
from tests.rig import Relaymilter, Release
from tests.rig.postmap import configured

MAIN_CF = """myhostname = mx.example.org
mydestination = $myhostname, localhost.$mydomain, localhost
relay_domains =
mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/24
inet_interfaces = all
queue_directory = {queue}
smtpd_milters = unix:relaymilter/milter.sock
milter_default_action = tempfail
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_client_access inline:{{192.0.2.1=OK}}
smtpd_sasl_auth_enable = yes
smtpd_forbid_bare_newline = yes
content_filter = scan:[127.0.0.1]:10024
"""
"""{queue} is the folder of the queue."""
MASTER_CF = """smtp inet n - y - - smtpd
submission inet n - y - - smtpd -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
127.0.0.1:10025 inet n - y - - smtpd -o smtpd_milters= -o content_filter=
cleanup unix n - y - 0 cleanup
"""


@dataclass(frozen=True)
class Sound:
    """A daemon that runs, and the queue of a Postfix that it is attached to."""

    folder: Path
    daemon: Relaymilter

    @property
    def queue(self) -> Path:
        """It has the daemon's socket."""
        return self.folder / "queue"

    @property
    def flags(self) -> dict[str, tuple[str, ...]]:
        """The daemon's."""
        return {
            "socket": (self.daemon.milter,),
            "control": (f"unix:{self.folder}/control",),
            "local-domain": ("mx.example.org",),
            "local-network": ("127.0.0.0/8", "::1", "192.0.2.0/24"),
        }

    @property
    def words(self) -> list[str]:
        """The same, for a command line."""
        return [word for key, values in self.flags.items() for value in values for word in (f"--{key}", value)]


def sound_daemon(folder: Path) -> Sound:
    """It is not started yet."""
    place = folder / "queue" / "relaymilter"
    place.mkdir(parents=True)
    sound = Sound(folder, Relaymilter(place, milter=f"unix:{place}/milter.sock"))
    words = [word for word in sound.words if word not in ("--socket", sound.daemon.milter)]
    return Sound(folder, Relaymilter(place, *words, milter=sound.daemon.milter))


def postfix_folder(folder: Path, release: Release, sound: Sound, main_cf: str = "", master_cf: str = "") -> Path:
    """The configuration of the sound Postfix, with these lines in place of those of the same names."""
    named = {line.partition("=")[0].strip(): line for line in MAIN_CF.format(queue=sound.queue).splitlines()}
    named |= {line.partition("=")[0].strip(): line for line in main_cf.splitlines()}
    conf = configured(folder, "".join(f"{line}\n" for line in named.values()), release)
    services = {line.split()[0]: line for line in (MASTER_CF + master_cf).splitlines()}
    (conf / "master.cf").write_text("".join(f"{line}\n" for line in services.values()))
    return conf


def findings(
    mta: str, sound: Sound, flags: Mapping[str, tuple[str, ...]] | None = None, host: Host | None = None
) -> list[Finding]:
    """What is found with this MTA, with these flags in place of the daemon's; on a host without gateways by default."""
    reading = read(Flags({**sound.flags, **(flags or {})}))
    seen = inspect(mta, reading, ask(f"{sound.folder}/control", "status", 10), "")
    return examine(replace(seen, host=host or replace(seen.host, gateways=())))


def words(found: list[Finding]) -> list[str]:
    """Each as `severity name place`."""
    return [f"{finding.severity.value} {finding.name} {finding.place}" for finding in found]
