"""A part of a log: the messages that its lines tell of, whole or not, and who is connected at its end."""

from relaymilter.maillog.message import BEGUN, UNKNOWN, Connection, Key, Message, Origin, closed
from relaymilter.maillog.stamps import Stamps
from relaymilter.maillog.transaction import Gaps, Transaction


class Part:
    """What the lines of one part are taken to; it knows nothing of what came before."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps
        self.gaps = Gaps()
        self.lines = 0
        self.first = 0.0
        self.last = 0.0
        """When its first and last lines were written; 0: none has a stamp."""
        self.connections: dict[bytes, Connection] = {}
        """Those that are there at the end."""
        self.gone: set[bytes] = set()
        """Those that had begun before, and have ended."""
        self.done: list[Transaction | Message] = []
        """In the order of their first lines."""
        self._messages: dict[Key, Message] = {}
        """The last one of each queue id."""

    def seconds(self, line: bytes) -> float:
        """When it was written. Raises ValueError where it has no time stamp."""
        return self._stamps.seconds(line)

    def message(self, key: Key) -> Message:
        """The one that has this queue id now."""
        message = self._messages.get(key)
        if message is None:
            message = self._messages[key] = Message(key)
            self.done.append(message)
        return message

    def begin(self, key: Key) -> Message:
        """Another one has this queue id from now on; but what is internal may be known to be so before it begins."""
        message = self._messages.get(key)
        if message is not None and message.origin is Origin.INTERNAL:
            return message
        message = self._messages[key] = Message(key)
        self.done.append(message)
        return message

    def alone(self) -> Message:
        """One of a single line."""
        message = Message((b"", b""))
        message.origin, message.unsent, message.expected = Origin.SMTP, True, 0
        self.done.append(message)
        return message

    def disconnected(self, process: bytes) -> None:
        """The client is gone."""
        if not self.connections.pop(process, UNKNOWN).begun:
            self.gone.add(process)

    def connection(self, process: bytes) -> Connection:
        """That of a process; of one that has begun before only what followed is known."""
        return self.connections.get(process, BEGUN if process in self.gone else UNKNOWN)

    def connect(self, message: Message, process: bytes) -> None:
        """The message came by this connection. What it does not say of its login may have been said before."""
        known = self.connection(process)
        if message.login is not None and message.login != known.login:
            known = Connection(known.begun, message.login, message.mechanism or known.mechanism, known.tls)
            self.connections[process] = known
        if known is not BEGUN:
            message.belongs_to(known)
        if not known.begun:
            message.connection = process

    def close(self) -> None:
        """There are no more lines: what is whole becomes a transaction, or is counted."""
        closing = (self._closed(message) if isinstance(message, Message) else message for message in self.done)
        self.done = [each for each in closing if each is not None]
        self._messages.clear()

    def _closed(self, message: Message) -> Transaction | Message | None:
        """Of one that is in a queue still more may be heard."""
        if message.connection is None and (message.unsent or (message.ended and message.origin is not Origin.UNKNOWN)):
            return closed(message, self.gaps)
        return message
