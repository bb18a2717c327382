"""Whether the thread that asks may wait for an answer, and until when.

A callback of a milter may not: it answers for every session there is. A thread of a LookupPool may, until the deadline
of the decision that it makes; nobody listens to what comes later. The event loop's own thread may not wait either, but
may do what mostly takes microseconds, such as a change in a file of SQLite, which it commits at the end of its turn.
"""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from relaymilter.lookups.turns import Turn


class _Here(threading.local):
    """Of one thread; what is not set is read from here, which costs a tenth of asking whether it is set."""

    allowed = False
    end = math.inf
    whole = math.inf
    turn: Turn | None = None


_here = _Here()


def allow() -> None:
    """This thread may wait from now on."""
    _here.allowed = True


@contextmanager
def allowing(until: float = math.inf, whole: float | None = None) -> Iterator[None]:
    """This thread may wait meanwhile, until this moment of the monotonic clock; `whole`: seconds of the decision."""
    with _being(True, until, until - time.monotonic() if whole is None else whole):
        yield


@contextmanager
def forbidding() -> Iterator[None]:
    """This thread may not wait meanwhile."""
    with _being(False, end(), whole()):
        yield


@contextmanager
def _being(allowed_now: bool, until: float, seconds: float) -> Iterator[None]:
    before = allowed(), end(), whole()
    _here.allowed, _here.end, _here.whole = allowed_now, until, seconds
    try:
        yield
    finally:
        _here.allowed, _here.end, _here.whole = before


def allowed() -> bool:
    """May this thread wait? Also when its time is over: then there is no answer."""
    return _here.allowed


def end() -> float:
    """The moment at which the decision that this thread makes must be there; infinity where it makes none."""
    return _here.end


def left() -> float:
    """Seconds until then; 0 if there are none."""
    return max(0.0, end() - time.monotonic())


def allow_brief(turn: Turn) -> None:
    """This thread may, from now on, do what is quick but for a rare accident, and commits it with its turn."""
    _here.turn = turn


def turn() -> Turn | None:
    """That of a thread that may do what is quick; None: it may not, or it may wait."""
    return None if _here.allowed else _here.turn


def whole() -> float:
    """Seconds that the decision has in whole."""
    return _here.whole


def is_late() -> bool:
    """More than half of the decision's time is over, so what fails for want of time is not to be blamed for it."""
    return end() < math.inf and left() < whole() / 2
