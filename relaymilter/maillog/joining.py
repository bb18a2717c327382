"""Messages put together across the parts of a log, and given out in the order of time, in bounded memory.

A message waits for its deliveries for an hour of the log at most, and with no more than so many others; those that are
whole wait for older ones, which may still come, for some minutes.
"""

import heapq
from collections.abc import Iterator
from itertools import count

from relaymilter.maillog.message import UNKNOWN, Connection, Key, Message, Origin, closed
from relaymilter.maillog.part import Part
from relaymilter.maillog.transaction import Gaps, Transaction

PATIENCE = 3600
"""Seconds of the log, after which a message is taken as it is."""
HOLD = 300
"""Seconds of the log for which transactions wait for older ones."""
MOST_OPEN = 20_000
MOST_HELD = 20_000
MOST_GIVEN = 50_000
"""Messages that are known to have been given out; lines of others that come later are taken for a gap."""
MOST_CONNECTIONS = 20_000


class Joining:
    """Takes parts in their order."""

    def __init__(self) -> None:
        self.gaps = Gaps()
        self.lines = 0
        self.first = 0.0
        self.last = 0.0
        self._open: dict[Key, Message] = {}
        self._given: dict[Key, None] = {}
        self._connections: dict[bytes, Connection] = {}
        self._held: list[tuple[float, int, Transaction]] = []
        self._numbers = count()

    def add(self, part: Part) -> Iterator[Transaction]:
        """What a further part makes whole, and may be given out."""
        self.gaps.add(part.gaps)
        self.lines += part.lines
        self.first = self.first or part.first
        self.last = max(self.last, part.last)
        for each in part.done:
            if isinstance(each, Transaction):
                self._hold(each)
            else:
                self._take(each)
        self._go_on(part)
        self._lose_patience()
        yield from self._ready(self._until())

    def end(self) -> Iterator[Transaction]:
        """The log is over."""
        for message in self._open.values():
            self._close(message)
        self._open.clear()
        yield from self._ready(float("inf"))

    def _take(self, later: Message) -> None:
        if later.connection is not None:
            later.belongs_to(self._connections.get(later.connection, UNKNOWN))
        message = self._open.get(later.key)
        if later.origin is Origin.UNKNOWN and message is None and later.key in self._given:
            if later.ended:
                del self._given[later.key]
            return
        if message is not None and _is_another(message, later):
            self._close(self._open.pop(later.key))
            message = None
        if message is None:
            message = later
            if not later.unsent:
                self._open[later.key] = later
        else:
            message.add(later)
        if message.complete:
            self._give(message)

    def _give(self, message: Message) -> None:
        """Of one that is in a queue still there are more lines to come, which say nothing new."""
        self._close(message)
        self._open.pop(message.key, None)
        if not message.ended and message.key[1]:
            self._remember(message.key)

    def _remember(self, key: Key) -> None:
        self._given.pop(key, None)
        self._given[key] = None
        if len(self._given) > MOST_GIVEN:
            del self._given[next(iter(self._given))]

    def _close(self, message: Message) -> None:
        transaction = closed(message, self.gaps)
        if transaction is not None:
            self._hold(transaction)

    def _hold(self, transaction: Transaction) -> None:
        heapq.heappush(self._held, (transaction.time, next(self._numbers), transaction))

    def _go_on(self, part: Part) -> None:
        """Who is connected now."""
        for process in part.gone:
            self._connections.pop(process, None)
        for process, known in part.connections.items():
            before = self._connections.pop(process, None)
            self._connections[process] = known if known.begun or before is None else known.after(before)
        for process in list(self._connections)[: max(0, len(self._connections) - MOST_CONNECTIONS)]:
            del self._connections[process]

    def _lose_patience(self) -> None:
        for key, message in list(self._open.items()):
            too_many = len(self._open) > MOST_OPEN
            if not too_many and (not message.time or message.time > self.last - PATIENCE):
                break
            del self._open[key]
            self._close(message)
            self._remember(key)

    def _until(self) -> float:
        """What is older than this may be given out: nothing older is expected."""
        oldest = next((message.time for message in self._open.values() if message.time), self.last)
        return min(self.last, max(oldest, self.last - HOLD))

    def _ready(self, until: float) -> Iterator[Transaction]:
        held = self._held
        while held and (held[0][0] < until or len(held) > MOST_HELD):
            yield heapq.heappop(held)[2]


def _is_another(message: Message, later: Message) -> bool:
    """A queue id is used again: where both say their client, they are two."""
    return bool(message.time and later.time)
