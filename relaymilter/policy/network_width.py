"""How wide a network may be before it is refused or warned of, and which one was meant by a slip.

Clients in a local network may relay, so one digit too few in a prefix length opens the relay: 172.0.0.0/8, written for
172.16.0.0/12 (RFC 1918), holds fifteen million public addresses. A hint never widens: it names no network that would
itself be refused or warned of.
"""

import ipaddress
from collections.abc import Iterator
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

WIDEST = {4: 8, 6: 16}
"""The shortest prefix of a local network, by version."""
WIDE_IN_PUBLIC = {4: 16, 6: 32}
"""A shorter one is warned of, unless it is private."""
_BITS_OF_A_GROUP = {4: 8, 6: 16}
_WIDE_BY_THEMSELVES = (
    ipaddress.IPv6Network("fc00::/7"),  # unique local: RFC 4193 3.1
    ipaddress.IPv6Network("fe80::/10"),  # link-local: RFC 4291 2.5.6
)
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""RFC 1918 3."""


def too_wide(network: Network) -> bool:
    """Would it open the relay? Private blocks of IPv6 would not, however wide they are."""
    return network.prefixlen < WIDEST[network.version] and not any(
        _within(network, block) for block in _WIDE_BY_THEMSELVES
    )


def public_addresses(network: Network) -> str | None:
    """What to warn of in a wide network that holds public addresses, or None."""
    if network.prefixlen >= WIDE_IN_PUBLIC[network.version]:
        return None
    if network.is_private or network.is_loopback or network.is_link_local:
        return None
    for block in _PRIVATE:
        if _within(block, network):
            return f"holds public addresses of many owners: {block} was probably meant"
    return f"holds {network.num_addresses} public addresses, and every one of them may relay"


def meant(address: Address, length: int) -> Network | None:
    """The network that ADDRESS/LENGTH stands for where the address has bits set behind the length; None: no telling."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped and length >= 96:
        return meant(address.ipv4_mapped, length - 96)
    for network in _candidates(address, length):
        if not too_wide(network) and public_addresses(network) is None:
            return network
    return None


def _candidates(address: Address, length: int) -> Iterator[Network]:
    """None is wider than what was written."""
    blocks = [block for block in _PRIVATE if address in block and block.prefixlen >= length]
    yield from (block for block in blocks if block.network_address == address)
    ends_in = _zero_bits(address)
    if ends_in:
        yield ipaddress.ip_network((int(address).to_bytes(address.max_prefixlen // 8), address.max_prefixlen - ends_in))
    yield ipaddress.ip_network(f"{address}/{length}", strict=False)
    yield from blocks
    if not ends_in:
        yield ipaddress.ip_network(address)


def _zero_bits(address: Address) -> int:
    """Of the groups, as they are written, in which the address ends: 16 of 192.168.0.0."""
    group, number, zeros = _BITS_OF_A_GROUP[address.version], int(address), 0
    while number and number & ((1 << group) - 1) == 0:
        number >>= group
        zeros += group
    return zeros


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of the same version
