"""Which clients are local: what is never local, or distrusted, is not; and nothing else changes."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.local_clients import LocalClients
from relaymilter.policy.networks import LocalNetwork, Networks, parse_network
from relaymilter.policy.ports import LookupFailed

from .asking import FailingNames

NUMBERS = st.integers(0xC0000200, 0xC00002FF)


def network(number: int, length: int, excluded: bool) -> LocalNetwork:
    """The one of this length that holds the address."""
    return LocalNetwork(4, number >> 32 - length << 32 - length, length, excluded)


NETWORKS = st.lists(st.builds(network, NUMBERS, st.integers(24, 32), st.booleans()), max_size=4)


@given(NETWORKS, NETWORKS, st.sets(NUMBERS, max_size=2), NUMBERS)
def test_only_closes(local: list[LocalNetwork], never: list[LocalNetwork], lost: set[int], number: int) -> None:
    """No address is local that is in no local network, is never local, or is distrusted; all others are."""
    address = IPv4Address(number)
    plain, excepted = Addresses(Networks(local)), Addresses(Networks(never))
    clients = LocalClients(plain, excepted, lambda address: int(address) in lost)
    assert clients.holds(address) == (plain.holds(address) and not excepted.holds(address) and number not in lost)


def test_says_why() -> None:
    """What decides is the address itself, which excludes; or the network."""
    local = Addresses(Networks(map(parse_network, ("192.0.2.0/24", "192.0.2.1"))))
    clients = LocalClients(local, Addresses(Networks([parse_network("192.0.2.0/28")])))
    found = [str(clients.find(IPv4Address(text))) for text in ("192.0.2.1", "192.0.2.99", "198.51.100.1")]
    assert found == ["!192.0.2.1/32", "192.0.2.0/24", "None"]
    assert clients.find(None) is None


def test_distrusted() -> None:
    """An address that is not trusted now is no local client, and excludes itself; its neighbour is one."""
    local = Addresses(Networks([parse_network("192.0.2.0/24")]))
    clients = LocalClients(local, distrusted=lambda address: address == IPv4Address("192.0.2.1"))
    found = [(str(clients.find(one)), clients.holds(one)) for one in map(IPv4Address, ("192.0.2.1", "192.0.2.2"))]
    assert found == [("!192.0.2.1/32", False), ("192.0.2.0/24", True)]


def test_table() -> None:
    """Gateways in a table that has no answer are uncertain; nobody asks it of an address that is not local."""
    local = Addresses(Networks([parse_network("192.0.2.0/24")]))
    clients = LocalClients(local, Addresses(others=FailingNames()))
    with pytest.raises(LookupFailed):
        clients.find(IPv4Address("192.0.2.1"))
    assert clients.find(IPv4Address("198.51.100.1")) is None


class Waiting(FailingNames):
    """A table that must be waited for."""

    waits = True


def test_waits() -> None:
    """It waits where either of the two does."""
    waiting = Addresses(others=Waiting())
    assert not LocalClients(Addresses(), Addresses()).waits
    assert LocalClients(Addresses(), waiting).waits
    assert LocalClients(waiting).waits


def test_an_excluded_network_is_named() -> None:
    """It is what decides, and the log says so."""
    local = Addresses(Networks(map(parse_network, ("192.0.2.0/24", "!192.0.2.1"))))
    assert LocalClients(local, Addresses(), None).find(IPv4Address("192.0.2.1")) == parse_network("!192.0.2.1")
