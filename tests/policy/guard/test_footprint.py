"""The networks of a login: known after days of ordinary use, and never too many."""

from __future__ import annotations

import pytest

from relaymilter.policy.guard.footprint import DAY, MOST_NETWORKS, Familiarity, Footprint, networks_of
from relaymilter.policy.networks import parse_address
from tests.policy.lives import START


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("192.0.2.7", "192.0.2.200", (True, True), id="a /24"),
        pytest.param("192.0.2.7", "192.0.3.7", (False, True), id="a /16"),
        pytest.param("192.0.2.7", "192.1.2.7", (False, False), id="another /16"),
        pytest.param("2001:db8:1::7", "2001:db8:1:9::1", (True, True), id="a /48"),
        pytest.param("2001:db8:1::7", "2001:db8:2::7", (False, True), id="a /32"),
        pytest.param("2001:db8:1::7", "2001:db9:1::7", (False, False), id="another /32"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.9", (True, True), id="a mapped address"),
        pytest.param("", "nowhere", (True, True), id="no address"),
        pytest.param("", "192.0.2.7", (False, False), id="an address and none"),
        pytest.param("52.0.0.0", "3400::", (False, False), id="an IPv4 network and an IPv6 one alike"),
    ],
)
def test_what_is_one_network(one: str, other: str, same: tuple[bool, bool]) -> None:
    """A /24 or a /48, in a /16 or a /32."""
    first, second = networks_of(parse_address(one)), networks_of(parse_address(other))
    assert same == (first.narrow == second.narrow, first.wide == second.wide)
    assert {8} == {len(key) for key in (*first, *second)}


def used(days: int, ordinary: bool = True) -> Footprint:
    """A footprint of two uses a day of one network."""
    footprint = Footprint()
    networks = networks_of(parse_address("192.0.2.7"))
    for day in range(days):
        for key in networks:
            footprint.use(key, START + day * DAY, False)
            footprint.use(key, START + day * DAY + 60, ordinary)
            footprint.use(key, START + day * DAY + 90, ordinary)
    return footprint


@pytest.mark.parametrize(
    ("footprint", "address", "expected"),
    [
        pytest.param(used(2), "192.0.2.9", Familiarity.NEW, id="two days"),
        pytest.param(used(3), "192.0.2.9", Familiarity.KNOWN, id="three days"),
        pytest.param(used(3), "192.0.9.9", Familiarity.NEAR, id="the wider one"),
        pytest.param(used(3), "198.51.100.9", Familiarity.NEW, id="another one"),
        pytest.param(used(30, ordinary=False), "192.0.2.9", Familiarity.NEW, id="never to anybody known"),
    ],
)
def test_a_network_becomes_known(footprint: Footprint, address: str, expected: Familiarity) -> None:
    """By days of ordinary use, not by much use."""
    assert expected is footprint.familiarity(networks_of(parse_address(address)))


def test_says_when_a_network_was_used() -> None:
    """Before this use, or never; whether that was ordinary or not."""
    footprint = Footprint()
    assert [0, START, START + 5] == [footprint.use(b"4abc\0\0\0\0", START + at, at == 0) for at in (0, 5, 9)]


def test_the_least_used_goes_first() -> None:
    """Ten thousand addresses push only each other out."""
    footprint = used(3)
    for number in range(10_000):
        footprint.use(b"4" + number.to_bytes(7, "big"), START + 5 * DAY + number, False)
    assert Familiarity.KNOWN is footprint.familiarity(networks_of(parse_address("192.0.2.9")))
    assert MOST_NETWORKS == len(list(footprint))
    assert START + 5 * DAY + 9_999 == max(network.last for network in footprint)


def test_a_key_within_another_is_not_found() -> None:
    """Octets that lie across two entries are no network."""
    footprint = Footprint(bytearray(b"a" * 4 + b"b" * 14 + b"c" * 18))
    assert 0 == footprint.use(b"b" * 8, START, False)
    assert 3 == len(list(footprint))
