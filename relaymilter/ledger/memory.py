"""The ledger in the memory of one process: gone with it, and shared by nobody. For trials, simulations and tests."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from relaymilter.policy.ports import MOST_REMEMBERED, Change, Hash, Past

T = TypeVar("T")

MOST_SUBJECTS = 100_000
"""Of each kind: of more, the one that has not changed for longest goes. A kind is the first word of a subject, so that
strangers, who are subjects by their addresses, push no login out."""


@dataclass(slots=True)
class _Kept:
    record: bytes | None = None
    until: int = 0
    remembered: dict[Hash, int] = field(default_factory=dict)


class MemoryLedger:
    """A Ledger."""

    def __init__(self, most_subjects: int = MOST_SUBJECTS, most_remembered: int = MOST_REMEMBERED) -> None:
        self._kinds: dict[str, dict[str, _Kept]] = {}
        self._most_subjects = most_subjects
        self._most_remembered = most_remembered
        self._lock = threading.Lock()

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """As Ledger has it."""
        with self._lock:
            kept = self._find(subject, now) or _Kept()
            changed = change(Past(kept.record, tuple(_valid(kept.remembered.get(ask), now) for ask in asks)))
            if changed.record is not None:
                kept.record, kept.until = changed.record, changed.until
                kept.remembered.update(changed.remember)
                if len(kept.remembered) > self._most_remembered:
                    self._thin(kept.remembered)
                self._keep(subject, kept)
            return changed.result

    def read(self, subject: str, now: int, /) -> bytes | None:
        """As Ledger has it."""
        with self._lock:
            kept = self._find(subject, now)
        return None if kept is None else kept.record

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it."""
        with self._lock:
            known = [subject for kind in self._kinds.values() for subject in kind if subject.startswith(prefix)]
        return (subject for subject in known if self.read(subject, now) is not None)

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        with self._lock:
            kept = self._find(subject, now)
            return 0 if kept is None else sum(now < until for until in kept.remembered.values())

    def forget(self, subject: str, /) -> bool:
        """As Ledger has it."""
        with self._lock:
            return self._kinds.get(_kind(subject), {}).pop(subject, None) is not None

    def _find(self, subject: str, now: int) -> _Kept | None:
        kept = self._kinds.get(_kind(subject), {}).get(subject)
        return kept if kept is not None and now < kept.until else None

    def _keep(self, subject: str, kept: _Kept) -> None:
        """As the one that has changed last."""
        kind = self._kinds.setdefault(_kind(subject), {})
        kind.pop(subject, None)
        if len(kind) >= self._most_subjects:
            del kind[next(iter(kind))]
        kind[subject] = kept

    def _thin(self, remembered: dict[Hash, int]) -> None:
        """Down to nine tenths, so that it does not have to be done again at once."""
        spare = len(remembered) - self._most_remembered * 9 // 10
        for ask in sorted(remembered, key=remembered.__getitem__)[:spare]:
            del remembered[ask]


def _kind(subject: str) -> str:
    return subject.partition(" ")[0]


def _valid(expires: int | None, now: int) -> int | None:
    return expires if expires is not None and now < expires else None
