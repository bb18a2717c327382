"""What holds of every decision, whatever the bytes: searched for counterexamples by hypothesis."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from hypothesis import example, find, given, settings
from hypothesis import strategies as st

from relaymilter.policy import address
from relaymilter.policy.address import Malformed, Path, parse
from relaymilter.policy.domains import DomainList, domain_form
from relaymilter.policy.envelope import Request, client, request
from relaymilter.policy.networks import Address, LocalNetwork, Network, Networks, local_network
from relaymilter.policy.ports import LookupFailed, Names
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Defer, NoOpinion, Permit, Reject, Reply
from tests.policy.asking import LOCAL_NAMES, NEIGHBOUR, RELAY_NAMES, RULESET, FailingNames, decide, relay_rules
from tests.policy.oracle import name_at_ours, only_ours, plain_and_ours, read_as_ours

Strategy: TypeAlias = st.SearchStrategy[Any]

# Paths. Arbitrary bytes hardly ever come near a local domain, so most are made of pieces and then damaged.

HOSTS = st.sampled_from(
    [
        *("kite.test", "KITE.Test", "kite.test.", "a.sub.test", "xn--bcher-kva.test", "bücher.test", "relay.test"),
        *("[192.0.2.25]", "[IPv6:2001:db8::25]", "[ipv6:2001:DB8:0:0::25]", "kite .(c) test"),
        *("else.test", "sub.test", "notkite.test", "kite.test.else.test", "[192.0.2.9]", "192.0.2.25"),
        *("\u212aite.test", "\uff4bite.test", "kite\u3002test", "straße.test", "ki\u00adte.test"),
        *("[2001:db8::25]", "BÜCHER.test"),
        *('"kite.test"', "k\\ite.test", "kite.test%else.test", "else.test!kite.test", "kite..test", "[kite.test]"),
    ]
).map(str.encode)  # fmt: skip

WORDS = st.sampled_from(
    [
        *("b", "b.c", "b..c", ".", "b+c", "postmaster", '"b"', '"b c"', '""', '"b\\"c"', r"b\c", "bü", "a" * 65),
        *("b%else.test", "else.test!b", "b@else.test", '"b@else.test"', '"b%else.test"', '"else.test!b"'),
        *(r"b\@else.test", r"b\%else.test", r'"b\@else.test"', '"b"."@"."c"', "Postmaster", "b,c", "b:c", "b;c"),
        *("b(c)", "(c)b", "b(@else.test)", "b((c)c)"),
        *("b c", "<b", "b>", '"b', "\uff20", "\uff05", "b\0", "b\x85", "b\t"),
    ]
).map(str.encode)  # fmt: skip

ROUTES = st.sampled_from([b""] * 6 + [b"@else.test:", b"@kite.test:", b"@a.test,@b.test:", b"@:", b"@kite.test,"])
PIECES = st.sampled_from(
    [
        *(b"@", b"%", b"!", b"<", b">", b",", b":", b";", b"(", b")", b'"', b"\\", b"[", b"]", b".", b" ", b"\t"),
        *(b"\0", b"\r\n", b"\x0b", b"\x7f", b"\xff", b"\xc0\x80", b"\xc2\x80", b"\xe2\x84\xaa", b"\xe3\x80\x82"),
        *(b"\xef\xbc\xa0", b"IPv6:"),
        *(b"kite.test", b"else.test", b"b", b"=", b" X=y", b"postmaster", b"@kite.test", b"@kite.test>"),
    ]
)  # fmt: skip
BRACKETS = st.sampled_from([(b"<", b">")] * 8 + [(b"", b""), (b" <", b"> "), (b"<<", b">>"), (b"<", b""), (b"", b">")])
TAILS = st.sampled_from(
    [b""] * 8 + [b" NOTIFY=NEVER", b" ORCPT=rfc822;x@else.test", b",<c@else.test>", b" <c@else.test>", b"x"]
)


@st.composite
def mailboxes(draw: Callable[[Strategy], Any]) -> bytes:
    """Mostly well-formed paths, of which many ask for routing and many are at a domain of ours."""
    before, after = draw(BRACKETS)
    host = draw(st.one_of(HOSTS.map(b"@".__add__), HOSTS.map(b"@".__add__), st.just(b"")))
    return bytes(before + draw(ROUTES) + draw(WORDS) + host + after + draw(TAILS))


@st.composite
def damaged(draw: Callable[[Strategy], Any], whole: Strategy) -> bytes:
    """A path with up to three pieces put in, or put in place of one octet."""
    raw = bytes(draw(whole))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(PIECES) + raw[at + draw(st.integers(0, 1)) :]
    return raw


SOUP = st.lists(PIECES, max_size=12).map(b"".join)
PATHS = st.one_of(
    mailboxes(),
    damaged(mailboxes()),
    damaged(st.just(b"<b@kite.test>")),
    SOUP,
    SOUP.map(lambda soup: b"<" + soup + b"@kite.test>"),
    SOUP.map(lambda soup: b"<b@" + soup + b"kite.test>"),
    SOUP.map(lambda soup: b'<"' + soup + b'"@kite.test>'),
    st.text(max_size=20).map(lambda text: f"<{text}@kite.test>".encode("utf-8", "surrogatepass")),
    st.binary(max_size=40),
    st.binary(max_size=40).map(lambda raw: b"<" + raw + b"@kite.test>"),
    st.binary(min_size=1000, max_size=1100),
)
WITNESSES = st.one_of(
    st.none(),
    st.sampled_from([b"b", b"b@kite.test", b"b@else.test", b"b@relay.test", b"", b"\xff", b"else.test!b", b'"b c"']),
    damaged(st.sampled_from([b"b", b"b@kite.test", b'"b"@a.sub.test'])),
    PATHS,
)
STRANGERS = st.one_of(
    st.sampled_from(
        ["203.0.113.7", "192.0.2.66", "::ffff:192.0.2.66", "2001:db8::1", "", "unknown", "fe80::1%eth0", "::1%lo"]
    ),
    st.ip_addresses(v=4, network="198.51.100.0/24").map(str),
    st.ip_addresses(v=6, network="2001:db8:2::/48").map(str),
)  # fmt: skip

many = settings(max_examples=1000)


@many
@given(raw=PATHS, stranger=STRANGERS, port=st.sampled_from([None, 0, 25]))
@example(raw=b'<"b@else.test"@kite.test>', stranger="203.0.113.7", port=0)
@example(raw=b"<b@kite.test>,<c@else.test>", stranger="203.0.113.7", port=0)
def test_stranger_to_elsewhere_unwitnessed(raw: bytes, stranger: str, port: int | None) -> None:
    """Where the MTA does not say how it reads a path, a stranger is permitted only what all would read as ours."""
    if decide(raw, address=stranger, port=port).word == "permit":
        assert only_ours(raw)


@many
@given(raw=PATHS, rcpt_addr=WITNESSES, stranger=STRANGERS)
def test_stranger_to_elsewhere_witnessed(raw: bytes, rcpt_addr: bytes | None, stranger: str) -> None:
    """A witness opens nothing but a name without a domain; it must agree, unless the path is plain."""
    if decide(raw, address=stranger, rcpt_addr=rcpt_addr).word == "permit" and not name_at_ours(raw, rcpt_addr):
        assert only_ours(raw)
        assert plain_and_ours(raw) or rcpt_addr is None or read_as_ours(rcpt_addr)


@many
@given(
    raw=PATHS,
    rcpt_addr=st.sampled_from([b"c@else.test", b"c%else.test", b"else.test!c", b"\xff", b'"c@else.test"', b""]),
)
def test_foreign_witness_leaves_only_plain_paths(raw: bytes, rcpt_addr: bytes) -> None:
    """Where the MTA reads a path as another's, a stranger is permitted exactly the plain shape at a domain of ours."""
    permitted = decide(raw, rcpt_addr=rcpt_addr).word == "permit"
    assert plain_and_ours(raw) is permitted


def _plain_permit(raw: bytes) -> bool:
    return decide(raw).word == "permit" and plain_and_ours(raw)


def _odd_permit(raw: bytes) -> bool:
    return decide(raw).word == "permit" and not plain_and_ours(raw)


def _refused_at_our_own_domain(raw: bytes) -> bool:
    return decide(raw).word == "reject" and raw.endswith(b"@kite.test>") and isinstance(parse(raw), Path)


@pytest.mark.parametrize("reached", [_plain_permit, _odd_permit, _refused_at_our_own_domain])
def test_the_search_reaches_what_it_is_about(reached: Callable[[bytes], bool]) -> None:
    """The properties above are not empty: permits, odd ones too, and refusals at our own domain occur."""
    assert reached(find(PATHS, reached, settings=settings(max_examples=2000, derandomize=True, database=None)))


@many
@given(raw=st.one_of(PATHS, st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_parser_never_raises(raw: bytes) -> None:
    """Any bytes are a path, or are malformed for a reason in words."""
    found = parse(raw)
    assert isinstance(found, Path) or (isinstance(found, Malformed) and found.reason)


USUAL = st.one_of(
    PATHS,
    st.from_regex(address._USUAL, fullmatch=True),
    damaged(st.from_regex(address._USUAL, fullmatch=True)),
)


@many
@given(raw=USUAL)
@example(raw=b"<b@" + b"a." * 127 + b"a>")
@example(raw=b"<b@" + b"a." * 127 + b"aa>")
@example(raw=b"<" + b"a" * 64 + b"@kite.test>")
@example(raw=b"<b%c@kite.test>")
@example(raw=b"<c!b@kite.test>")
def test_short_cut_and_scanner_agree(raw: bytes) -> None:
    """The regular expression for usual paths is only faster: the scanner finds the same."""
    short = parse(raw)
    try:
        taken_apart: Path | Malformed = address._path(address._text(raw))
    except address.NotAPath as problem:
        taken_apart = Malformed(str(problem))
    assert taken_apart == short


@many
@given(raw=PATHS)
def test_text_is_stable(raw: bytes) -> None:
    """A path's text parses to the same mailbox by the same route, and has itself for its text."""
    path = parse(raw)
    if isinstance(path, Malformed) or len(str(path).encode()) > address.MAX_PATH:
        return
    again = parse(str(path).encode())
    assert isinstance(again, Path)
    assert (path.local, path.domain, path.route) == (again.local, again.domain, again.route)
    assert str(path) == str(again)
    assert path.routing == again.routing
    assert again.plain or not path.plain


@many
@given(raw=PATHS)
def test_plain_has_nothing_to_interpret(raw: bytes) -> None:
    """A plain path is the bytes of its own parts, with the domain's case folded."""
    path = parse(raw)
    if isinstance(path, Path) and path.plain:
        assert raw.decode("ascii").lower() == f"<{path.local}@{path.domain}>".lower()
        assert not set(path.local) & set('@%!"\\() \t<>,:;[]')


@given(
    text=st.one_of(HOSTS.map(bytes.decode), st.text(), st.from_regex(r"[a-z0-9.\u00e0-\u0400-]{1,20}", fullmatch=True))
)
def test_domain_form_is_stable(text: str) -> None:
    """The form of a domain is ASCII, in lower case, and its own form."""
    try:
        form = domain_form(text)
    except ValueError:
        return
    assert form.isascii()
    assert form == form.lower() == domain_form(form)


# Requests of all kinds, and rule sets made of answers.

ADDRESSES = st.one_of(STRANGERS, st.sampled_from([NEIGHBOUR, "127.0.0.1", "::1", "2001:db8:1::7"]))
REQUESTS = st.builds(
    lambda address, port, raw, login, rcpt_addr: request(client(address, port), raw, login=login, rcpt_addr=rcpt_addr),
    ADDRESSES,
    st.sampled_from([None, 0, 25]),
    PATHS,
    st.one_of(st.none(), st.none(), st.sampled_from(["joe", "Joe", "ann"])),
    WITNESSES,
)


@given(asked=REQUESTS)
def test_no_rules_reject(asked: Request) -> None:
    """With no rules every request is rejected."""
    assert Ruleset().decide(asked).word == "reject"


@given(
    raw=PATHS,
    address=ADDRESSES,
    login=st.one_of(st.none(), st.just("joe")),
    forged=st.tuples(st.binary(), st.one_of(st.binary(), st.just(b"<b@kite.test>"))),
)
def test_what_is_easy_to_forge_decides_nothing(
    raw: bytes, address: str, login: str | None, forged: tuple[bytes, bytes]
) -> None:
    """The same request gets the same decision, whatever its HELO and its sender."""
    decision = decide(raw, address=address, login=login)
    assert decision == decide(raw, address=address, login=login)
    assert decision == decide(raw, address=address, login=login, helo=forged[0], sender=forged[1])
    assert decision == decide(raw, address=address, login=login, helo=b"localhost", sender=raw)


@dataclass(frozen=True, slots=True)
class Answering:
    """A rule or a restriction that always answers this."""

    answer: Permit | Reject | Defer | NoOpinion | LookupFailed

    def __call__(self, _: Request) -> Any:
        if isinstance(self.answer, LookupFailed):
            raise self.answer
        return self.answer


NOTHING = NoOpinion("nothing")
DOWN = LookupFailed("down")
NO, LATER = Reject(Reply(550, "5.7.1", "No"), "no"), Defer(Reply(450, "4.7.1", "Later"), "later")
RULES = st.sampled_from([RelayRule("rule", Answering(answer)) for answer in (Permit("yes"), NOTHING, DOWN)])
RESTRICTIONS = st.sampled_from(
    [Restriction("restriction", Answering(answer)) for answer in (NO, LATER, NOTHING, NOTHING, DOWN)]
)


@given(
    rules=st.lists(RULES, max_size=4),
    restrictions=st.lists(RESTRICTIONS, max_size=4),
    added=RESTRICTIONS,
    at=st.integers(0, 4),
    asked=REQUESTS,
)
def test_restriction_never_opens(
    rules: list[RelayRule], restrictions: list[Restriction], added: Restriction, at: int, asked: Request
) -> None:
    """Wherever a restriction is added, a refusal stays one, and a refusal by the rules stays the same one."""
    more = (*restrictions[:at], added, *restrictions[at:])
    without = Ruleset(tuple(rules)).decide(asked)
    before = Ruleset(tuple(rules), tuple(restrictions)).decide(asked)
    after = Ruleset(tuple(rules), more).decide(asked)
    if without.word != "permit":
        assert without == before == after
    if before.word != "permit":
        assert after.word != "permit"


@given(asked=REQUESTS, restrictions=st.lists(RESTRICTIONS, max_size=3))
def test_restrictions_only_close_the_daemons_rules(asked: Request, restrictions: list[Restriction]) -> None:
    """With the daemon's own rules too: what is permitted under restrictions is so without them, by the same rule."""
    restricted = Ruleset(RULESET.rules, tuple(restrictions)).decide(asked)
    if restricted.word == "permit":
        free = RULESET.decide(asked)
        assert (free.verdict, free.rule) == (restricted.verdict, restricted.rule)


@given(rules=st.lists(RULES, max_size=5), asked=REQUESTS)
def test_first_permit_or_uncertain_or_reject(rules: list[RelayRule], asked: Request) -> None:
    """Any permit permits; without one any failure defers; without either the answer is reject."""
    answers = [rule.ask.answer for rule in rules if isinstance(rule.ask, Answering)]
    expected = "permit" if Permit("yes") in answers else "defer" if DOWN in answers else "reject"
    assert expected == Ruleset(tuple(rules)).decide(asked).word


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a rule set, some of which are down."""

    local: Names
    relayed: Names
    logins: Names

    def asked_in_vain(self) -> bool:
        """A table that is down was asked."""
        return any(isinstance(names, FailingNames) and names.asked for names in self.all())

    def all(self) -> tuple[Names, Names, Names]:
        return (self.local, self.relayed, self.logins)


LOGINS = frozenset({"joe"})
SOUND = Ruleset(relay_rules(logins=LOGINS))


@many
@given(asked=REQUESTS, up=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_failed_lookup_is_neither_yes_nor_no(asked: Request, up: tuple[bool, bool, bool]) -> None:
    """Where a table was asked in vain the answer is never 5xx, and only what is permitted with all tables up is."""
    sound: tuple[Names, ...] = (LOCAL_NAMES, RELAY_NAMES, LOGINS)
    tables = Tables(*(names if works else FailingNames() for names, works in zip(sound, up, strict=True)))
    ruleset = Ruleset(relay_rules(local=tables.local, relayed=tables.relayed, logins=tables.logins))
    decision, healthy = ruleset.decide(asked), SOUND.decide(asked)
    if tables.asked_in_vain():
        assert not isinstance(decision.verdict, Reject)
    else:
        assert healthy == decision
    if decision.word == "permit":
        assert healthy.word == "permit"


# Networks. Few bits, so that networks nest and addresses fall into them.


def _network(version: int, length: int, bits: int) -> Network:
    if version == 4:
        return ipaddress.ip_network((10 << 24 | bits << 16, length), strict=False)
    return ipaddress.ip_network((0x20010DB8 << 96 | bits << 80, length), strict=False)


NETWORKS = st.one_of(
    st.builds(_network, st.just(4), st.integers(8, 24), st.integers(0, 255)),
    st.builds(_network, st.just(6), st.integers(32, 48), st.integers(0, 255)),
)
LOCAL_NETWORKS = st.builds(local_network, NETWORKS, st.booleans())
INSIDE: Strategy = st.one_of(
    st.integers(0, 255).map(lambda bits: ipaddress.IPv4Address(10 << 24 | bits << 16 | 7)),
    st.integers(0, 255).map(lambda bits: ipaddress.IPv6Address(0x20010DB8 << 96 | bits << 80 | 7)),
    st.ip_addresses(),
)


@many
@given(networks=st.lists(LOCAL_NETWORKS, max_size=12), where=INSIDE)
def test_find_is_a_linear_search(networks: list[LocalNetwork], where: Address) -> None:
    """The network with the longest prefix that holds the address is found, and of equals the one that excludes."""
    holding = [local for local in networks if where in local.network]
    best = max(holding, key=lambda local: (local.network.prefixlen, local.excluded), default=None)
    assert best == Networks(networks).find(where)


@many
@given(networks=st.lists(LOCAL_NETWORKS, max_size=12), where=INSIDE)
def test_those_that_decide_decide_alike(networks: list[LocalNetwork], where: Address) -> None:
    """What a set of networks gives back makes the same set."""
    made = Networks(networks)
    again = Networks(made)
    assert made == again
    assert made.find(where) == again.find(where)


@many
@given(networks=st.lists(LOCAL_NETWORKS, max_size=8), excluded=NETWORKS, at=st.integers(0, 8), where=INSIDE)
def test_exclusion_never_opens(networks: list[LocalNetwork], excluded: Network, at: int, where: Address) -> None:
    """Who is a stranger stays one when a network is excluded, and nobody in it alone becomes local."""
    before = Networks(networks).find(where)
    after = Networks([*networks[:at], local_network(excluded, excluded=True), *networks[at:]]).find(where)
    if before is None or before.excluded:
        assert after is None or after.excluded


# Domains.

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)


@given(domain=DOMAINS, prefix=LABELS, suffix=LABELS)
@example(domain="gle.com", prefix="goo", suffix="x")
def test_no_match_by_mere_suffix(domain: str, prefix: str, suffix: str) -> None:
    """`google.com` is neither `gle.com` nor below it: an entry is exact, or stands for whole labels below a dot."""
    exact, below = DomainList(frozenset({domain})), DomainList(frozenset({"." + domain}))
    assert domain == exact.match(domain)
    assert "." + domain == below.match(f"{prefix}.{domain}")
    for other in (prefix + domain, domain + suffix, f"{domain}.{suffix}", domain[1:]):
        assert exact.match(other) is None or other == domain
        assert below.match(other) is None or other.endswith("." + domain)
    assert exact.match(f"{prefix}.{domain}") is None
    assert below.match(domain) is None


@given(names=st.frozensets(st.one_of(DOMAINS, DOMAINS.map(".".__add__)), max_size=5), domain=DOMAINS)
def test_match_is_a_linear_search(names: frozenset[str], domain: str) -> None:
    """A domain is in the list where an entry is that domain, or an entry with a leading dot is its end."""
    found = [name for name in names if (domain.endswith(name) if name.startswith(".") else domain == name)]
    match = DomainList(names).match(domain)
    assert match is None if not found else match == max(found, key=len)
