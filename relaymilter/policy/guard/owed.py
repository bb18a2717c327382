"""What logins sent while the ledger did not answer, to be charged once it does.

The small limits in memory let a few recipients pass meanwhile; without this, nobody would ever be charged for them, and
a limit of a fleet would be exceeded by so many on each host. It is kept by each process for itself, in bounds: for so
many logins, and a count an hour for each. A restart or a reload forgives it.
"""

from collections.abc import Callable
from typing import TypeAlias

from relaymilter.policy.guard.history import History, Standing, Unit, decode, encode
from relaymilter.policy.guard.limits import Limit
from relaymilter.policy.guard.novelty import HOUR, LIFETIME
from relaymilter.policy.ports import Change, Past

LOGINS = 10_000
"""Of more, the one that has owed for longest is forgiven."""
HOURS = 48
"""Of more, the oldest are taken for a later one."""

Debt: TypeAlias = dict[int, int]
"""Recipients by the last second of the hour in which they were permitted: never too early to be counted."""


class Owed:
    """The debts of logins, by subject. Threads share it without a lock: of what two add at once, one may be lost."""

    __slots__ = ("_debts",)

    def __init__(self) -> None:
        self._debts: dict[str, Debt] = {}

    def add(self, name: str, now: int) -> None:
        """One recipient was permitted without the ledger."""
        self.put_back(name, {now - now % HOUR + HOUR - 1: 1})

    def put_back(self, name: str, debt: Debt) -> None:
        """It could not be charged."""
        kept = self._debts.setdefault(name, {})
        for then, count in debt.items():
            kept[then] = kept.get(then, 0) + count
        while len(kept) > HOURS:
            oldest, next_ = sorted(kept)[:2]
            kept[next_] += kept.pop(oldest)
        while len(self._debts) > LOGINS:
            self._debts.pop(next(iter(self._debts)), None)

    def take(self, name: str) -> Debt:
        """What this login owes; it is not owed any more, unless it is put back."""
        return self._debts.pop(name, {})


def charge_owed(limits: tuple[Limit, ...], debt: Debt, now: int) -> Callable[[Past], Change[None]]:
    """The change of a login's record by what it owes, for Ledger.update; whoever is suspended sends nothing anyway."""
    lengths = {limit.seconds for limit in limits if limit.unit is Unit.RECIPIENTS}

    def change(past: Past) -> Change[None]:
        history = History(now) if past.record is None else decode(past.record)
        if history.standing is Standing.SUSPENDED:
            return Change(None)
        for seconds in lengths:
            for then, count in sorted(debt.items()):
                if now - seconds < then:
                    history.window(Unit.RECIPIENTS, seconds).charge(min(then, now), count)
        return Change(None, encode(history), now + LIFETIME)

    return change
