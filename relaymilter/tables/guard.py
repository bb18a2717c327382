"""What must be waited for, made safe to ask: a cache with lifetimes and a cap, and a circuit breaker.

An answer in the cache costs a dict look-up. A source that fails is not asked for a while: then every question costs
microseconds and is answered "could not find out", never yes and never no, but for a stale yes where those are allowed.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from relaymilter.policy.ports import LookupFailed, MustWait, Table
from relaymilter.tables import waiting

T = TypeVar("T")

log = logging.getLogger(__name__)

FAILURES = 3
"""Failures in a row that open the breaker."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
KEY_PAUSE = 10.0
"""For a key that alone fails."""


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


class _Kept(NamedTuple):
    answer: object
    until: float


class Breaker:
    """Closed: asked. Open: not asked until the pause is over, then by one thread alone; pauses double."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = 0.0
        self._open_until = 0.0
        self._probing = False
        self._reason = ""

    def refuses(self) -> str | None:
        """Why the source is not asked now, or None."""
        if self._failures < FAILURES:
            return None
        if self._probing or self._clock() < self._open_until:
            return f"not asked for a while: {self._reason}"
        return None

    def enter(self) -> str | None:
        """As refuses(), for a thread that is about to ask; the first one after a pause asks alone."""
        with self._lock:
            refused = self.refuses()
            if refused is None and self._failures >= FAILURES:
                self._probing = True
            return refused

    def worked(self) -> None:
        """An answer came."""
        with self._lock:
            was_open = self._failures >= FAILURES
            self._failures, self._pause, self._probing = 0, 0.0, False
        if was_open:
            log.warning("%s: answers again", self._name)

    def failed(self, reason: str) -> None:
        """None came."""
        with self._lock:
            late = self._failures >= FAILURES and not self._probing  # it was asked before the breaker opened
            self._failures += 1
            if late or self._failures < FAILURES:
                self._reason = reason
                return
            self._probing = False
            self._reason = reason
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            self._open_until = self._clock() + self._pause
            pause = self._pause
        log.warning("%s: %s; not asked for %g s", self._name, reason, pause)


class Guard(Generic[T]):
    """A question that may block, by a key, with its cache and its breaker."""

    def __init__(
        self,
        name: str,
        ask: Callable[[str], T | None],
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.breaker = Breaker(name, clock)
        self._ask = ask
        self._limits = limits
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._failed: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def find(self, key: str) -> T | None:
        """The answer, from the cache or by asking. Raises LookupFailed, and MustWait in a thread that may not wait."""
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.answer  # type: ignore[return-value]  # of a dict of many types of answers
        failed = self._failed.get(key)
        if failed is not None and self._clock() < failed.until:
            return self._stale(kept, f"not asked for a while: {failed.answer}")
        if not waiting.allowed():
            refused = self.breaker.refuses()
            if refused is None:
                raise MustWait(self.name)
        else:
            refused = self.breaker.enter()
        if refused is not None:
            return self._stale(kept, refused)
        try:
            answer = self._ask(key)
        except KeyFailed as failure:
            self.breaker.worked()
            self._keep(self._failed, key, str(failure), KEY_PAUSE)
            return self._stale(kept, str(failure))
        except Exception as error:
            reason = str(error) if isinstance(error, LookupFailed) else f"{type(error).__name__}: {error}"
            self.breaker.failed(reason)
            return self._stale(kept, reason)
        self.breaker.worked()
        self._keep(self._kept, key, answer, self._limits.negative if answer is None else self._limits.positive)
        return answer

    def _stale(self, kept: _Kept | None, reason: str) -> T:
        if kept is not None and kept.answer is not None and self._clock() < kept.until + self._limits.stale:
            return kept.answer  # type: ignore[return-value]
        raise LookupFailed(f"{self.name}: {reason}")

    def _keep(self, answers: dict[str, _Kept], key: str, answer: object, lifetime: float) -> None:
        with self._lock:
            answers.pop(key, None)
            while len(answers) >= max(1, self._limits.size):
                del answers[next(iter(answers))]
            answers[key] = _Kept(answer, self._clock() + lifetime)


class GuardedTable:
    """The keys of a table that must be waited for, as names."""

    __slots__ = ("_guard",)

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
            return self._table.find(key)
        except LookupFailed as failure:
            raise LookupFailed(f"{self._table.name}: {failure}") from failure
        except Exception as error:
            raise LookupFailed(f"{self._table.name}: {type(error).__name__}: {error}") from error
