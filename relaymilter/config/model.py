"""What a configuration comes to: frozen, complete, and checked."""

from dataclasses import dataclass
from typing import Literal

from relaymilter.config.bounds import Bounds
from relaymilter.config.endpoint import Endpoint
from relaymilter.config.sets import NameSet, NetworkSet
from relaymilter.policy.ruleset import Refusals


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """How tables are asked that must be waited for; times in seconds."""

    timeout: float = 2.0
    """For a decision that needs them."""
    positive: float = 60.0
    """How long a yes is kept,"""
    negative: float = 20.0
    """and a no."""
    size: int = 10_000
    """Answers kept of each table."""
    stale: float = 0.0
    """How much longer a yes may serve while its table fails."""


@dataclass(frozen=True, slots=True)
class MxBackupSettings:
    """Domains whose mail exchangers this host backs up."""

    domains: NameSet | None = None
    """None: it backs up none."""
    networks: NetworkSet = NetworkSet()
    """Where their best exchangers are."""
    names: frozenset[str] = frozenset()
    """Of this host, as MX records have them."""


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What decides, and what is said."""

    local_networks: NetworkSet
    local_domains: NameSet
    """In domain_form; an entry that begins with a dot stands for subdomains."""
    relay_domains: NameSet
    authorised_logins: NameSet | None
    """None: every login."""
    refusals: Refusals
    lookups: LookupSettings = LookupSettings()
    bounds: Bounds = Bounds()
    mx_backup: MxBackupSettings = MxBackupSettings()
    name_servers: tuple[tuple[str, int], ...] = ()
    """Address and port of each; none: those of /etc/resolv.conf."""

    @property
    def takes_mail(self) -> bool:
        """There is some domain that strangers may write to."""
        domains = (self.local_domains, self.relay_domains, self.mx_backup.domains or NameSet())
        return any(found != NameSet() for found in domains)


@dataclass(frozen=True, slots=True)
class Account:
    """A user and a group to serve as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where the log goes, what it tells, and how."""

    syslog: bool
    format: Literal["text", "json"]
    decisions: Literal["all", "refused", "none"]
    verbose: bool


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """What is opened at the start, and stays until the end."""

    socket: Endpoint
    socket_mode: int
    socket_gid: int | None
    pidfile: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    policy: PolicySettings
    listen: ListenSettings
    log: LogSettings
    dry_run: bool
    account: Account | None
    stop_timeout: float
    """Seconds."""
    watch: float
    """Seconds between two looks at the files; 0: none."""
    pin: bool
    runtime: Literal["libmilter", "loop"]
    workers: int
