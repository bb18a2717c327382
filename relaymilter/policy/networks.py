"""Local networks: parsing them, refusing what was probably not meant, and finding the most specific one.

However many networks there are and whatever their prefix lengths, a look-up is one bisection: the networks are laid out
as ranges of addresses, each with the one that decides in it. An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`, RFC 4291
2.5.5.2) is the IPv4 address, on both sides.
"""

import ipaddress
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from relaymilter.policy import network_width as width

Address: TypeAlias = width.Address
Network: TypeAlias = width.Network

_BITS = {4: 32, 6: 128}
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class LocalNetwork(NamedTuple):
    """A network whose clients are local, or, with `!`, are not. A tuple, because a site may have very many."""

    version: int
    number: int
    """Of its first address."""
    length: int
    """Of its prefix."""
    excluded: bool = False

    @property
    def network(self) -> Network:
        if self.version == 4:
            return ipaddress.IPv4Network((self.number, self.length))
        return ipaddress.IPv6Network((self.number, self.length))

    def __str__(self) -> str:
        first = ipaddress.IPv4Address(self.number) if self.version == 4 else ipaddress.IPv6Address(self.number)
        return f"{'!' if self.excluded else ''}{first}/{self.length}"


def local_network(network: Network, excluded: bool = False) -> LocalNetwork:
    """This network; an IPv4-mapped one as what it is."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        return LocalNetwork(4, int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96, excluded)
    return LocalNetwork(network.version, int(network.network_address), network.prefixlen, excluded)


def parse_network(text: str) -> LocalNetwork:
    """`192.0.2.0/24`, `192.0.2.7`, `2001:db8::/32`, with `!` in front to exclude it. Raises ValueError, in words."""
    excluded = text.startswith("!")
    bare = text[1:].strip() if excluded else text
    local = _usual(bare, excluded) or _unusual(bare, excluded)
    if not excluded and local.length < width.WIDEST[local.version] and width.too_wide(local.network):
        raise ValueError(f"{bare} is too wide: it would open the relay; /{width.WIDEST[local.version]} is the widest")
    return local


def _usual(bare: str, excluded: bool) -> LocalNetwork | None:
    """ADDRESS/LENGTH, in a third of the time that ipaddress takes for a network; None for all else, and mistakes."""
    address, _, digits = bare.partition("/")
    if not digits.isdecimal() or not bare.isascii() or len(digits) > 3 or "%" in address:
        return None
    try:
        version, number = (6, int(ipaddress.IPv6Address(address))) if ":" in address else _ipv4(address)
    except ValueError:
        return None
    rest = _BITS[version] - int(digits)
    if rest < 0 or number & ((1 << rest) - 1) or (version == 6 and number >> 32 == 0xFFFF):  # mapped
        return None
    return LocalNetwork(version, number, int(digits), excluded)


def _ipv4(address: str) -> tuple[int, int]:
    return 4, int(ipaddress.IPv4Address(address))


def _unusual(bare: str, excluded: bool) -> LocalNetwork:
    try:
        network = ipaddress.ip_network(bare)
        if "%" in bare:
            raise ValueError("a zone")
    except ValueError as error:
        raise ValueError(_why_not(bare)) from error
    return local_network(network, excluded)


def _why_not(text: str) -> str:
    try:
        written = ipaddress.ip_interface(text)
    except ValueError:
        return f"{text!r} is no network: give an IPv4 or IPv6 address or CIDR, such as 192.0.2.0/24 or 2001:db8::/32"
    if "%" in text:
        return f"{text} has a zone: a local network has none"
    hint = width.meant(written.ip, written.network.prefixlen)
    return f"{text} has host bits set" + (f": {hint} was probably meant" if hint else "")


def suspicion(local: LocalNetwork) -> str | None:
    """What an administrator should be warned of in this network, or None."""
    if local.excluded or local.length >= width.WIDE_IN_PUBLIC[local.version]:
        return None
    return width.public_addresses(local.network)


@lru_cache(4096)
def parse_address(text: str) -> Address | None:
    """A client's address, or None: a name, a zone (`fe80::1%eth0`), or what cannot be parsed belongs to a stranger."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


class Networks:
    """A set of local networks, the most specific of which decides; two that decide alike are equal."""

    __slots__ = ("_ranges",)

    def __init__(self, networks: Iterable[LocalNetwork] = ()) -> None:
        """Of the same network given twice the one that excludes counts."""
        by_version: dict[int, list[LocalNetwork]] = {4: [], 6: []}
        for local in networks:
            by_version[local.version].append(local)
        self._ranges = {version: _ranges(sorted(given), _BITS[version]) for version, given in by_version.items()}

    def find(self, address: Address) -> LocalNetwork | None:
        """The most specific network that holds the address, which may be one that excludes it."""
        version, number = 4 if isinstance(address, ipaddress.IPv4Address) else 6, int(address)
        firsts, marks = self._ranges[version]
        mark = marks[bisect_right(firsts, number) - 1]
        return _marked(version, number, mark) if mark else None

    @property
    def only_excluding(self) -> bool:
        """There are networks, and no client is in one that does not exclude it."""
        marks = [mark for _, marks in self._ranges.values() for mark in (min(marks), max(marks))]
        return min(marks) < 0 and max(marks) <= 0

    def __iter__(self) -> Iterator[LocalNetwork]:
        """Those that decide anywhere, by version, address and length."""
        for version, (firsts, marks) in self._ranges.items():
            networks = set()
            for first, mark, end in zip(firsts, marks, [*firsts[1:], 1 << _BITS[version]], strict=True):
                while first < end and (local := _marked(version, first, mark)):
                    networks.add(local)
                    first = local.number + (1 << _BITS[version] - local.length)
            yield from sorted(networks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Networks) and self._ranges == other._ranges


_Ranges: TypeAlias = "tuple[list[int], array[int]]"
"""The first addresses of ranges, in order, from 0 on; and the mark of each: 0 where no network is, else one more than
the length of the prefix that decides, negative where that excludes. Address and length make the network."""


def _mark(local: LocalNetwork) -> int:
    return -1 - local.length if local.excluded else 1 + local.length


def _marked(version: int, number: int, mark: int) -> LocalNetwork | None:
    if mark == 0:
        return None
    length = abs(mark) - 1
    rest = _BITS[version] - length
    return LocalNetwork(version, number >> rest << rest, length, mark < 0)


def _ranges(networks: list[LocalNetwork], bits: int) -> _Ranges:
    """Of networks in order, so that each comes after those that hold it, and an equal one that excludes last."""
    changes = {0: 0}  # from an address on, this mark: in order, too, and the last that is said of an address counts
    around = [(1 << bits, 0)]
    for local in networks:
        while around[-1][0] <= local.number:
            end, _ = around.pop()
            changes[end] = around[-1][1]
        changes[local.number] = _mark(local)
        around.append((local.number + (1 << bits - local.length), _mark(local)))
    while len(around) > 1:
        end, _ = around.pop()
        changes[end] = around[-1][1]
    changes.pop(1 << bits, None)
    firsts, marks, last = list[int](), array("h"), None
    for first, mark in changes.items():
        if mark != last:
            firsts.append(first)
            marks.append(mark)
            last = mark
    return firsts, marks
