"""Which server is probed: its addresses and ports, and whether it is one's own."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from relaymilter.mta.interfaces import own_addresses
from relaymilter.policy.networks import parse_address


class Target(NamedTuple):
    """One socket of a server."""

    name: str
    """As it was written, without the port; a certificate has it."""
    address: str
    port: int

    def __str__(self) -> str:
        shown = f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
        return shown if self.name == self.address else f"{self.name} {shown}"

    @property
    def is_own(self) -> bool:
        """It is an address of this machine."""
        address = parse_address(self.address)
        return address is not None and (address.is_loopback or address in own_addresses())


_WITH_PORT = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")
_BRACKETS = re.compile(r"\[([^\]]+)\]")


def targets(text: str, ports: Iterable[int], versions: Iterable[int]) -> Iterator[Target]:
    """Every address of `HOST[:PORT]` of these versions of IP, at these ports where it names none. Raises ValueError."""
    with_port = _WITH_PORT.fullmatch(text)
    bare = _BRACKETS.fullmatch(text)
    host = (with_port[1] or with_port[2]) if with_port else bare[1] if bare else text
    wanted = [int(with_port[3])] if with_port else [*ports]
    if not all(1 <= port <= 65535 for port in wanted):
        raise ValueError(f"{text}: a port is from 1 to 65535")
    addresses = [each for each in _addresses(host) if ipaddress.ip_address(each).version in set(versions)]
    if not addresses:
        raise ValueError(f"{text}: it has no address of that version of IP")
    yield from (Target(host, address, port) for address in addresses for port in wanted)


def _addresses(host: str) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{host}: {getattr(error, 'strerror', '') or error}") from None
    return [*dict.fromkeys(str(each[4][0]) for each in answers)]
