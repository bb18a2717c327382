"""Names kept in memory: few as a frozenset, very many packed, in a fourth of the memory.

A frozenset of a million domains takes 150 MiB, and every worker that looks something up copies pages of it. Packed they
are one text, in which the hash of a name says where to search; and when it is dropped, all its memory goes back.
"""

from array import array
from collections.abc import Iterable
from itertools import accumulate, chain

MANY = 20_000
_MASK = (1 << 17) - 1
"""Of a hash."""


class PackedNames:
    """Very many names, to be asked only whether one is there. None of them has a line feed in it."""

    __slots__ = ("_starts", "_text")

    def __init__(self, names: Iterable[str]) -> None:
        """Names may come more than once."""
        mask = _MASK
        buckets = ["\n"] * (mask + 1)
        for name in names:
            buckets[hash(name) & mask] += name + "\n"
        self._starts = array("Q", accumulate(map(len, buckets), initial=0))
        self._text = "".join(buckets)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or "\n" in name:
            return False
        at = hash(name) & _MASK
        return self._text.find(f"\n{name}\n", self._starts[at], self._starts[at + 1]) >= 0


def name_set(names: Iterable[str]) -> frozenset[str] | PackedNames:
    """These names, each once."""
    few = set[str]()
    rest = iter(names)
    for name in rest:
        few.add(name)
        if len(few) > MANY:
            return PackedNames(chain(few, rest))
    return frozenset(few)
