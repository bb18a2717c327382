"""How many different names an address has shown, in a fixed piece of memory that several processes share.

For an address there is one slot, with a bitmap for each kind of name and for each of two days, today and yesterday: a
name sets one of 512 bits (linear counting, Whang et al. 1990), and the bits are counted. So the count is never more
than the truth: two names may share a bit, which of 12 names happens once in eight, and of 120 costs about 13. That
suits an alarm, which must not come too early. 528 octets an address, 255 addresses; of more, the one goes that has been
silent for longest. An address that has lost its trust is never given up.

No I/O: whoever has the memory says how it is locked. Bits are read without a lock, and only what is new is written.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import IPv6Address
from types import TracebackType
from typing import NamedTuple, Protocol

from relaymilter.policy.networks import Address, parse_address

KINDS = 4
"""Kinds of names for each of which there is a bitmap."""
MOST = 255
"""Addresses."""
_BITS = 512
_OCTETS = _BITS // 8
_KEY = 16
_HEAD = struct.Struct("<IIIB3x")
_DAY_SIZE = KINDS * _OCTETS
_SLOT = _HEAD.size + 2 * _DAY_SIZE
_SLOTS = MOST * _KEY
SIZE = _SLOTS + MOST * _SLOT
"""Octets of the memory, all zero at the beginning: the addresses first, then a slot for each."""
_FREE = bytes(_KEY)
DAY = 86_400

Mark = tuple[int, int]
"""A kind of name, and the bit that stands for the name."""


class Lock(Protocol):
    """What `with` takes."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


class Memory(Protocol):
    """Octets that may be shared with other processes."""

    @property
    def octets(self) -> memoryview:
        """All of them, SIZE."""

    def locked(self) -> Lock:
        """Within, nobody else writes."""


class Head(NamedTuple):
    """What a slot begins with."""

    day: int = 0
    """Of its first bitmaps, since 1970; the second ones are of the day before."""
    last: int = 0
    """When something new was last seen, in seconds of Unix time."""
    told: int = 0
    """The day on which it was last told of."""
    distrusted: int = 0


def mark(kind: int, name: str) -> Mark:
    """The bit of a name."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=2, person=b"%d" % kind).digest()
    return kind, int.from_bytes(digest) % _BITS


@dataclass(frozen=True, slots=True)
class Sketches:
    """The slots of all addresses."""

    memory: Memory

    def slot(self, address: Address) -> int | None:
        """The number of the slot of an address, if it has one."""
        return self._with_key(_key(address))

    def head(self, slot: int) -> Head:
        """What is known beside the names."""
        return Head._make(_HEAD.unpack_from(self.memory.octets, _at(slot)))

    def knows(self, slot: int, day: int, marks: Sequence[Mark]) -> bool:
        """All of this has been seen today, or, where the clock goes back, on the later day."""
        octets, first = self.memory.octets, _at(slot) + _HEAD.size
        if self.head(slot).day < day:
            return False
        return all(octets[first + kind * _OCTETS + (bit >> 3)] >> (bit & 7) & 1 for kind, bit in marks)

    def add(self, address: Address, now: int, marks: Sequence[Mark]) -> int | None:
        """See these; the slot, or None where all are taken by addresses that have lost their trust. Needs the lock."""
        slot = self._claim(address, now)
        if slot is None:
            return None
        self._turn(slot, now)
        octets, first = self.memory.octets, _at(slot) + _HEAD.size
        for kind, bit in marks:
            octets[first + kind * _OCTETS + (bit >> 3)] |= 1 << (bit & 7)
        return slot

    def counts(self, slot: int, day: int) -> tuple[int, ...]:
        """Of each kind, the names of this day and of the day before: at least so many."""
        of = self.head(slot).day
        first = _at(slot) + _HEAD.size
        today, before = (self._maps(first + shift * _DAY_SIZE) for shift in (0, 1))
        if of < day - 1:
            return (0,) * KINDS
        if of == day - 1:
            before = [0] * KINDS
        return tuple((one | other).bit_count() for one, other in zip(today, before, strict=True))

    def write(self, slot: int, head: Head) -> None:
        """Change what is known beside the names. Needs the lock."""
        _HEAD.pack_into(self.memory.octets, _at(slot), *head)

    def forget(self) -> None:
        """Every address, with its head and its names. Needs the lock."""
        self.memory.octets[:] = bytes(SIZE)

    def __iter__(self) -> Iterator[tuple[Address, int]]:
        """Every address that has a slot, and the slot."""
        for slot in range(MOST):
            key = bytes(self.memory.octets[slot * _KEY : (slot + 1) * _KEY])
            address = parse_address(str(IPv6Address(key))) if key != _FREE else None
            if address is not None:
                yield address, slot

    def _maps(self, first: int) -> list[int]:
        return [
            int.from_bytes(self.memory.octets[at : at + _OCTETS]) for at in range(first, first + _DAY_SIZE, _OCTETS)
        ]

    def _with_key(self, key: bytes) -> int | None:
        keys = bytes(self.memory.octets[:_SLOTS])
        at = keys.find(key)
        while at >= 0 and at % _KEY:
            at = keys.find(key, at + 1)
        return at // _KEY if at >= 0 else None

    def _claim(self, address: Address, now: int) -> int | None:
        key = _key(address)
        slot = self._with_key(key)
        if slot is not None:
            return slot
        slot = self._with_key(_FREE)
        if slot is None:
            heads = ((self.head(number), number) for number in range(MOST))
            slot = min(((head.last, number) for head, number in heads if not head.distrusted), default=(0, None))[1]
        if slot is not None:
            first = _at(slot)
            self.memory.octets[first : first + _SLOT] = bytes(_SLOT)
            self.memory.octets[slot * _KEY : (slot + 1) * _KEY] = key
        return slot

    def _turn(self, slot: int, now: int) -> None:
        """To the bitmaps of this day; where the clock goes back, those of the later day stay in use."""
        head, day, first = self.head(slot), now // DAY, _at(slot) + _HEAD.size
        if day > head.day:
            octets, half = self.memory.octets, first + _DAY_SIZE
            octets[half : half + _DAY_SIZE] = octets[first:half] if day == head.day + 1 else bytes(_DAY_SIZE)
            octets[first:half] = bytes(_DAY_SIZE)
        self.write(slot, head._replace(day=max(day, head.day), last=now))


def _at(slot: int) -> int:
    return _SLOTS + slot * _SLOT


def _key(address: Address) -> bytes:
    """Of an IPv4 address, the IPv4-mapped one (RFC 4291 2.5.5.2)."""
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
