"""Counts in memory that processes share: cells of eight octets, each with a name that is written once.

A tally has one writer at a time, and takes no lock to count: in CPython no other thread runs in the midst of it, and
eight aligned octets are written at once. Whoever follows a writer goes on where it ended, so that counts never go back,
however it ended; and nothing that was counted is lost with it.
"""

import struct
import threading
from collections.abc import Iterator
from typing import TypeAlias

Name: TypeAlias = tuple[str, ...]
"""Of a cell: what is counted, then the values of its labels."""

CELLS = 512
_VALUES = CELLS * 8
_NAME = 192
_LENGTH = struct.Struct("=H")
_LONGEST = 150
"""Octets of a word in a name, of which one may be long: all others are ours."""
SIZE = CELLS * (8 + _NAME)
"""Octets, all zero at the beginning; of what is not used the system makes no memory."""
CROWDED: Name = ("uncounted",)
"""The first cell, which takes whatever comes when all others are taken."""


class Tally:
    """The cells of one writer."""

    def __init__(self, octets: memoryview) -> None:
        self.values = octets[:_VALUES].cast("q")
        """Of the cells, by their numbers; where it counts, an addition here costs half of a call of count()."""
        self._names = octets[_VALUES:]
        self._at: dict[Name, int] = {}
        self._new = threading.Lock()
        self._read_names()

    def cell(self, name: Name) -> int:
        """The number of the cell with this name; a word that is too long is cut."""
        at = self._at.get(name)
        if at is None:
            if not self._at and name != CROWDED:
                self.cell(CROWDED)
            with self._new:
                at = self._at[name] = self._claim(_octets(name))
        return at

    def count(self, name: Name, more: int = 1) -> None:
        """To the cell with this name."""
        at = self._at.get(name)
        self.values[self.cell(name) if at is None else at] += more

    def put(self, name: Name, value: int) -> None:
        """In the place of what is in this cell."""
        self.values[self.cell(name)] = value

    def drop(self, *kinds: str) -> None:
        """Make zero what is counted under these first words."""
        self._read_names()
        for name, at in self._at.items():
            if name[0] in kinds:
                self.values[at] = 0

    def __iter__(self) -> Iterator[tuple[Name, int]]:
        """Every cell, as it is now."""
        self._read_names()
        return iter([(name, self.values[at]) for name, at in self._at.items()])

    def _read_names(self) -> None:
        """Those that another process has written meanwhile."""
        at = 0
        while at < CELLS and (octets := self._name_at(at)):
            self._at.setdefault(tuple(octets.decode("utf-8", "replace").split("\0")), at)
            at += 1

    def _name_at(self, at: int) -> bytes:
        (length,) = _LENGTH.unpack_from(self._names, at * _NAME)
        return bytes(self._names[at * _NAME + _LENGTH.size :][:length])

    def _claim(self, octets: bytes) -> int:
        for at in range(CELLS):
            known = self._name_at(at)
            if known == octets:
                return at
            if not known:
                begin = at * _NAME
                self._names[begin + _LENGTH.size : begin + _LENGTH.size + len(octets)] = octets
                _LENGTH.pack_into(self._names, begin, len(octets))  # only now it is there for others
                return at
        return 0


def _octets(name: Name) -> bytes:
    words = (word.replace("\0", " ").encode("utf-8", "backslashreplace")[:_LONGEST] for word in name)
    return b"\0".join(words)[: _NAME - _LENGTH.size]
