"""Counts by name, with an example of each, in bounded memory: of too many names the rarest are counted together."""

from collections.abc import Iterator
from typing import NamedTuple

MOST = 10_000
"""Names that are kept."""


class Row(NamedTuple):
    """A name, how often, and an example of it."""

    name: str
    times: int
    example: str


class Tally:
    """Counts names."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._rows: dict[str, Row] = {}
        self.others = 0
        """What was counted under names that are not kept."""
        self.dropped = False
        """Some names are not kept: they had fewer than those that are, when they went."""

    def add(self, name: str, example: object) -> None:
        """One more of this name; the first example stays, as text."""
        row = self._rows.get(name)
        self._rows[name] = Row(name, 1, str(example)) if row is None else Row(name, row.times + 1, row.example)
        if len(self._rows) > 2 * self._most:
            self._thin()

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """The most frequent first."""
        return iter(sorted(self._rows.values(), key=lambda row: (-row.times, row.name)))

    def _thin(self) -> None:
        rows = list(self)
        self._rows = {row.name: row for row in rows[: self._most]}
        self.others += sum(row.times for row in rows[self._most :])
        self.dropped = True
