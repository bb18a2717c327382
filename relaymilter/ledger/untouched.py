"""A ledger that is only looked at: what would be changed is answered, and not written.

So that `explain` can ask the same rules as the daemon, and charges nobody.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from relaymilter.policy.ports import Change, Hash, Ledger, Past

T = TypeVar("T")


class UntouchedLedger:
    """A Ledger."""

    waits = True

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """What the change would answer."""
        return self._ledger.update(subject, now, asks, lambda past: Change(change(past).result))

    def read(self, subject: str, now: int, /) -> bytes | None:
        """As Ledger has it."""
        return self._ledger.read(subject, now)

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        return self._ledger.remembered(subject, now)

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it."""
        return self._ledger.subjects(prefix, now)

    def forget(self, subject: str, /) -> bool:
        """It does not."""
        return False
