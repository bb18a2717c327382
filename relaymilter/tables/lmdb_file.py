"""The format of LMDB files, version 1, as far as a look-up in the main database needs it; from LMDB's mdb.c and lmdb.h.

Pages are read, never mapped: what was cut off is a short read here, and in a mapping the end of the process (SIGBUS).
Nothing that is read is believed beyond the page that it is in. All numbers are as this machine has them, as in LMDB.

    page    its own number, 8 octets; padding, 2; flags, 2; the end of its pointers, 2; the beginning of its nodes, 2;
            then the pointers, 2 octets each, to its nodes in the order of their keys
    node    4 octets, flags, 2, and the length of the key, 2; then the key, and in a leaf the value.
            The 4 octets are the length of the value, and in a branch the page below, whose number goes on in the flags
    meta    at the beginning of the pages 0 and 1; the one with the higher transaction counts
"""

import os
import struct
import sys
from bisect import bisect_left, bisect_right
from typing import NamedTuple

BRANCH, LEAF, OVERFLOW = 0x01, 0x02, 0x04
"""Flags of a page."""
BIG, ODD = 0x01, 0x02 | 0x04
"""Flags of a node: its value is in pages of its own; is another database, or several values."""
ORDERED = 0x02 | 0x04 | 0x08
"""Flags of a database whose keys are not in the order of their octets, or may have several values."""
DEEPEST = 32
LONGEST_KEY = 511
"""Octets."""
MOST_BRANCHES = 512
"""That are kept, some 8 KiB each."""
NO_PAGE = (1 << 64) - 1

_HEAD = struct.Struct("=QHHHH")
_META = struct.Struct("=II8xQ" + "I2xH40x" + "4xHH32xQ" + "QQ")
"""Magic, version, size of the map; of the free list the page size; flags, depth and root; last page, transaction."""
_NODE = struct.Struct("=IHH")
_POINTER = struct.Struct("=H")
_NUMBER = struct.Struct("=Q")
_MAGIC, _VERSION = 0xBEEFC0DE, 1


class BadFile(Exception):
    """What is there is no sound LMDB file, or not now."""


class Meta(NamedTuple):
    """A committed state of the file."""

    transaction: int
    root: int
    page_size: int


class Page(NamedTuple):
    """A branch or a leaf."""

    content: bytes
    flags: int
    nodes: int

    def key(self, number: int) -> bytes:
        """Of its node of this number, from 0 on."""
        at, _, _, end = self._node(number)
        return self.content[at:end]

    def below(self, number: int) -> int:
        """The page below, of a node of a branch."""
        _, size, flags, _ = self._node(number)
        return size | flags << 32

    def value(self, number: int) -> tuple[int, int, bytes]:
        """Of a node of a leaf: its flags, the length of its value, and the value, or where it is."""
        _, size, flags, end = self._node(number)
        kept = _NUMBER.size if flags & BIG else size
        if end + kept > len(self.content):
            raise BadFile("damaged: a value outside of its page")
        return flags, size, self.content[end : end + kept]

    def _node(self, number: int) -> tuple[int, int, int, int]:
        """Where its key begins, the number that it has, its flags, and where its key ends."""
        try:
            (at,) = _POINTER.unpack_from(self.content, _HEAD.size + 2 * number)
            size, flags, length = _NODE.unpack_from(self.content, at)
        except struct.error:
            raise BadFile("damaged: a node outside of its page") from None
        at += _NODE.size
        if at + length > len(self.content):
            raise BadFile("damaged: a key outside of its page")
        return at, size, flags, at + length


def page_size(descriptor: int) -> int:
    """The size of its pages. Raises BadFile and OSError."""
    return _meta(os.pread(descriptor, _HEAD.size + _META.size, 0)).page_size


def metas(descriptor: int, size: int) -> bytes:
    """What the file says of its states, with this size of pages: another after each commit. Raises OSError."""
    return os.pread(descriptor, size + _HEAD.size + _META.size, 0)


def latest(said: bytes, size: int) -> Meta:
    """The latest state that was committed. Raises BadFile."""
    meta = max(_meta(said), _meta(said[size:]))
    if meta.page_size != size:
        raise BadFile("replaced while it was read")
    return meta


def _meta(content: bytes) -> Meta:
    if len(content) < _HEAD.size + _META.size:
        raise BadFile("the file is cut off" if len(content) > _HEAD.size else "MDB_INVALID: no LMDB file")
    magic, version, _, size, _, flags, _, root, _, transaction = _META.unpack_from(content, _HEAD.size)
    if (magic, version) != (_MAGIC, _VERSION) or size not in (1 << bits for bits in range(9, 17)):
        raise BadFile("MDB_INVALID: no LMDB file of this machine's kind")
    if flags & ORDERED:
        raise BadFile("its keys are not in the order of their octets, or have several values")
    return Meta(transaction, root, size)


class State:
    """One committed state of a file. Branches are kept, as all look-ups go by way of few of them."""

    def __init__(self, descriptor: int, meta: Meta) -> None:
        self._descriptor = descriptor
        self._meta = meta
        self._branches: dict[int, tuple[list[bytes], list[int]]] = {}

    def find(self, key: bytes) -> bytes | None:
        """The value of a key, with a NUL at the ends of both, or without. Raises BadFile and OSError."""
        with_nul = key + b"\0"
        if self._meta.root == NO_PAGE or not 0 < len(with_nul) <= LONGEST_KEY + 1:
            return None
        page = self._leaf(with_nul)
        at = bisect_left(range(page.nodes), with_nul, key=page.key)
        if at < page.nodes and page.key(at) == with_nul:
            return self._value(page, at).removesuffix(b"\0")
        if at == 0:  # no key is between the two, but they may be in two pages
            page = self._leaf(key)
            at = bisect_left(range(page.nodes), key, key=page.key) + 1
        return self._value(page, at - 1) if at <= page.nodes and page.key(at - 1) == key else None

    def _leaf(self, key: bytes) -> Page:
        """The one that the key would be in."""
        number = self._meta.root
        for _ in range(DEEPEST):
            branch = self._branches.get(number)
            if branch is None:
                page = self._page(number)
                if page.flags & LEAF:
                    return page
                branch = self._keep(number, page)
            keys, below = branch
            number = below[bisect_right(keys, key)]
        raise BadFile("damaged: its tree has no end")

    def _keep(self, number: int, page: Page) -> tuple[list[bytes], list[int]]:
        """Its keys, but for the first, which stands for all that are less than the second, and the pages below."""
        if len(self._branches) >= MOST_BRANCHES:
            self._branches.clear()
        branch = [page.key(at) for at in range(1, page.nodes)], [page.below(at) for at in range(page.nodes)]
        self._branches[number] = branch
        return branch

    def _page(self, number: int) -> Page:
        content = self._read(number, self._meta.page_size)
        own, _, flags, lower, _ = _HEAD.unpack_from(content)
        count = (lower - _HEAD.size) >> 1
        if own != number or flags & (BRANCH | LEAF | OVERFLOW) not in (BRANCH, LEAF) or count < 1:
            raise BadFile("damaged: a page that is no page of a tree")
        return Page(content, flags, count)

    def _value(self, page: Page, at: int) -> bytes:
        flags, size, kept = page.value(at)
        if flags & ODD:
            raise BadFile("the value is another database, or several values")
        if not flags & BIG:
            return kept
        (number,) = _NUMBER.unpack(kept)
        content = self._read(number, _HEAD.size + size)
        own, _, flags, _, _ = _HEAD.unpack_from(content)
        if own != number or not flags & OVERFLOW:
            raise BadFile("damaged: a value is not where it should be")
        return content[_HEAD.size :]

    def _read(self, number: int, size: int) -> bytes:
        at = number * self._meta.page_size
        content = os.pread(self._descriptor, size, at) if at < sys.maxsize - size else b""
        if len(content) < size:
            raise BadFile("the file is cut off")
        return content
