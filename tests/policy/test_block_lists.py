"""Lists of clients: how one is written, what of its replies counts, and what many come to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.policy.block_lists import MAX_ZONE, Pattern, Site, error_in, parse_site, tally
from relaymilter.policy.networks import Address


def replies(*texts: str) -> tuple[Address, ...]:
    """These addresses."""
    return tuple(map(ipaddress.ip_address, texts))


def pattern(*octets: set[int]) -> Pattern:
    """127 and these."""
    return tuple(map(frozenset, ({127}, *octets)))


TWO = pattern({0}, {0}, {2})


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("bl.test", Site("bl.test")),
        ("BL.Test.", Site("bl.test")),
        ("bücher.test", Site("xn--bcher-kva.test")),
        ("bl.test*2", Site("bl.test", weight=2)),
        ("bl.test*+2", Site("bl.test", weight=2)),
        ("bl.test*-10", Site("bl.test", weight=-10)),
        ("bl.test=127.0.0.2", Site("bl.test", (TWO,))),
        ("bl.test=127.0.0.2*3", Site("bl.test", (TWO,), 3)),
        ("bl.test=127.0.0.2;127.0.0.4", Site("bl.test", (TWO, pattern({0}, {0}, {4})))),
        ("bl.test=127.0.0.[2..4]", Site("bl.test", (pattern({0}, {0}, {2, 3, 4}),))),
        ("bl.test=127.0.0.[2;4..5];127.0.0.9", Site("bl.test", (pattern({0}, {0}, {2, 4, 5}), pattern({0}, {0}, {9})))),
        ("bl.test=127.[0;1].0.2;127.9.0.2", Site("bl.test", (pattern({0, 1}, {0}, {2}), pattern({9}, {0}, {2})))),
        ("bl.test=[127].0.0.2", Site("bl.test", (TWO,))),
        ("bl.test=127.0.0.1*-1", Site("bl.test", (pattern({0}, {0}, {1}),), -1)),
        (f"{'a.' * 93}a.t", Site(f"{'a.' * 93}a.t")),
    ],
)  # fmt: skip
def test_parse(text: str, site: Site) -> None:
    """A zone, replies, a weight, as Postfix has them."""
    assert site == parse_site(text)


REPLY = "is no reply of a list: give an address such as 127.0.0.2, or 127.0.0.[2;4..11]"
RANGE = "is no reply of a list: those are in 127.0.0.0/8, and 127.255.255.x is an error"
WEIGHT = "is no weight: give 1 to 1000000, or -1 and below for a list of good clients"
ZONE = "is no list in the DNS: give its zone, such as bl.example.org"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no list in the DNS: an empty label"),
        ("bl test", "'bl test' is no list in the DNS: 'bl test' is no label of a domain"),
        ("file:/lists", None),
        ("test", f"'test' {ZONE}"),
        ("[127.0.0.2]", f"'[127.0.0.2]' {ZONE}"),
        (f"{'a.' * 93}ab.t", f"'{'a.' * 93}ab.t' {ZONE}"),
        ("bl.test=", f"'' {REPLY}"),
        ("bl.test=127.0.0", f"'127.0.0' {REPLY}"),
        ("bl.test=127.0.0.2.3", f"'127.0.0.2.3' {REPLY}"),
        ("bl.test=127.0.0.2;", f"'' {REPLY}"),
        ("bl.test=127.0.0.256", f"'127.0.0.256' {REPLY}"),
        ("bl.test=127.0.0.[4..2]", f"'127.0.0.[4..2]' {REPLY}"),
        ("bl.test=127.0.0.[2", f"'127.0.0.[2' {REPLY}"),
        ("bl.test=127.0.0.[]", f"'127.0.0.[]' {REPLY}"),
        ("bl.test=127.0.0.[2;]", f"'127.0.0.[2;]' {REPLY}"),
        ("bl.test=127.0.0.[2.4]", f"'127.0.0.[2.4]' {REPLY}"),
        ("bl.test=127.0.0.[2..]", f"'127.0.0.[2..]' {REPLY}"),
        ("bl.test=127.0.0.*", f"'127.0.0.' {REPLY}"),
        ("bl.test=127.0.0.x", f"'127.0.0.x' {REPLY}"),
        ("bl.test=::2", f"'::2' {REPLY}"),
        ("bl.test=192.0.2.1", f"'192.0.2.1' {RANGE}"),
        ("bl.test=[126..127].0.0.1", f"'[126..127].0.0.1' {RANGE}"),
        ("bl.test=127.255.255.254", f"'127.255.255.254' {RANGE}"),
        ("bl.test*", f"'' {WEIGHT}"),
        ("bl.test*0", f"'0' {WEIGHT}"),
        ("bl.test*1.5", f"'1.5' {WEIGHT}"),
        ("bl.test*1000001", f"'1000001' {WEIGHT}"),
        ("bl.test*10000000000", f"'10000000000' {WEIGHT}"),
        ("bl.test*2=127.0.0.2", f"'2=127.0.0.2' {WEIGHT}"),
        ("bl.test=127.0.0.2*2*3", f"'2*3' {WEIGHT}"),
    ],
)
def test_mistake(text: str, message: str | None) -> None:
    """Told in words."""
    with pytest.raises(ValueError, match=" is no ") as refused:
        parse_site(text)
    assert message in (None, str(refused.value))


@given(st.one_of(st.text(), st.text("bl.test=127[];*-0"), st.from_regex(r"bl\.test(=[0-9.;\[\]]*)?(\*[-+0-9]*)?")))
def test_parse_any(text: str) -> None:
    """Whatever is written is a list or a ValueError, and what counts is in 127.0.0.0/8."""
    try:
        site = parse_site(text)
    except ValueError:
        return
    assert 0 < len(site.zone) <= MAX_ZONE
    assert all(octets[0] == {127} and all(octets) for octets in site.patterns)


@pytest.mark.parametrize(
    ("site", "found", "counts"),
    [
        pytest.param("bl.test", ("127.0.0.2",), True, id="usual"),
        pytest.param("bl.test", ("127.1.2.3",), True, id="any in 127"),
        pytest.param("bl.test", (), False, id="none"),
        pytest.param("bl.test", ("192.0.2.1",), False, id="a parked zone"),
        pytest.param("bl.test", ("0.0.0.0",), False, id="a blocking name server"),
        pytest.param("bl.test", ("127.0.0.1",), False, id="another"),
        pytest.param("bl.test", ("127.0.0.1", "127.0.0.3"), True, id="and a reply"),
        pytest.param("bl.test", ("::1",), False, id="IPv6"),
        pytest.param("bl.test=127.0.0.1", ("127.0.0.1",), True, id="named"),
        pytest.param("bl.test=127.0.0.[4..6]", ("127.0.0.3",), False, id="below"),
        pytest.param("bl.test=127.0.0.[4..6]", ("127.0.0.6",), True, id="last"),
        pytest.param("bl.test=127.0.0.[4..6]", ("127.0.0.7",), False, id="above"),
        pytest.param("bl.test=127.0.0.[4..6]", ("127.0.1.5",), False, id="another octet"),
        pytest.param("bl.test=127.0.0.[4..6]", ("127.0.0.2", "127.0.0.5"), True, id="one of two"),
        pytest.param("bl.test=127.0.0.2;127.0.0.9", ("127.0.0.9",), True, id="second pattern"),
    ],
)  # fmt: skip
def test_counts(site: str, found: tuple[str, ...], counts: bool) -> None:
    """Replies in 127.0.0.0/8 that the patterns have."""
    assert counts is parse_site(site).counts(replies(*found))


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ((), None),
        (("127.0.0.2",), None),
        (("127.255.254.255",), None),
        (("127.255.255.254",), "127.255.255.254 is an error: the list does not answer this name server"),
        (("127.0.0.2", "127.255.255.255"), "127.255.255.255 is an error: the list does not answer this name server"),
        (("::1",), None),
    ],
)
def test_error(found: tuple[str, ...], error: str | None) -> None:
    """127.255.255.x is no reply, whatever comes with it."""
    assert error == error_in(replies(*found))


SITES = st.lists(
    st.builds(
        lambda reply, weight: parse_site(f"bl.test{reply}*{weight}"),
        st.sampled_from(["", "=127.0.0.2", "=127.0.0.[2..3]", "=127.0.0.1"]),
        st.integers(-5, 5).filter(bool),
    ),
    max_size=3,
)


@given(st.lists(SITES, max_size=4), st.data())
def test_tally(lists: list[list[Site]], data: st.DataObject) -> None:
    """The end is always between lowest and highest, which meet when all lists have answered."""
    zones = {f"bl{number}.test": sites for number, sites in enumerate(lists)}
    said = {
        zone: replies(*data.draw(st.lists(st.sampled_from(["127.0.0.1", "127.0.0.2", "127.0.0.3", "192.0.2.1"]))))
        for zone in zones
    }
    end = sum(site.weight for zone, sites in zones.items() for site in sites if site.counts(said[zone]))
    score = tally(zones)
    for zone, sites in zones.items():
        assert score.lowest <= end <= score.highest
        score.take(sites, said[zone])
    assert score.lowest == end == score.highest
    assert end == sum(site.weight for site in score.hits)


def test_told() -> None:
    """What counted, and how much."""
    zones = {"bl.test": [parse_site("bl.test*2"), parse_site("bl.test*3")], "good.test": [parse_site("good.test*-1")]}
    score = tally(zones)
    assert "no list" == str(score)
    for sites in zones.values():
        score.take(sites, replies("127.0.0.2"))
    assert "bl.test (+2), bl.test (+3), good.test (-1)" == str(score)
    score.silent += ["out.test", "late.test"]
    assert "bl.test (+2), bl.test (+3), good.test (-1); silent: out.test, late.test" == str(score)
