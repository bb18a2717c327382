"""Addresses behind which clients may be hidden: gateways, bridges of containers, proxies on this machine.

Where the network translates addresses (NAT, Docker's userland proxy, a load balancer without the PROXY protocol), the
MTA sees all clients at one such address. If that is in a local network, everybody may relay. Whether one translates
cannot be seen from here, so what is said of them is a doubt. Read from /proc and /sys; nothing is sent or asked.
"""

import ipaddress
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from relaymilter.mta.interfaces import own_addresses
from relaymilter.policy.networks import Address, LocalNetwork

_PROXIES = frozenset(
    {
        *("caddy", "docker-proxy", "envoy", "haproxy", "kube-proxy", "nginx", "pasta", "redir", "rinetd"),
        *("rootlessport", "slirp4netns", "socat", "stunnel", "stunnel4", "traefik", "xinetd"),
    }
)
"""Programs that take connections for others, as /proc/PID/comm has them (proc(5))."""
_PORTS = (25, 465, 587)
_LISTENS = "0A"
"""TCP_LISTEN, in hexadecimal (include/net/tcp_states.h)."""
_LOOPBACK: tuple[Address, ...] = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))
_REMEDY = (
    "where it hides clients behind itself (NAT, a proxy without the PROXY protocol), every one of them may relay; "
    "if it sends no mail of its own, add {never}"
)


class Gateway(NamedTuple):
    """An address that may stand for many clients."""

    address: Address
    what: str
    """What it is, in words: `the gateway of eth0`."""


def gateways(proc: Path = Path("/proc"), devices: Path = Path("/sys/class/net")) -> list[Gateway]:
    """All that can be seen, each address once; what cannot be read is left out."""
    by_address: dict[Address, Gateway] = {}
    for look in (_of_routes(proc / "self/net"), _of_bridges(proc / "self/net", devices), _of_proxies(proc)):
        with suppress(OSError, ValueError):  # another kernel, or what a container hides
            for gateway in look:
                if not gateway.address.is_link_local:  # it comes with a zone, and so is a stranger's
                    by_address.setdefault(gateway.address, gateway)
    return [*by_address.values()]


def doubts(holds: Callable[[Address], LocalNetwork | None], seen: Iterable[Gateway]) -> Iterator[str]:
    """What to say of each network with some of them; `holds` gives the local network that decides on an address."""
    held: dict[LocalNetwork, list[Gateway]] = {}
    for gateway in seen:
        network = holds(gateway.address)
        if network is not None and not network.excluded:
            held.setdefault(network, []).append(gateway)
    for network, inside in held.items():
        said = ", and ".join(f"{gateway.address}, {gateway.what}" for gateway in inside)
        never = " and ".join(f"never-local {gateway.address}" for gateway in inside)
        yield f"{network} holds {said}: {_REMEDY.format(never=never)}"


def _of_routes(net: Path) -> Iterator[Gateway]:
    for device, _, gateway, _ in _routes(net):
        if gateway:
            yield Gateway(ipaddress.IPv4Address(gateway), f"the gateway of {device}")
    for line in _lines(net / "ipv6_route"):
        fields = line.split()
        if gateway := int(fields[4], 16):
            yield Gateway(ipaddress.IPv6Address(gateway), f"the gateway of {fields[9]}")


def _of_bridges(net: Path, devices: Path) -> Iterator[Gateway]:
    """This host's own address on each: what containers see as their gateway, and a userland proxy connects from."""
    bridges = {path.parent.name for path in devices.glob("*/bridge")}
    if not bridges:
        return
    own = [address for address in own_addresses(net) if address.version == 4]
    for device, network, gateway, mask in _routes(net):
        if device in bridges and not gateway:
            inside = (address for address in own if int(address) & mask == network)
            yield from (Gateway(address, f"this host on the bridge {device}") for address in inside)
    for line in _lines(net / "if_inet6"):
        if (device := line.split()[-1]) in bridges:
            yield Gateway(ipaddress.IPv6Address(int(line[:32], 16)), f"this host on the bridge {device}")


def _of_proxies(proc: Path) -> Iterator[Gateway]:
    """Loopback, where a proxy takes the connections for a mail port: it probably connects to the MTA from there."""
    sockets = {f"socket:[{inode}]": port for inode, port in _listeners(proc / "self/net")}
    for folder in proc.glob("[0-9]*") if sockets else ():
        for program, port in _serves(folder, sockets):
            for address in _LOOPBACK:
                yield Gateway(address, f"from where {program}, which listens on port {port}, may connect")


def _serves(folder: Path, sockets: dict[str, int]) -> Iterator[tuple[str, int]]:
    """The program of this process, if it is a proxy, and the ports that it listens on."""
    with suppress(OSError):  # it has ended, or is not ours to look at
        program = (folder / "comm").read_text("utf-8", "replace").strip()
        if program in _PROXIES:
            held = {*_held(folder / "fd")}
            yield from ((program, sockets[each]) for each in sorted(held & sockets.keys()))


def _held(descriptors: Path) -> Iterator[str]:
    """What each descriptor stands for; a busy proxy closes some of them while they are read."""
    for each in descriptors.iterdir():
        with suppress(FileNotFoundError):
            yield str(each.readlink())


def _listeners(net: Path) -> Iterator[tuple[str, int]]:
    """Inode and port of each socket that listens on a mail port."""
    for line in (*_lines(net / "tcp")[1:], *_lines(net / "tcp6")[1:]):
        fields = line.split()
        port = int(fields[1].rpartition(":")[2], 16)
        if fields[3] == _LISTENS and port in _PORTS:
            yield fields[9], port


def _routes(net: Path) -> Iterator[tuple[str, int, int, int]]:
    """Of IPv4: device, network, gateway and mask; the kernel writes them in the byte order of the machine."""
    for line in _lines(net / "route")[1:]:
        fields = line.split()
        network, gateway, mask = (int.from_bytes(bytes.fromhex(fields[at]), sys.byteorder) for at in (1, 2, 7))
        yield fields[0], network, gateway, mask


def _lines(path: Path) -> list[str]:
    return path.read_text("ascii").splitlines() if path.exists() else []
