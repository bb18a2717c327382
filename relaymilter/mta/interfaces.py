"""The addresses of this machine's interfaces, as the kernel lists them in /proc/net, those of loopback too."""

import ipaddress
import re
from pathlib import Path

from relaymilter.policy.networks import Address

_IPV4 = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def own_addresses(net: Path = Path("/proc/net")) -> list[Address]:
    """IPv4 ones first; none of a family that this machine has not. Raises OSError."""
    addresses: list[Address] = [*map(ipaddress.IPv4Address, _IPV4.findall(_text(net / "fib_trie")))]
    addresses += (ipaddress.IPv6Address(int(line[:32], 16)) for line in _text(net / "if_inet6").splitlines())
    return [*dict.fromkeys(addresses)]


def _text(path: Path) -> str:
    return path.read_text("ascii") if path.exists() else ""
