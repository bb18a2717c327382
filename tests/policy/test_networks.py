"""Local networks and client addresses."""

from __future__ import annotations

import ipaddress

import pytest

from relaymilter.policy.networks import Networks, local_network, parse_address, parse_network, suspicion


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7/32", "192.0.2.7/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::7", "2001:db8::7/128"),
        ("2001::/16", "2001::/16"),
        ("fc00::/7", "fc00::/7"),
        ("fd00::/8", "fd00::/8"),
        ("!192.0.2.0/24", "!192.0.2.0/24"),
        ("! 192.0.2.0/24", "!192.0.2.0/24"),
        ("!2001:db8::/32", "!2001:db8::/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("!::ffff:192.0.2.0/120", "!192.0.2.0/24"),
        ("!0.0.0.0/0", "!0.0.0.0/0"),
        ("!::/0", "!::/0"),
        ("!::ffff:0:0/96", "!0.0.0.0/0"),
    ],
)
def test_parse_network(text: str, network: str) -> None:
    """A network is CIDR or one address, `!` excludes it, and an IPv4-mapped one is the IPv4 network."""
    assert network == str(parse_network(text))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("192.0.2.1/24", "192.0.2.0/24"),
        ("!192.0.2.1/24", "192.0.2.0/24"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::ffff:10.0.0.1/104", "10.0.0.0/8"),
        ("192.168.0.0/8", "192.168.0.0/16"),
        ("192.168.1.1/8", "192.168.0.0/16"),
        ("192.168.3.0/8", "192.168.3.0/24"),
        ("172.16.0.0/8", "172.16.0.0/12"),
        ("172.20.0.0/12", "172.20.0.0/16"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3/6", "10.0.0.0/8"),
        ("8.8.8.8/8", "8.8.8.8/32"),
        ("8.8.0.0/8", "8.8.0.0/16"),
        ("128.0.0.1/1", "128.0.0.1/32"),
        ("::ffff:192.168.0.0/104", "192.168.0.0/16"),
        ("2001:db8:1::/32", "2001:db8:1::/48"),
        ("2a00:1450::1/16", "2a00:1450::1/128"),
        ("fe80::1/10", "fe80::/10"),
    ],
)
def test_host_bits(text: str, meant: str) -> None:
    """Host bits are refused with the network that was probably meant, never one that would be warned of itself."""
    with pytest.raises(ValueError, match="has host bits set") as refused:
        parse_network(text)
    named = str(refused.value).partition(": ")[2].removesuffix(" was probably meant")
    assert ipaddress.ip_network(meant) == ipaddress.ip_network(named)


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7", "192.0.0.0/0.0.0.0", "::ffff:0:0/96", "::ffff:a00:0/103"],
)
def test_too_wide_for_ipv4(text: str) -> None:
    """A network of IPv4 wider than /8 would open the relay, in whatever notation."""
    with pytest.raises(ValueError, match=r"/8 is the widest|host bits"):
        parse_network(text)


@pytest.mark.parametrize(
    "text", ["::/0", "2000::/3", "::/15", "8000::/1", "fc00::/6", "fe00::/7", "fa00::/7", "fe00::/9", "fec0::/10"]
)
def test_too_wide_for_ipv6(text: str) -> None:
    """A network of IPv6 wider than /16 would open the relay, unless it is unique or link-local (RFC 4193, RFC 4291)."""
    with pytest.raises(ValueError, match="/16 is the widest"):
        parse_network(text)


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::%eth0/64", "!fe80::1%1", "::ffff:192.0.2.7%eth0"])
def test_zone_in_network(text: str) -> None:
    """A zone is an interface of some host, not a network."""
    with pytest.raises(ValueError, match="has a zone"):
        parse_network(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "!", "!!10.0.0.0/8", "localhost", "192.0.2", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "1/8"),
        *("192.0.2.0/24/24", "192.0.2.0-255", "192.0.2.*", " 192.0.2.0/24", "192.0.2.0/24\n", "192.0.2.0/ 24"),
        *("010.0.0.0/8", "３.0.0.0/8", "10.0.0.0/８", "[::1]", "IPv6:::1", "2001:db8::/129", "unix:/run/x", "0/0"),
        *("192.0.2.0/24 # all", "192.0.2.0/255.0.255.0", "\0", "192.0.2.7%x"),
    ],
)
def test_no_network(text: str) -> None:
    """What is no network is refused by name, with an example of one."""
    with pytest.raises(ValueError, match=r"is no network: give an IPv4 or IPv6 address or CIDR") as refused:
        parse_network(text)
    assert repr(text.removeprefix("!")) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("::1", "::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:207", "192.0.2.7"),
        ("0:0:0:0:0:ffff:127.0.0.1", "127.0.0.1"),
        ("::127.0.0.1", "::7f00:1"),
        ("::ffff:0:127.0.0.1", "::ffff:0:7f00:1"),
        ("64:ff9b::127.0.0.1", "64:ff9b::7f00:1"),
        ("2002:7f00:1::", "2002:7f00:1::"),
    ],
)
def test_parse_address(text: str, address: str) -> None:
    """Only the mapped form holds an IPv4 address; compatible, translated, NAT64 and 6to4 addresses are IPv6."""
    assert ipaddress.ip_address(address) == parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "unknown", "localhost", "mx.rig.test", "[127.0.0.1]", "IPv6:::1", "IPv6:0:0:0:0:0:0:0:1", "/run/milter"),
        *("127.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "127.0.0.1.", "127.0.0.1 ", "\t127.0.0.1", "127.0.0.1\n"),
        *("127.0.0.1\0", "127.0.0.1/32", "127.0.0.1:25", "127.0.0.１", "127.0.0.256", "::1%lo", "fe80::1%eth0", "::1%"),
        *("::ffff:127.0.0.1%lo", "127.0.0.1%lo", "::1::", "1", "0", ":", "::ffff:127.0.0.1.1", "::ffff:127.1"),
    ],
)
def test_stranger_by_address(text: str) -> None:
    """A name, a zone, an odd notation, or what cannot be parsed is no address, so its client is a stranger."""
    assert parse_address(text) is None


TREE = Networks(
    [parse_network(text) for text in ("10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24", "!10.1.2.3", "2001:db8::/32")],
)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.9.9.9", "10.0.0.0/8"),
        ("10.1.9.9", "!10.1.0.0/16"),
        ("10.1.2.9", "10.1.2.0/24"),
        ("10.1.2.3", "!10.1.2.3/32"),
        ("10.0.0.0", "10.0.0.0/8"),
        ("10.255.255.255", "10.0.0.0/8"),
        ("9.255.255.255", None),
        ("11.0.0.0", None),
        ("::ffff:10.1.2.3", "!10.1.2.3/32"),
        ("2001:db8:ffff::1", "2001:db8::/32"),
        ("2001:db9::", None),
        ("::a01:203", None),
        ("::", None),
    ],
)
def test_most_specific_decides(address: str, found: str | None) -> None:
    """The most specific network decides, whether it excludes or not, and IPv4 is never looked up as IPv6."""
    parsed = parse_address(address)
    assert parsed is not None
    local = TREE.find(parsed)
    assert found == (None if local is None else str(local))


@pytest.mark.parametrize("order", [1, -1], ids=["excluded last", "excluded first"])
def test_excluding_counts_among_equals(order: int) -> None:
    """Of the same network named twice the one that excludes counts, in either order."""
    networks = Networks([parse_network(text) for text in ("192.0.2.0/24", "!192.0.2.0/24")[::order]])
    assert local_network(ipaddress.ip_network("192.0.2.0/24"), excluded=True) == networks.find(
        ipaddress.ip_address("192.0.2.7")
    )


@pytest.mark.parametrize(
    ("given", "deciding"),
    [
        ("", ""),
        ("10.0.0.0/8 !10.1.0.0/16 10.1.2.3", "10.0.0.0/8 !10.1.0.0/16 10.1.2.3/32"),
        ("192.0.2.0/25 192.0.2.128/25", "192.0.2.0/25 192.0.2.128/25"),
        ("192.0.2.0/25 192.0.2.128/25 192.0.2.0/24", "192.0.2.0/25 192.0.2.128/25"),
        ("192.0.2.0/24 !192.0.2.0/24", "!192.0.2.0/24"),
        ("10.0.0.0/8 10.255.255.255", "10.0.0.0/8 10.255.255.255/32"),
        ("255.0.0.0/8 !0.0.0.0/0", "!0.0.0.0/0 255.0.0.0/8"),
        ("2001:db8::/32 ::1 10.0.0.0/8", "10.0.0.0/8 ::1/128 2001:db8::/32"),
        ("!::/0 ffff::/16", "!::/0 ffff::/16"),
    ],
    ids=[
        "none",
        "nested",
        "neighbours",
        "hidden by halves",
        "equal",
        "at the end",
        "all of IPv4",
        "both",
        "all of IPv6",
    ],
)
def test_those_that_decide(given: str, deciding: str) -> None:
    """A set of networks gives back those that decide anywhere, in order, and is equal to one that decides alike."""
    networks = Networks(map(parse_network, given.split()))
    assert deciding.split() == [str(local) for local in networks]
    assert networks == Networks([*networks][::-1])
    assert networks != Networks([parse_network("198.51.100.0/24")])
    assert networks != [*networks]


@pytest.mark.parametrize(
    ("given", "only"),
    [
        ("", False),
        ("192.0.2.0/24", False),
        ("!192.0.2.0/24", True),
        ("!192.0.2.0/24 !2001:db8::/32", True),
        ("!192.0.2.0/24 ::1", False),
        ("!192.0.2.0/24 192.0.2.7", False),
        ("!192.0.2.0/24 192.0.2.0/24", True),
        ("!0.0.0.0/0 !::/0", True),
        ("::/16 !::/0", False),
    ],
)
def test_only_excluding(given: str, only: bool) -> None:
    """Networks that only exclude, so that no client is local, are known for that."""
    assert Networks(map(parse_network, given.split())).only_excluding == only


def test_no_networks() -> None:
    """Without networks none is found."""
    assert Networks([]).find(ipaddress.ip_address("127.0.0.1")) is None


def test_networks_of_one_version() -> None:
    """An address of the other version is in no network, though its number may be."""
    assert Networks([parse_network("0.0.0.0/8")]).find(ipaddress.ip_address("::1")) is None


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("127.0.0.0/8", None),
        ("::1", None),
        ("10.0.0.0/8", None),
        ("172.16.0.0/12", None),
        ("192.168.0.0/16", None),
        ("fe80::/64", None),
        ("fe80::/10", None),
        ("fd00::/16", None),
        ("fc00::/7", None),
        ("203.0.114.0/24", None),
        ("8.8.0.0/16", None),
        ("2a00:1450::/32", None),
        ("!8.0.0.0/8", None),
        ("!172.0.0.0/8", None),
        ("172.0.0.0/8", "172.16.0.0/12 was probably meant"),
        ("172.0.0.0/9", "holds public addresses of many owners: 172.16.0.0/12 was probably meant"),
        ("192.0.0.0/8", "holds public addresses of many owners: 192.168.0.0/16 was probably meant"),
        ("2001::/16", "public addresses, and every one of them may relay"),
        ("8.0.0.0/8", "holds 16777216 public addresses"),
        ("8.8.0.0/15", "holds 131072 public addresses"),
        ("2a00::/16", "public addresses, and every one of them may relay"),
        ("2a00:1450::/31", "public addresses, and every one of them may relay"),
    ],
)
def test_suspicion(text: str, warning: str | None) -> None:
    """A wide public network is warned of, and so is a usual slip; private ones and exclusions are not."""
    found = suspicion(parse_network(text))
    assert (warning is None) == (found is None)
    assert (warning or "") in (found or "")
