"""Which network was meant by a slip; what test_networks.py does not say of it."""

from __future__ import annotations

import ipaddress

import pytest

from relaymilter.policy.network_width import meant, public_addresses


@pytest.mark.parametrize(
    ("address", "length", "network"),
    [
        pytest.param("2001:db8::1", 112, "2001:db8::/112", id="an IPv6 network as small as a mapped one"),
        pytest.param("::ffff:10.0.0.0", 96, "10.0.0.0/8", id="the widest mapped one"),
        pytest.param("::ffff:203.0.113.1", 120, "203.0.113.0/24", id="a mapped one"),
        pytest.param("172.16.0.0", 13, "172.16.0.0/16", id="a block that is wider than what was written"),
        pytest.param("172.16.0.0", 12, "172.16.0.0/12", id="a block as it is"),
        pytest.param("0.0.0.0", 8, "0.0.0.0/8", id="no bit set at all"),
        pytest.param("2001::", 15, "None", id="nothing that would not itself be warned of"),
    ],
)
def test_meant(address: str, length: int, network: str) -> None:
    """The least that the zeros at its end leave, or a private block, and never one that is wider."""
    assert network == str(meant(ipaddress.ip_address(address), length))


def test_the_first_private_block_is_named() -> None:
    """Of several that a network holds."""
    warning = public_addresses(ipaddress.ip_network("128.0.0.0/1"))
    assert warning == "holds public addresses of many owners: 172.16.0.0/12 was probably meant"
