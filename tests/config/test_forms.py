"""How networks, domains and logins are written in lists, and which of them are doubted."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.config.forms import parse_domain
from relaymilter.config.model import Settings
from relaymilter.policy.domains import domain_form

from .written import problems, reading, settings

NO_NETWORK = "is no network: give an IPv4 or IPv6 address or CIDR, such as 192.0.2.0/24 or 2001:db8::/32"


def known_logins(read: Settings) -> frozenset[str]:
    """The authorised logins that are named."""
    assert read.policy.logins.authorised is not None
    return read.policy.logins.authorised.known


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("192.0.2.1/24", "192.0.2.1/24 has host bits set: 192.0.2.0/24 was probably meant"),
        ("!192.0.2.1/24", "192.0.2.1/24 has host bits set: 192.0.2.0/24 was probably meant"),
        ("2001:db8::1/32", "2001:db8::1/32 has host bits set: 2001:db8::/32 was probably meant"),
        ("0.0.0.0/0", "0.0.0.0/0 is too wide: it would open the relay; /8 is the widest"),
        ("10.0.0.0/7", "10.0.0.0/7 is too wide: it would open the relay; /8 is the widest"),
        ("::/0", "::/0 is too wide: it would open the relay; /16 is the widest"),
        ("2000::/15", "2000::/15 is too wide: it would open the relay; /16 is the widest"),
        ("::ffff:0:0/96", "::ffff:0:0/96 is too wide: it would open the relay; /8 is the widest"),
        ("", f"'' {NO_NETWORK}"),
        ("!", f"'' {NO_NETWORK}"),
        ("!!10.0.0.0/8", f"'!10.0.0.0/8' {NO_NETWORK}"),
        ("localhost", f"'localhost' {NO_NETWORK}"),
        ("192.0.2.0/33", f"'192.0.2.0/33' {NO_NETWORK}"),
        ("192.0.2.", f"'192.0.2.' {NO_NETWORK}"),
        ("192.0.2.010", f"'192.0.2.010' {NO_NETWORK}"),
        ("[::1]", f"'[::1]' {NO_NETWORK}"),
        ("192.0.2.1-192.0.2.9", f"'192.0.2.1-192.0.2.9' {NO_NETWORK}"),
        ("192.0.2.1,192.0.2.2", f"'192.0.2.1,192.0.2.2' {NO_NETWORK}"),
        ("fe80::1%eth0", "fe80::1%eth0 has a zone: a local network has none"),
    ],
)
def test_bad_network(entry: str, message: str) -> None:
    """What is no network, or would open the relay, is refused with what was probably meant."""
    assert [f"--local-network: {message}"] == problems(local_network=entry)


@pytest.mark.parametrize("option", ["local-domain", "relay-domain"])
@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("", "an empty domain"),
        (".", "'.' is no domain: an empty label"),
        ("example..org", "'example..org' is no domain: an empty label"),
        ("..example.org", "'..example.org' is no domain: an empty label"),
        ("bob@example.org", "'bob@example.org' is a mailbox: give its domain, example.org"),
        ("@example.org", "'@example.org' is a mailbox: give its domain, example.org"),
        ("*.example.org", "'*.example.org' has a wildcard: .example.org stands for the subdomains of example.org"),
        ("*", "'*' has a wildcard: .example.org stands for the subdomains of example.org"),
        ("192.0.2.25", "'192.0.2.25' is an address: in a mailbox it is written [192.0.2.25]"),
        ("[192.0.2.256]", "'[192.0.2.256]' is no domain: Octet 256 (> 255) not permitted in '192.0.2.256'"),
        ("[192.0.2.25", "'[192.0.2.25' is no domain: no address literal"),
        (".[192.0.2.25]", "'.[192.0.2.25]' is no domain: an address literal has no subdomains"),
        ("2001:db8::25", "'2001:db8::25' is no domain: '2001:db8::25' is no label of a domain"),
        ("example.org:25", "'example.org:25' is no domain: 'org:25' is no label of a domain"),
        ("two words.org", "'two words.org' is no domain: 'two words' is no label of a domain"),
        ("a.org,b.org", "'a.org,b.org' is no domain: 'org,b' is no label of a domain"),
        ("-a.org", "'-a.org' is no domain: '-a' is no label of a domain"),
        (
            "straße.example",
            "'straße.example' is no domain: 'straße' has no certain A-label: write xn--strae-oqa, which IDNA 2008 "
            "makes of it, or strasse, which IDNA 2003 does",
        ),
        (
            "\u212aite.example",
            "'\u212aite.example' is no domain: '\u212aite' has no certain A-label: write kite if that is meant",
        ),
        ("a" * 64 + ".org", f"'{'a' * 64}.org' is no domain: '{'a' * 64}' is no label of a domain"),
    ],
)
def test_bad_domain(option: str, entry: str, message: str) -> None:
    """What is no domain is refused with what was probably meant."""
    assert [f"--{option}: {message}"] == problems(**{option: entry})


@pytest.mark.parametrize(
    ("entry", "domain"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        (" example.org ", "example.org"),
        (".Example.org", ".example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        (".bücher.example", ".xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("[192.0.2.25]", "[192.0.2.25]"),
        ("[IPv6:2001:DB8:0::25]", "[ipv6:2001:db8::25]"),
        ("localhost", "localhost"),
        ("_spf.example.org", "_spf.example.org"),
    ],
)
def test_domain(entry: str, domain: str) -> None:
    """A domain is kept in the form in which it is compared."""
    policy = settings(local_domain=entry, relay_domain=entry).policy
    assert (frozenset({domain}), frozenset({domain})) == (policy.local.domains.known, policy.local.relay_domains.known)


@pytest.mark.parametrize(
    ("entry", "message"),
    [("", "'' is no login"), ("a\tb", "'a\\tb' is no login"), ("a\x1b[2J", "'a\\x1b[2J' is no login")],
    ids=["empty", "tab", "escape"],
)
def test_bad_login(entry: str, message: str) -> None:
    """A login has no control characters."""
    assert [f"--authorised-login: {message}"] == problems(authorised_login=entry)


@pytest.mark.parametrize("login", ["alice", "alice@mx.example.org", "jürgen", "a b", "Alice"])
def test_login(login: str) -> None:
    """A login is kept as it was written, its case too."""
    assert frozenset({login}) == known_logins(settings(authorised_login=login))


@pytest.mark.parametrize(
    ("entries", "warning"),
    [
        ("172.0.0.0/8", "172.0.0.0/8 holds public addresses of many owners: 172.16.0.0/12 was probably meant"),
        ("8.0.0.0/8", "8.0.0.0/8 holds 16777216 public addresses, and every one of them may relay"),
        ("2600::/16", f"2600::/16 holds {2**112} public addresses, and every one of them may relay"),
        ("!192.0.2.66", "networks are only excluded, so no client is local: name those that are, too"),
        (("!192.0.2.66", "!::1"), "networks are only excluded, so no client is local: name those that are, too"),
    ],
)
def test_suspicious_network(entries: str | tuple[str, ...], warning: str) -> None:
    """What is probably not meant, but might be, is warned of."""
    assert (f"--local-network: {warning}",) == reading(local_network=entries).warnings


@pytest.mark.parametrize("entry", [".com", ".xn--p1ai", ".co.uk"])
def test_suspicious_domain(entry: str) -> None:
    """The subdomains of a top-level domain, or of another public suffix, are warned of."""
    warning = f"--local-domain: {entry} stands for every domain that ends so"
    assert (warning,) == reading(local_domain=entry).warnings


@pytest.mark.parametrize("option", ["local-domain", "relay-domain"])
@pytest.mark.parametrize("entry", ["com", "CO.UK"])
@pytest.mark.parametrize("table", [False, True], ids=["flag", "table"])
def test_public_suffix(option: str, entry: str, table: bool) -> None:
    """So is a public suffix by itself, in a table of usual domains too."""
    Path("domains").write_text(f"example.org\n{entry.lower()}\nexample.net\n")
    given = {option.replace("-", "_"): "file:domains" if table else entry}
    place = f"domains:2: {option}" if table else f"--{option}"
    said = f"{entry.lower()} is a public suffix, below which anybody may have a domain: name your own"
    assert (f"{place}: {said}",) == reading(**given).warnings


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"local_network": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/16", "fe80::/16")},
        {"local_network": ("127.0.0.0/8", "::1")},
        {"local_network": ("192.0.2.0/24", "!192.0.2.66")},
        {"local_network": "8.8.0.0/16"},
        {"local_network": "2600:1::/32"},
        {"local_domain": (".example.org", "localhost", "example.co.uk", "example.com")},
    ],
    ids=["default", "private", "loopback", "excluded from another", "a /16", "a /32 of IPv6", "domains"],
)
def test_unsuspicious(given: dict[str, tuple[str, ...]]) -> None:
    """What sites have is not warned of."""
    assert reading(**given).warnings == ()


@given(st.from_regex(r"\.?[a-z0-9_.-]{0,20}", fullmatch=True))
def test_usual_domains(entry: str) -> None:
    """The short cut for domains that are written in the form already takes none that is not."""
    expected = None
    with contextlib.suppress(ValueError):
        form = domain_form(entry.removeprefix("."))
        expected = (
            None if form.rpartition(".")[2].isdigit() else entry[: len(entry) - len(entry.removeprefix("."))] + form
        )
    found = None
    with contextlib.suppress(ValueError):
        found = parse_domain(entry)
    assert expected == found
