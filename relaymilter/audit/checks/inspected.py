"""All that the checks look at: one MTA, this machine, our own settings, and the daemon that runs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from relaymilter.audit.checks.finding import Finding
from relaymilter.config.endpoint import (
    Endpoint,
    FdEndpoint,
    InetEndpoint,
    NamedFdEndpoint,
    UnixEndpoint,
    parse_endpoint,
)
from relaymilter.config.local import LocalSettings
from relaymilter.config.reader import Reading
from relaymilter.mta.gateways import Gateway
from relaymilter.mta.milter_socket import Milter, Path, Tcp
from relaymilter.mta.postfix_site import PostfixSite
from relaymilter.mta.sendmail_site import SendmailSite
from relaymilter.mta.settings import MtaSettings
from relaymilter.policy.networks import Address

HANDED_DOWN = UnixEndpoint("/var/spool/postfix/relaymilter/milter.sock")
"""Where the systemd unit has the socket that it hands down."""


@dataclass(frozen=True, slots=True)
class Host:
    """This machine."""

    addresses: tuple[Address, ...] = ()
    gateways: tuple[Gateway, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspected:
    """Of the two sites one is there, or none where the MTA's configuration cannot be read."""

    mta: str
    """Such as `postfix`, or `sendmail:/etc/mail`."""
    reading: Reading
    """Our own settings."""
    host: Host = field(default_factory=Host)
    answer: Mapping[str, Any] | None = None
    """What the running daemon said of itself."""
    silence: str = ""
    """Why it said nothing."""
    postfix: PostfixSite | None = None
    sendmail: SendmailSite | None = None
    lists: MtaSettings | None = None
    """What `--mta` takes of it."""
    local: LocalSettings | None = None
    """What these come to."""
    unread: tuple[str, ...] = ()
    """Why it could not be read, or not all of it."""

    @property
    def sockets(self) -> tuple[UnixEndpoint | InetEndpoint, ...]:
        """Where the daemon says that it listens, or where it would by our flags."""
        listeners = (self.answer or {}).get("listeners", ())
        there = [endpoint for each in listeners if (endpoint := _endpoint(each))] if isinstance(listeners, list) else []
        return tuple(map(_as_mta_sees_it, there or self.reading.settings.listen.sockets))

    def is_ours(self, milter: Milter, queue: str = "") -> bool:
        """Is this milter relaymilter? `queue` is what Postfix's paths are relative to."""
        return any(_meets(milter.where, ours, queue) for ours in self.sockets)


Check: TypeAlias = Callable[[Inspected], Iterator[Finding]]


def _endpoint(text: object) -> Endpoint | None:
    """As `status` prints it; None for what is none."""
    try:
        return parse_endpoint(str(text))
    except ValueError:
        return None


def _as_mta_sees_it(endpoint: Endpoint) -> UnixEndpoint | InetEndpoint:
    return HANDED_DOWN if isinstance(endpoint, FdEndpoint | NamedFdEndpoint) else endpoint


def _meets(where: Tcp | Path, ours: UnixEndpoint | InetEndpoint, queue: str) -> bool:
    if isinstance(where, Tcp):
        return isinstance(ours, InetEndpoint) and where.is_at(ours.host, ours.port)
    return isinstance(ours, UnixEndpoint) and ours.path in (where.path, f"{queue}/{where.path.lstrip('/')}")
