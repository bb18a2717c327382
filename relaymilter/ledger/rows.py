"""Rows of the subjects that changed last, kept in memory by the one connection that changes them most.

They are what the file has, or there is none: whoever holds the file's lock asks it first whether another connection has
written (`PRAGMA data_version`, https://www.sqlite.org/pragma.html), and forgets all rows then, and also where what it
wrote was undone. So counts are as exact as without, and several workers at once have little of it.
"""

from dataclasses import dataclass

from relaymilter.policy.ports import Hash

MOST = 48 * 2**20
"""Octets, about, that the rows take."""
MOST_HASHES = 16
"""Kept of a row: of those that were asked for."""
_SIZE = 900
"""Octets, about, of a row and its hashes, without its record."""


@dataclass(slots=True)
class Row:
    """One subject, as it is in the file."""

    number: int
    """Its id."""
    record: bytes
    until: int
    kept: int
    day: int
    hashes: dict[Hash, int | None]
    """Of those that were asked for, until when each is remembered, or None."""


class Rows:
    """Of one connection. Two generations: what was used since the older one was made is in the younger one."""

    def __init__(self, most: int = MOST) -> None:
        self._half = most // 2
        self._size = 0
        self._young: dict[bytes, Row] = {}
        self._old: dict[bytes, Row] = {}
        self._version = -1

    def begin(self, version: int) -> None:
        """A transaction has begun, and this is what the file says of other connections."""
        if version != self._version:
            self.clear()
            self._version = version

    def find(self, name: bytes) -> Row | None:
        """The row of a subject, if it is kept."""
        row = self._young.get(name)
        if row is None:
            row = self._old.pop(name, None)
            if row is not None:
                self.keep(name, row)
        return row

    def keep(self, name: bytes, row: Row) -> None:
        """Keep one that was not found."""
        self._size += _SIZE + len(row.record)
        if self._size > self._half:
            self._young, self._old, self._size = {}, self._young, _SIZE + len(row.record)
        self._young[name] = row

    def grow(self, octets: int) -> None:
        """The records that are kept have become longer by so many."""
        self._size += octets

    def drop(self, name: bytes) -> None:
        """Forget one."""
        self._young.pop(name, None)
        self._old.pop(name, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._young, self._old, self._size = {}, {}, 0
