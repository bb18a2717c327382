"""Whatever stands in a list of Postfix, nothing is local here that is not local there: compared with match_list.c."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from relaymilter.config import entries
from relaymilter.config.forms import DOMAIN, NETWORK
from relaymilter.config.problems import Problems, Value
from relaymilter.mta.domain_list import Domains, domain_settings
from relaymilter.mta.mynetworks import local_networks
from relaymilter.mta.settings import Remark, Setting
from relaymilter.policy.domains import DomainList
from relaymilter.policy.networks import parse_address
from relaymilter.tables.postfix import Keys

LABELS = st.sampled_from(["a", "b", "c"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
ADDRESSES = st.integers(0, 15).map(lambda low: ipaddress.IPv4Address(0xC0000200 + low))
EXCLAMATIONS = st.sampled_from(["", "", "", "!", "!!"])


def network(address: ipaddress.IPv4Address, length: int) -> str:
    """The one of this length that holds the address."""
    return str(ipaddress.ip_network((address, length), strict=False))


NETWORKS = st.builds(network, ADDRESSES, st.integers(24, 32))
ODD = st.sampled_from(["host.example.org", "192.0.2.9", "[2001:db8::1]", "192.0.2.1/28"])


def items(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Some of these patterns, each perhaps with `!`."""
    return st.lists(st.builds(str.__add__, EXCLAMATIONS, patterns), max_size=7)


def first(found: list[str], matches: list[bool]) -> bool:
    """What match_list_match() says where each of these items matches or does not."""
    for item, matched in zip(found, matches, strict=True):
        if matched:
            return (len(item) - len(item.lstrip("!"))) % 2 == 0
    return False


def local_there(found: list[str], address: ipaddress.IPv4Address) -> bool:
    """Is the address in this mynetworks? A client has no name here; networks with host bits match nothing."""
    return first(found, [_holds(item.lstrip("!"), address) for item in found])


def _holds(pattern: str, address: ipaddress.IPv4Address) -> bool:
    try:
        return address in ipaddress.ip_network(pattern)
    except ValueError:
        return False


@given(items(NETWORKS | ODD), ADDRESSES)
def test_networks(found: list[str], address: ipaddress.IPv4Address) -> None:
    """A client who is local here is local there."""
    settings = local_networks(" ".join(found), "postfix: mynetworks", "", [])
    known = entries.networks(values(settings), NETWORK, entries.Sources(Problems())).known
    parsed = parse_address(str(address))
    assert parsed is not None
    local = known.find(parsed)
    assert local is None or local.excluded or local_there(found, address)


@given(st.lists(NETWORKS, max_size=7), ADDRESSES)
def test_networks_that_are_not_excluded(found: list[str], address: ipaddress.IPv4Address) -> None:
    """Without exclusions it is the same."""
    remarks: list[Remark] = []
    settings = local_networks(" ".join(found), "postfix: mynetworks", "", remarks)
    known = entries.networks(values(settings), NETWORK, entries.Sources(Problems())).known
    parsed = parse_address(str(address))
    assert parsed is not None
    local = known.find(parsed)
    assert remarks == []
    assert (local is not None and not local.excluded) == local_there(found, address)


def values(settings: list[Setting]) -> list[Value]:
    """As the reader takes them."""
    return [Value(setting.text, setting.place, setting.subdomains) for setting in settings]


def matches(pattern: str, domain: str, keys: Keys) -> bool:
    """match_string(), or match_hostname() with and without MATCH_FLAG_PARENT."""
    match keys:
        case Keys.EXACT:
            return pattern == domain
        case Keys.PARENTS:
            return pattern == domain or domain.endswith(f".{pattern}")
        case Keys.AS_THEY_ARE:
            return pattern == domain or (pattern.startswith(".") and domain.endswith(pattern))


PATTERNS = DOMAINS | DOMAINS.map(".".__add__)


def here(found: list[str], keys: Keys) -> tuple[DomainList, list[Remark]]:
    """The list that is made of it, and the remarks."""
    domains = Domains("relay-domain", "", [], keys)
    settings = domain_settings(domains, " ".join(found), "postfix: relay_domains")
    return DomainList(entries.names(values(settings), DOMAIN, entries.Sources(Problems())).known), domains.remarks


@given(items(PATTERNS), DOMAINS, st.sampled_from([*Keys]))
def test_domains(found: list[str], domain: str, keys: Keys) -> None:
    """A domain that is ours here is theirs there; and where nothing is remarked on, the other way round."""
    made, remarks = here(found, keys)
    there = first(found, [matches(item.lstrip("!"), domain, keys) for item in found])
    ours = made.match(domain) is not None
    assert there or not ours
    assert ours or not there or remarks
