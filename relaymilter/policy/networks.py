"""Local networks: parsing them, refusing what was probably not meant, and finding the most specific one.

Among n networks of k distinct prefix lengths a look-up costs k dict probes, whatever n. An IPv4-mapped IPv6 address
(`::ffff:a.b.c.d`, RFC 4291 2.5.5.2) is the IPv4 address, on both sides.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_WIDEST = {4: 8, 6: 16}
_WIDE_IN_PUBLIC = {4: 16, 6: 32}
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")  # RFC 4193
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True)
class LocalNetwork:
    """A network whose clients are local, or, with `!`, are not."""

    network: Network
    excluded: bool = False

    def __str__(self) -> str:
        return f"{'!' if self.excluded else ''}{self.network}"


def parse_network(text: str) -> LocalNetwork:
    """`192.0.2.0/24`, `192.0.2.7`, `2001:db8::/32`, with `!` in front to exclude it. Raises ValueError, in words."""
    excluded = text.startswith("!")
    bare = text[1:].strip() if excluded else text
    try:
        network = _unmapped(ipaddress.ip_network(bare))
    except ValueError as error:
        raise ValueError(_why_not(bare)) from error
    if not excluded and network.prefixlen < _WIDEST[network.version] and not _unique_local(network):
        raise ValueError(f"{bare} is too wide: it would open the relay; /{_WIDEST[network.version]} is the widest")
    return LocalNetwork(network, excluded)


def _unique_local(network: Network) -> bool:
    return isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_UNIQUE_LOCAL)


def _unmapped(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv6Network):
        if "%" in str(network):
            raise ValueError("a zone")
        if network.subnet_of(_MAPPED):
            low = int(network.network_address) & 0xFFFFFFFF
            return ipaddress.IPv4Network((low, network.prefixlen - 96))
    return network


def _why_not(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{text!r} is no network: give an IPv4 or IPv6 address or CIDR, such as 192.0.2.0/24 or 2001:db8::/32"
    if "%" in text:
        return f"{text} has a zone: a local network has none"
    return f"{text} has host bits set: {meant} was probably meant"


def suspicion(local: LocalNetwork) -> str | None:
    """What an administrator should be warned of in this network, or None."""
    network = local.network
    if local.excluded or network.is_private or network.is_loopback or network.is_link_local:
        return None
    if network == ipaddress.ip_network("172.0.0.0/8"):
        return "holds public addresses: 172.16.0.0/12 was probably meant"
    if network.prefixlen < _WIDE_IN_PUBLIC[network.version]:
        return f"holds {network.num_addresses} public addresses, and every one of them may relay"
    return None


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


_Level: TypeAlias = tuple[int, dict[int, LocalNetwork]]


class Networks:
    """A set of local networks, the most specific of which decides."""

    __slots__ = ("_levels",)

    def __init__(self, networks: Iterable[LocalNetwork]) -> None:
        """Of the same network given twice the one that excludes counts."""
        found: dict[int, dict[int, dict[int, LocalNetwork]]] = {4: {}, 6: {}}
        for local in networks:
            net = local.network
            shift = net.max_prefixlen - net.prefixlen
            level = found[net.version].setdefault(shift, {})
            key = int(net.network_address) >> shift
            if key not in level or local.excluded:
                level[key] = local
        self._levels: dict[int, tuple[_Level, ...]] = {
            version: tuple(sorted(levels.items())) for version, levels in found.items()
        }

    def find(self, address: Address) -> LocalNetwork | None:
        """The most specific network that holds the address, which may be one that excludes it."""
        number = int(address)
        for shift, level in self._levels[address.version]:
            local = level.get(number >> shift)
            if local is not None:
                return local
        return None
