"""The most frequent of many names in bounded memory: Space-Saving (Metwally and others, ICDT 2005), in batches.

Beyond twice the room the least frequent are dropped, and whatever comes back starts with the uncertainty of all that
may have been dropped of it. So the true count of a name lies between its tally and its tally with `more`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")

PERMIT, REJECT, DEFER, _MORE = range(4)


class Tally(NamedTuple):
    """Decisions on one name, by verdict."""

    permit: int
    reject: int
    defer: int
    more: int = 0
    """So many more, at most, were not counted."""

    @property
    def refused(self) -> int:
        """Not permitted."""
        return self.reject + self.defer

    @property
    def total(self) -> int:
        """All of them."""
        return self.permit + self.reject + self.defer


@dataclass(slots=True)
class Heaviest(Generic[K]):
    """Tallies by name, of at most twice `room` names at any time."""

    room: int = 2048
    tallies: dict[K, list[int]] = field(default_factory=dict)
    floor: int = 0
    """No name that is absent has been counted more often."""

    def add(self, name: K, verdict: int, count: int = 1) -> None:
        """So many decisions more."""
        tally = self.tallies.get(name)
        if tally is None:
            tally = self.tallies[name] = [0, 0, 0, self.floor]
            if len(self.tallies) > 2 * self.room:
                tally[verdict] += count
                self.trim()
                return
        tally[verdict] += count

    def trim(self) -> None:
        """Drop the least frequent beyond the room."""
        if len(self.tallies) <= self.room:
            return
        ordered = sorted(self.tallies.items(), key=lambda item: sum(item[1]), reverse=True)
        self.floor = max(self.floor, sum(ordered[self.room][1]))
        self.tallies = dict(ordered[: self.room])

    def merge(self, other: "Heaviest[K]") -> None:
        """What another one has counted, of other decisions."""
        ours, floor = self.tallies, self.floor
        for name, tally in ours.items():
            if name not in other.tallies:
                tally[_MORE] += other.floor
        for name, tally in other.tallies.items():
            known = ours.get(name)
            ours[name] = [a + b for a, b in zip(known or (0, 0, 0, floor), tally, strict=True)]
        self.floor = floor + other.floor
        if len(ours) > 2 * self.room:
            self.trim()

    def __getitem__(self, name: K) -> Tally:
        """Of a name, also of one that is absent."""
        tally = self.tallies.get(name)
        return Tally(0, 0, 0, self.floor) if tally is None else Tally._make(tally)

    def top(self, most: int) -> Iterator[tuple[K, Tally]]:
        """The most frequent, in their order; those of the same count by their names."""
        ordered = sorted(self.tallies.items(), key=lambda item: (-sum(item[1][:_MORE]), str(item[0])))
        return ((name, Tally._make(tally)) for name, tally in ordered[:most])
