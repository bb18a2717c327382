"""A message as far as some lines tell of it; what others tell is added, whichever part of the log they stand in."""

from enum import IntEnum
from typing import NamedTuple, TypeAlias

from relaymilter.maillog.transaction import Gaps, Recipient, Transaction, Way
from relaymilter.policy.networks import parse_address

Key: TypeAlias = tuple[bytes, bytes]
"""The host, with the name of the MTA on it, and a queue id."""


class Origin(IntEnum):
    """Where a message comes from."""

    UNKNOWN = 0
    SMTP = 1
    LOCAL = 2
    """A program of the host."""
    FILTER = 3
    """It was here before."""
    INTERNAL = 4
    """The MTA itself."""


class Connection(NamedTuple):
    """What is known of a process that talks to a client, until the client goes."""

    begun: bool = True
    """Its beginning has been seen."""
    login: bytes | None = None
    mechanism: bytes | None = None
    tls: bytes | None = None
    relay: bytes = b""
    """Whose login it was (Sendmail)."""

    def after(self, before: "Connection") -> "Connection":
        """The same connection, with what has been said of it before."""
        return Connection(
            before.begun,
            self.login or before.login,
            self.mechanism or before.mechanism,
            self.tls or before.tls,
            self.relay or before.relay,
        )


BEGUN = Connection()
UNKNOWN = Connection(begun=False)


class Refused(NamedTuple):
    """A recipient that was refused."""

    path: bytes
    said: bytes
    by_milter: bool


class Message:
    """Mutable: it grows with the lines of its queue id. What no line has said is the class's."""

    time = 0.0
    """Of the line that says the client; 0: none has."""
    origin = Origin.UNKNOWN
    client = b""
    login: bytes | None = None
    mechanism: bytes | None = None
    tls: bytes | None = None
    helo = b""
    sender: bytes | None = None
    """None: no line has said it."""
    expected = -1
    """Recipients, by the MTA's own count."""
    expanded = 0
    """Recipients of which it is not known what the client wrote."""
    refused: tuple[Refused, ...] = ()
    ended = False
    """It is in no queue any more."""
    unsent = False
    """It never came into one."""
    silent = False
    """It does not say whether there was a login, so that what its connection says counts."""
    connection: bytes | None = None
    """The process that had it, where the beginning of its connection has not been seen."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.recipients: dict[tuple[bytes, bytes], Way] = {}
        """By what the client wrote and what it became, both without brackets."""

    @property
    def missing(self) -> bool:
        """Deliveries to some of its recipients are not logged yet."""
        return not 0 <= self.expected <= len(self.recipients) + self.expanded

    @property
    def complete(self) -> bool:
        """Nothing more can come that matters."""
        if self.origin is Origin.UNKNOWN:
            return False
        return self.ended or self.unsent or (self.origin is Origin.SMTP and not self.missing)

    def add(self, later: "Message") -> None:
        """What later lines tell of the same message."""
        for name in ("time", "origin", "client", "login", "mechanism", "tls", "helo", "silent"):
            if not getattr(self, name):
                setattr(self, name, getattr(later, name))
        if self.sender is None:
            self.sender = later.sender
        self.connection = self.connection or later.connection
        self.expected = max(self.expected, later.expected)
        self.expanded += later.expanded
        for pair, way in later.recipients.items():
            self.recipients[pair] = max(way, self.recipients.get(pair, Way.UNKNOWN))
        self.refused += later.refused
        self.ended |= later.ended
        self.unsent |= later.unsent

    def belongs_to(self, connection: Connection) -> None:
        """What has been said of the connection before holds for the message, too."""
        self.connection = None
        self.tls = self.tls or connection.tls
        if self.silent and self.login is None and connection.relay in (b"", self.client):
            self.login, self.mechanism = connection.login, connection.mechanism

    def transaction(self) -> Transaction:
        """As it is now."""
        recipients = self._accepted() if self.recipients else []
        if self.refused:
            recipients += [Recipient(path, False, Way.UNKNOWN, said, ours) for path, said, ours in self.refused]
        return Transaction(
            self.time,
            _address(self.client),
            _text(self.login),
            _text(self.mechanism),
            _text(self.tls),
            self.helo,
            b"<%b>" % (self.sender or b""),
            tuple(recipients),
        )

    def _accepted(self) -> list[Recipient]:
        """One for each that the client wrote, however many it became."""
        if len(self.recipients) == 1:
            [((written, _), way)] = self.recipients.items()
            return [Recipient(b"<%b>" % written, True, way)]
        ways: dict[bytes, Way] = {}
        for (written, _), way in self.recipients.items():
            ways[written] = max(way, ways.get(written, Way.UNKNOWN))
        return [Recipient(b"<%b>" % written, True, way) for written, way in ways.items()]


def closed(message: Message, gaps: Gaps) -> Transaction | None:
    """What becomes of a message of which nothing more is heard; None: it is counted among the gaps."""
    if message.origin is not Origin.SMTP:
        name = _COUNTED[message.origin]
        setattr(gaps, name, getattr(gaps, name) + 1)
        return None
    gaps.expanded += message.expanded
    if message.missing:
        if message.recipients or message.expanded:
            gaps.fewer_recipients += 1
        else:
            gaps.no_recipients += 1
    return message.transaction() if message.recipients or message.refused else None


_COUNTED = {
    Origin.UNKNOWN: "no_beginning",
    Origin.LOCAL: "not_by_smtp",
    Origin.FILTER: "filtered",
    Origin.INTERNAL: "internal",
}


def _text(raw: bytes | None) -> str | None:
    return None if not raw else raw.decode("utf-8", "surrogateescape")


def _address(raw: bytes) -> str:
    """In its usual form: Sendmail writes every group of IPv6."""
    text = raw.decode("utf-8", "surrogateescape")
    if text[:5] != "IPv6:":
        return text
    parsed = parse_address(text[5:])
    return text if parsed is None else str(parsed)
