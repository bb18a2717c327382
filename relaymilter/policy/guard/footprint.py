"""Where a login has come from: its networks, as /24 and /48, and the wider ones that they lie in, as /16 and /32.

A phone's carrier, and many a provider, give another address each day, and another /24; but few wider networks. So a
network is known if it was used on several days, or if the wider one was.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from relaymilter.policy.networks import Address

MOST_NETWORKS = 96
KNOWN_AFTER = 3
"""Days of ordinary use."""

_ENTRY = struct.Struct("<8sIHHH")
NETWORK_SIZE = _ENTRY.size
"""Octets that each takes in a record."""
DAY = 86_400


class Networks(NamedTuple):
    """The network of a client, and the wider one, as keys of 8 octets."""

    narrow: bytes
    wide: bytes


@lru_cache(4096)
def networks_of(address: Address | None) -> Networks:
    """Of an address; an unknown one is a network of its own."""
    if address is None:
        return Networks(b"?narrow.", b"?wide...")
    octets = address.packed
    if address.version == 4:
        return Networks(b"4" + octets[:3] + bytes(4), b"w" + octets[:2] + bytes(5))
    return Networks(b"6" + octets[:6] + b"\0", b"x" + octets[:4] + bytes(3))


class Familiarity(Enum):
    """What a login has to do with a network."""

    KNOWN = "known"
    NEAR = "near"
    """Only the wider one is known."""
    NEW = "new"


class Network(NamedTuple):
    """One of a footprint."""

    key: bytes
    last: int
    """When it was last used."""
    first: int
    """The day of the first use, since 1970."""
    days: int
    """Days of ordinary use: on which someone known was written to,"""
    counted: int
    """and the last of them."""


@dataclass(slots=True)
class Footprint:
    """The networks of a login, at most so many; of more, the one of fewest days goes, the longest unused of those."""

    entries: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        if len(self.entries) % NETWORK_SIZE or len(self.entries) > MOST_NETWORKS * NETWORK_SIZE:
            raise ValueError("networks of no right length")

    def __iter__(self) -> Iterator[Network]:
        """All of them."""
        return map(Network._make, _ENTRY.iter_unpack(self.entries))

    def familiarity(self, networks: Networks) -> Familiarity:
        """Which of the two was used on enough days."""
        if self._days(networks.narrow) >= KNOWN_AFTER:
            return Familiarity.KNOWN
        return Familiarity.NEAR if self._days(networks.wide) >= KNOWN_AFTER else Familiarity.NEW

    def _days(self, key: bytes) -> int:
        at = self._at(key)
        return 0 if at is None else int(_ENTRY.unpack_from(self.entries, at)[3])

    def use(self, key: bytes, now: int, ordinary: bool) -> int:
        """It is used; a use that is ordinary makes this one of its days. When it was used before; 0: never."""
        day, at = now // DAY, self._at(key)
        if at is None:
            self._add(_ENTRY.pack(key, now, day, ordinary, day if ordinary else 0))
            return 0
        _, last, first, days, counted = _ENTRY.unpack_from(self.entries, at)
        if ordinary and counted != day:
            days, counted = min(days + 1, 65535), day
        _ENTRY.pack_into(self.entries, at, key, now, first, days, counted)
        return int(last)

    def _add(self, entry: bytes) -> None:
        if len(self.entries) >= MOST_NETWORKS * NETWORK_SIZE:
            at = NETWORK_SIZE * min((network.days, network.last, number) for number, network in enumerate(self))[2]
            self.entries[at : at + NETWORK_SIZE] = entry
        else:
            self.entries += entry

    def _at(self, key: bytes) -> int | None:
        at = self.entries.find(key)
        while at >= 0 and at % NETWORK_SIZE:
            at = self.entries.find(key, at + 1)
        return at if at >= 0 else None
