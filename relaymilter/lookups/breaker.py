"""A circuit breaker: a source that fails is not asked for a while, and then by one question alone."""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakSet

from relaymilter.lookups import outcomes

log = logging.getLogger(__name__)

FAILURES = 3
"""In a row, that open the breaker."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
LONGEST_PROBE = 30.0
"""Seconds after which a question that does not end is given up, and another may be asked."""


_all: "WeakSet[Breaker]" = WeakSet()


def open_breakers() -> list[str]:
    """Of this process: what is not asked for a while, and why."""
    return sorted(state for breaker in [*_all] if (state := breaker.state))


class Ticket(NamedTuple):
    """The right to ask; to be given back with worked(), failed() or withdrew()."""

    period: int
    """The breaker has opened so often: a failure counts only in the period in which the question was asked."""


class Breaker:
    """Closed: asked. Open: not asked until the pause is over, then by one thread alone; pauses double."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._period = 0
        self._ticket = Ticket(0)
        self._pause = 0.0
        self._opened = 0.0
        self._open_until = 0.0
        self._probing_until = 0.0
        self._reason = ""
        _all.add(self)

    @property
    def state(self) -> str | None:
        """Of an open one: what is not asked, and why; also while one question tries whether it answers again."""
        return None if self._failures < FAILURES else f"{self._name}: {self._reason}"

    @property
    def failing(self) -> bool:
        """The last answer did not come; the breaker may be closed yet."""
        return self._failures > 0

    def refuses(self) -> str | None:
        """Why the source is not asked now, or None."""
        if self._failures < FAILURES:
            return None
        if self._clock() < max(self._open_until, self._probing_until):
            return f"not asked for a while: {self._reason}"
        return None

    def outage(self) -> float | None:
        """For how many seconds the source has been out; None while it is not, or has answered since."""
        return None if self._failures < FAILURES else self._clock() - self._opened

    def enter(self) -> Ticket | str:
        """As refuses(), for a thread that asks now; after a pause the first one asks alone."""
        if not self._failures:  # a lock, and another ticket, would cost as much as some look-ups
            return self._ticket
        with self._lock:
            refused = self.refuses()
            if refused is not None:
                return refused
            if self._failures >= FAILURES:
                self._probing_until = self._clock() + LONGEST_PROBE
            return self._ticket

    def worked(self) -> None:
        """An answer came, whenever it was asked for."""
        with self._lock:
            was_open = self._failures >= FAILURES
            self._failures, self._pause, self._probing_until = 0, 0.0, 0.0
        if was_open:
            outcomes.closed(self._name)
            log.warning("%s: answers again", self._name)

    def withdrew(self, ticket: Ticket) -> None:
        """None came, and nothing follows from that."""
        with self._lock:
            if ticket.period == self._period:
                self._probing_until = 0.0

    def failed(self, ticket: Ticket, reason: str) -> None:
        """None came."""
        with self._lock:
            if ticket.period != self._period:
                return
            self._failures += 1
            self._reason = reason
            if self._failures < FAILURES:
                return
            opens = self._failures == FAILURES
            if opens:
                self._opened = self._clock()
            self._period += 1
            self._ticket = Ticket(self._period)
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            self._open_until = self._clock() + self._pause
            self._probing_until = 0.0
            pause = self._pause
        if opens:
            outcomes.opened(self._name)
        log.warning("%s: %s; not asked for %g s", self._name, reason, pause)
