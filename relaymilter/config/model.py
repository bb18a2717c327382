"""What a configuration comes to: frozen, complete, and checked."""

from dataclasses import dataclass
from typing import Literal

from relaymilter.config.endpoint import Endpoint
from relaymilter.policy.networks import LocalNetwork
from relaymilter.policy.ruleset import Refusals


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """What decides, and what is said."""

    local_networks: tuple[LocalNetwork, ...]
    local_domains: frozenset[str]
    """In domain_form; an entry that begins with a dot stands for subdomains."""
    relay_domains: frozenset[str]
    authorised_logins: frozenset[str] | None
    """None: every login."""
    refusals: Refusals


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
    pin: bool
    runtime: Literal["libmilter", "loop"]
    workers: int
