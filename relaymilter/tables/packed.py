"""Names kept in memory: few as a frozenset, very many packed, in a fourth of the memory.

A frozenset of a million domains takes 150 MiB and, when it is dropped after a reload, gives it back page by page.
Packed they are some ten thousand strings of a few names each, chosen by the hash of the name; a look-up searches one.
"""

from collections.abc import Iterable
from itertools import chain

MANY = 20_000
_BUCKETS = 1 << 16


class PackedNames:
    """Very many names, to be asked only whether one is there. None of them has a line feed in it."""

    __slots__ = ("_buckets",)

    def __init__(self, names: Iterable[str]) -> None:
        """Names may come more than once."""
        buckets = ["\n"] * _BUCKETS
        mask = _BUCKETS - 1
        for name in names:
            buckets[hash(name) & mask] += name + "\n"
        self._buckets = buckets

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and f"\n{name}\n" in self._buckets[hash(name) & _BUCKETS - 1] and "\n" not in name


def name_set(names: Iterable[str]) -> frozenset[str] | PackedNames:
    """These names, each once."""
    few = set[str]()
    rest = iter(names)
    for name in rest:
        few.add(name)
        if len(few) > MANY:
            return PackedNames(chain(few, rest))
    return frozenset(few)
