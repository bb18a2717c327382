"""One transaction as a log tells of it: who sent, to whom, what became of each recipient; and what is not told."""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import NamedTuple

from relaymilter.policy.envelope import Request


class Way(IntEnum):
    """Where mail went."""

    UNKNOWN = 0
    """It was not delivered yet, or thrown away, or went to a filter on this host."""
    HERE = 1
    """Into a mailbox of this host, or one behind it by LMTP or a pipe."""
    ON = 2
    """To another host."""


class Recipient(NamedTuple):
    """One RCPT command, as far as the log tells."""

    path: bytes
    """With its brackets. Postfix logs it as its own rules rewrote it."""
    accepted: bool
    way: Way = Way.UNKNOWN
    said: bytes = b""
    """The reply, where it was refused."""
    by_milter: bool = False
    """A milter refused it, so that we may be asked for it, too; else the MTA did, before any milter is asked."""


class Transaction(NamedTuple):
    """One client's mail from one sender. Text that is no UTF-8 has surrogates, as os.fsdecode makes them."""

    time: float
    """Unix time of its first line."""
    client: str
    """Its address, or what stands for one."""
    login: str | None
    mechanism: str | None
    tls: str | None
    helo: bytes
    """Empty where the log does not say it, as Postfix's mostly does not."""
    sender: bytes
    """With its brackets."""
    recipients: tuple[Recipient, ...]
    asked: Request | None = None
    """All that we were asked, from a line of our own decision log."""
    session: str = ""
    """Of such a line; several may be of one message."""


@dataclass(slots=True)
class Gaps:
    """What the log does not tell, as counts."""

    no_recipients: int = 0
    """Messages that were begun, and no delivery is logged: given up, refused at their end, or later than the log."""
    no_beginning: int = 0
    """Messages that were delivered, and the line with the client is missing."""
    fewer_recipients: int = 0
    """Messages with fewer deliveries than recipients when the log ended."""
    unnamed: int = 0
    """Refusals that name no recipient: at CONNECT, HELO, MAIL, or DATA."""
    expanded: int = 0
    """Recipients that aliases were expanded to, without what the client wrote (Sendmail)."""
    not_by_smtp: int = 0
    """Messages from programs of the host itself."""
    internal: int = 0
    """Bounces and the like, of the MTA's own."""
    filtered: int = 0
    """Messages that came back from a content filter; they are counted when they came first."""
    own_lines: int = 0
    """Lines of our own log among those of an MTA, which say the same once more."""
    no_login: int = 0
    """Messages of a login whose name is not in the log."""
    unreadable: int = 0
    """Lines that look as if they told something, and are cut short, or have no time stamp."""

    def add(self, other: "Gaps") -> None:
        """Count those of another part of the log, too."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
