"""Addresses in networks and tables: asked in one place by whatever judges an address."""

from __future__ import annotations

import ipaddress

import pytest

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed
from tests.policy.asking import FailingNames

NETWORKS = Networks(map(parse_network, ("192.0.2.0/24", "!192.0.2.66", "2001:db8:1::/48")))
BOTH = Addresses(NETWORKS, frozenset({"198.51.100.7", "192.0.2.66", "2001:db8::7"}))


@pytest.mark.parametrize(
    ("address", "found", "held"),
    [
        pytest.param("192.0.2.7", "192.0.2.0/24", True, id="in a network"),
        pytest.param("192.0.2.66", "!192.0.2.66/32", False, id="excluded, though a table has it"),
        pytest.param("198.51.100.7", "198.51.100.7/32", True, id="in a table"),
        pytest.param("2001:db8::7", "2001:db8::7/128", True, id="in a table, IPv6"),
        pytest.param("2001:db8:1::7", "2001:db8:1::/48", True, id="in a network, IPv6"),
        pytest.param("203.0.113.7", None, False, id="in none"),
    ],
)
def test_find(address: str, found: str | None, held: bool) -> None:
    """A network decides; where none has an address, a table may."""
    who = ipaddress.ip_address(address)
    entry = BOTH.find(who)
    assert (found, held) == (None if entry is None else str(entry), BOTH.holds(who))


def test_no_address() -> None:
    """A client whose address is not known is nowhere, and nothing is asked of it."""
    assert not Addresses(NETWORKS, FailingNames()).holds(None)


def test_a_table_is_asked_after_the_networks() -> None:
    """One that is down leaves those in networks, and is no answer for others."""
    down = Addresses(NETWORKS, FailingNames())
    assert down.holds(ipaddress.ip_address("192.0.2.7"))
    with pytest.raises(LookupFailed):
        down.holds(ipaddress.ip_address("203.0.113.7"))
