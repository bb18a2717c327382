"""What must be waited for, made safe to ask: a cache with lifetimes and a cap, and a circuit breaker.

An answer in the cache costs a dict look-up. A source that fails is not asked for a while: then every question costs
microseconds and is answered "could not find out", never yes and never no, but for a stale yes where those are allowed.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from relaymilter.lookups import outcomes, waiting
from relaymilter.lookups.breaker import Breaker
from relaymilter.policy.ports import LookupFailed, MustWait, Outage, Table

T = TypeVar("T")

KEY_PAUSE = 10.0
"""For a key that alone fails."""
_LONGEST_REASON = 300
_NO_TIME = 0.05
"""Seconds; who waits gives up a little before the end."""


class KeyFailed(LookupFailed):
    """The source answers, but not for this key: only this key is not asked for a while."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long answers are kept, in seconds, and how many of them by each table."""

    positive: float = 60.0
    negative: float = 20.0
    size: int = 10_000
    stale: float = 0.0
    """How much longer a yes may serve while its table fails."""


class Lasting(NamedTuple, Generic[T]):
    """An answer that says itself for how long it may be kept; where Limits keep none at all it is not kept either."""

    answer: T | None
    seconds: float


class _Kept(NamedTuple):
    answer: object
    until: float


class _Cache:
    """Answers until their time is over, at most so many; the oldest go first, and a no before any yes.

    A stranger can ask for any number of names that are not there: they take no room from those that are.
    """

    __slots__ = ("_lock", "_no", "_size", "_yes")

    def __init__(self, size: int) -> None:
        self._size = max(1, size)
        self._yes: dict[str, _Kept] = {}
        self._no: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> _Kept | None:
        """What is kept, maybe no longer valid."""
        return self._yes.get(key) or self._no.get(key)

    def keep(self, key: str, kept: _Kept, yes: bool) -> None:
        """Instead of what was kept for this key."""
        with self._lock:
            self._yes.pop(key, None)
            self._no.pop(key, None)
            while len(self._yes) + len(self._no) >= self._size:
                crowd = self._no or self._yes
                del crowd[next(iter(crowd))]
            (self._yes if yes else self._no)[key] = kept


class Guard(Generic[T]):
    """A question that may block, by a key, with its cache and its breaker. None and an empty tuple are a no."""

    def __init__(
        self,
        name: str,
        ask: Callable[[str], T | None | Lasting[T]],
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` raises LookupFailed; whatever else it raises is a failure of the source, too."""
        self.name = name
        self.breaker = Breaker(name, clock)
        self._ask = ask
        self._limits = limits
        self._clock = clock
        self._answers = _Cache(limits.size)
        self._failures = _Cache(limits.size)

    def find(self, key: str) -> T | None:
        """The answer, from the cache or by asking. Raises LookupFailed, and MustWait in a thread that may not wait."""
        kept = self._answers.get(key)
        if kept is not None and self._clock() < kept.until:
            outcomes.looked_up(self.name, outcomes.CACHED)
            return kept.answer  # type: ignore[return-value]  # of a dict of many types of answers
        failed = self._failures.get(key)
        if failed is not None and self._clock() < failed.until:
            return self._not_asked(kept, f"not asked for a while: {failed.answer}")
        if waiting.allowed():
            return self._find_out(key, kept)
        refused = self.breaker.refuses()
        if refused is None:
            raise MustWait(self.name)
        return self._not_asked(kept, refused)

    def _find_out(self, key: str, kept: _Kept | None) -> T | None:
        if waiting.left() <= 0:  # which is no fault of this source
            return self._not_asked(kept, "the time for the decision is over")
        late = waiting.is_late()
        ticket = self.breaker.enter()
        if isinstance(ticket, str):
            return self._not_asked(kept, ticket)
        try:
            reply = self._ask(key)
        except KeyFailed as failure:
            outcomes.looked_up(self.name, outcomes.FAILED)
            self.breaker.worked()
            reason = _reason(failure)
            self._failures.keep(key, _Kept(reason, self._clock() + KEY_PAUSE), yes=False)
            return self._stale(kept, reason)
        except Exception as error:
            outcomes.looked_up(self.name, outcomes.FAILED)
            reason = _reason(error)
            if late and waiting.left() < _NO_TIME:  # others took the time, maybe as a stranger wanted them to
                self.breaker.withdrew(ticket)
            else:
                self.breaker.failed(ticket, reason)
            return self._stale(kept, reason)
        except BaseException as error:  # the thread ends, and must not be waited for
            self.breaker.failed(ticket, type(error).__name__)
            raise
        self.breaker.worked()
        answer, said = reply if isinstance(reply, Lasting) else (reply, None)
        yes = _is_yes(answer)
        outcomes.looked_up(self.name, outcomes.FOUND if yes else outcomes.MISSING)
        seconds = self._limits.positive if yes else self._limits.negative
        if said is not None and seconds > 0:
            seconds = said
        self._answers.keep(key, _Kept(answer, self._clock() + seconds), yes)
        return answer

    def _not_asked(self, kept: _Kept | None, reason: str) -> T:
        outcomes.looked_up(self.name, outcomes.NOT_ASKED)
        return self._stale(kept, reason)

    def _stale(self, kept: _Kept | None, reason: str) -> T:
        if kept is not None and _is_yes(kept.answer) and self._clock() < kept.until + self._limits.stale:
            return kept.answer  # type: ignore[return-value]
        lasts = self.breaker.outage()
        raise LookupFailed(f"{self.name}: {reason}") if lasts is None else Outage(f"{self.name}: {reason}", lasts)


def _is_yes(answer: object) -> bool:
    """Not None, nor an empty tuple; an empty string is the value of a key that is there."""
    return answer is not None and answer != ()


def _reason(error: Exception) -> str:
    """One line for the log, whatever a server or a client has put in it."""
    text = str(error) if isinstance(error, LookupFailed) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())[:_LONGEST_REASON]
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)


class GuardedTable:
    """The keys of a table that must be waited for, as names."""

    __slots__ = ("_guard",)
    waits = True

    def __init__(self, table: Table, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._guard: Guard[str] = Guard(table.name, table.find, limits, clock)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._guard.find(name) is not None

    def find(self, key: str) -> str | None:
        """The value of a key, or None. Raises LookupFailed and MustWait."""
        return self._guard.find(key)


class ReadyTable:
    """The keys of a table that answers at once, as names."""

    __slots__ = ("_table",)

    def __init__(self, table: Table) -> None:
        self._table = table

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.find(name) is not None

    def find(self, key: str) -> str | None:
        """The value of a key, or None. Raises LookupFailed, whatever went wrong."""
        try:
            value = self._table.find(key)
        except Exception as error:
            outcomes.looked_up(self._table.name, outcomes.FAILED)
            raise LookupFailed(f"{self._table.name}: {_reason(error)}") from error
        outcomes.looked_up(self._table.name, outcomes.MISSING if value is None else outcomes.FOUND)
        return value
