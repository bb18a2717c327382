"""A ledger that others hold, made safe to ask: a breaker, so that one that is down costs microseconds.

It says LookupFailed then, at once; what is decided without it is policy's to say.
"""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from relaymilter.lookups import waiting
from relaymilter.lookups.breaker import Breaker
from relaymilter.policy.ports import Change, Hash, Ledger, LookupFailed, MustWait, Past

T = TypeVar("T")


class GuardedLedger:
    """A Ledger."""

    waits = True

    def __init__(self, ledger: Ledger, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`name` is for the log."""
        self._ledger = ledger
        self._name = name
        self.breaker = Breaker(name, clock)

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """As Ledger has it."""
        return self._asked(lambda: self._ledger.update(subject, now, asks, change))

    def read(self, subject: str, now: int, /) -> bytes | None:
        """As Ledger has it."""
        return self._asked(lambda: self._ledger.read(subject, now))

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it."""
        return self._asked(lambda: self._ledger.subjects(prefix, now))

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        return self._asked(lambda: self._ledger.remembered(subject, now))

    def forget(self, subject: str, /) -> bool:
        """As Ledger has it."""
        return self._asked(lambda: self._ledger.forget(subject))

    def _asked(self, ask: Callable[[], T]) -> T:
        refused = self.breaker.refuses()
        if refused is not None:
            raise LookupFailed(f"{self._name}: {refused}")
        if not waiting.allowed() and self.breaker.failing:
            raise MustWait(self._name)  # whoever may wait finds out whether it works again
        ticket = self.breaker.enter()
        if isinstance(ticket, str):
            raise LookupFailed(f"{self._name}: {ticket}")
        try:
            answer = ask()
        except LookupFailed as failure:
            self.breaker.failed(ticket, str(failure))
            raise
        if self.breaker.failing:
            self.breaker.worked()
        return answer
