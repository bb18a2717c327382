"""The form in which domains are compared, and lists of them."""

from __future__ import annotations

import pytest

from relaymilter.policy.domains import MAX_DOMAIN, DomainList, domain_form
from relaymilter.policy.ports import LookupFailed
from tests.policy.asking import FailingNames

LABEL_63 = "a" * 63
LONGEST = f"{LABEL_63}.{LABEL_63}.{LABEL_63}.{LABEL_63}"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        pytest.param("example.org", "example.org", id="as it is"),
        pytest.param("EXAMPLE.Org", "example.org", id="case"),
        pytest.param("example.org.", "example.org", id="trailing dot"),
        pytest.param("localhost", "localhost", id="one label"),
        pytest.param("x", "x", id="one letter"),
        pytest.param("_dmarc.example.org", "_dmarc.example.org", id="underscore"),
        pytest.param("a--b.example.org", "a--b.example.org", id="two hyphens inside"),
        pytest.param("192.0.2.25", "192.0.2.25", id="a bare address is a domain of digits"),
        pytest.param("bücher.test", "xn--bcher-kva.test", id="U-label"),
        pytest.param("bücher.TEST.", "xn--bcher-kva.test", id="U-label, case and trailing dot"),
        pytest.param("XN--BCHER-KVA.test", "xn--bcher-kva.test", id="A-label, case"),
        pytest.param("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f", id="all labels U-labels"),
        pytest.param(f"{LABEL_63}.test", f"{LABEL_63}.test", id="the longest label"),
        pytest.param(LONGEST, LONGEST, id="the longest domain"),
        pytest.param("[192.0.2.25]", "[192.0.2.25]", id="IPv4 literal"),
        pytest.param("[IPv6:2001:DB8:0::25]", "[ipv6:2001:db8::25]", id="IPv6 literal"),
        pytest.param("[ipV6:2001:db8:0:0:0:0:0:25]", "[ipv6:2001:db8::25]", id="IPv6 literal in full"),
    ],
)
def test_form(text: str, form: str) -> None:
    """Case, a trailing dot, the script and the spelling of an address make no other domain."""
    assert form == domain_form(text)
    assert form == domain_form(form)


def test_longest() -> None:
    """The longest domain that is taken has 255 octets."""
    assert MAX_DOMAIN == len(LONGEST) == 255


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(".", id="a dot"),
        pytest.param("..", id="two dots"),
        pytest.param("example..org", id="empty label inside"),
        pytest.param(".example.org", id="empty label first"),
        pytest.param("example.org..", id="two trailing dots"),
        pytest.param("-example.org", id="hyphen first"),
        pytest.param("example-.org", id="hyphen last"),
        pytest.param("exa mple.org", id="blank"),
        pytest.param("example.org\n", id="newline"),
        pytest.param("example.org\0", id="NUL"),
        pytest.param("example.org\x85", id="C1 control"),
        pytest.param("example.org:25", id="port"),
        pytest.param("example.org%else.test", id="percent"),
        pytest.param("else.test!example.org", id="bang"),
        pytest.param("a@example.org", id="at"),
        pytest.param("*.example.org", id="wildcard"),
        pytest.param('"example.org"', id="quotes"),
        pytest.param("ex\\ample.org", id="backslash"),
        pytest.param(f"{LABEL_63}a.test", id="label of 64"),
        pytest.param(f"{LONGEST}.a", id="domain of 257"),
        pytest.param("a." + LONGEST[:-1], id="domain of 256"),
    ],
)
def test_no_domain(text: str) -> None:
    """What is no domain name by its letters or lengths is refused."""
    with pytest.raises(ValueError, match=r"label|longer"):
        domain_form(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\u212aite.test", id="KELVIN SIGN, whose lower case is k"),
        pytest.param("\u017fub.test", id="LONG S, whose upper case is S"),
        pytest.param("\uff4bite.test", id="full-width k"),
        pytest.param("\U0001d424ite.test", id="mathematical bold k"),
        pytest.param("\u24daite.test", id="circled k"),
        pytest.param("straße.test", id="sharp s: ss in IDNA 2003, itself in 2008"),
        pytest.param("βόλος.test", id="final sigma"),
        pytest.param("نامه\u200cای.test", id="zero width non-joiner"),
        pytest.param("bü\u200dcher.test", id="zero width joiner"),
        pytest.param("ki\u00adte.test", id="soft hyphen, which IDNA 2003 drops"),
        pytest.param("ki\u200bte.test", id="zero width space"),
        pytest.param("kite\ufe0f.test", id="variation selector"),
        pytest.param("bu\u0308cher.test", id="not composed (NFC)"),
        pytest.param("BÜCHER.test", id="a capital that is not ASCII"),
        pytest.param("bücher\u3002test", id="ideographic full stop"),
        pytest.param("kite\u3002test", id="ideographic full stop between ASCII"),
        pytest.param("kite\uff0etest", id="full-width full stop"),
        pytest.param("kite\uff61test", id="half-width ideographic full stop"),
        pytest.param("kite.test\u3002", id="ideographic full stop last"),
        pytest.param("kite\u2024test", id="one dot leader"),
        pytest.param("kite.test\uff20else.test", id="full-width at"),
        pytest.param("else.test\uff01kite.test", id="full-width bang"),
        pytest.param("xn--bücher.test", id="ACE prefix on a U-label"),
        pytest.param("\U0001f600.test\u202e", id="right-to-left override"),
        pytest.param("ü" * 60 + ".test", id="an A-label of more than 63"),
        pytest.param("ki\xa0te.test", id="no-break space"),
    ],
)
def test_no_certain_a_label(text: str) -> None:
    """A label on which IDNA 2003, IDNA 2008 or case folding could differ is no domain: to an MTA it may be another."""
    with pytest.raises(ValueError, match="no certain A-label"):
        domain_form(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("straße.test", "write xn--strae-oqa, which IDNA 2008 makes of it, or strasse, which IDNA 2003 does"),
        ("STRASSE.faß", "write xn--fa-hia, which IDNA 2008 makes of it, or fass, which IDNA 2003 does"),
        ("κόσμος.test", "write xn--vxaejmc7c, which IDNA 2008 makes of it, or xn--vxaejoc4c, which IDNA 2003 does"),
        ("BÜCHER.test", "write xn--bcher-kva if that is meant"),
        ("\uff4bite.test", "write kite if that is meant"),
        ("kite.test\uff20else.test", "no certain A-label"),
        ("\xad.test", "no certain A-label"),
        ("ü" * 60 + ".test", "no certain A-label"),
        ("a" + "\xad" * 62 + ".test", "write a if that is meant"),
        ("a" + "\xad" * 63 + ".test", "no certain A-label"),
    ],
    ids=[
        "sharp s",
        "sharp s last",
        "final sigma",
        "capital",
        "full-width",
        "no label",
        "nothing left",
        "too long",
        "as long as may be",
        "longer",
    ],
)
def test_a_label_to_write(text: str, hint: str) -> None:
    """The error has the A-label that was meant, or both where IDNA 2003 and IDNA 2008 disagree; none that is none."""
    with pytest.raises(ValueError, match="no certain A-label") as refused:
        domain_form(text)
    assert str(refused.value).endswith(hint)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[", id="open"),
        pytest.param("[]", id="empty"),
        pytest.param("[192.0.2.25", id="does not close"),
        pytest.param("[192.0.2.25].else.test", id="something after it"),
        pytest.param("[192.0.2.25]]", id="closes twice"),
        pytest.param("[[192.0.2.25]]", id="nested"),
        pytest.param("[192.0.2]", id="three octets"),
        pytest.param("[192.0.2.256]", id="octet too large"),
        pytest.param("[192.0.2.025]", id="leading zero, octal to some"),
        pytest.param("[0xc0000219]", id="hexadecimal"),
        pytest.param("[3221225999]", id="one number"),
        pytest.param("[192.0.2.25/32]", id="prefix length"),
        pytest.param("[192.0.2.\u0662]", id="digit that is not ASCII"),
        pytest.param("[ 192.0.2.25]", id="blank"),
        pytest.param("[2001:db8::25]", id="IPv6 without its tag"),
        pytest.param("[IPv6:192.0.2.25]", id="IPv4 with the tag of IPv6"),
        pytest.param("[IPv6:fe80::1%eth0]", id="zone"),
        pytest.param("[IPv6:2001:db8::25/128]", id="IPv6 prefix length"),
        pytest.param("[IPv6:]", id="tag alone"),
        pytest.param("[IPv6:::1::]", id="two runs of zeros"),
        pytest.param("[\u0399Pv6:::1]", id="a Greek I in the tag"),
        pytest.param("[X-tag:thing]", id="tag that is not registered"),
        pytest.param("[kite.test]", id="name"),
    ],
)
def test_no_literal(text: str) -> None:
    """An address literal is IPv4 in four decimals or IPv6 with its tag, and nothing else."""
    with pytest.raises(ValueError, match=r"."):
        domain_form(text)


def test_mapped_literal_is_stable() -> None:
    """An IPv4-mapped literal has one form, whichever way this Python writes it."""
    form = domain_form("[IPv6:::ffff:192.0.2.25]")
    assert form == domain_form("[ipv6:::FFFF:C000:219]") == domain_form(form)
    assert form != domain_form("[192.0.2.25]")


LIST = DomainList(frozenset({"example.org", ".example.net", "[192.0.2.25]", ".25]", "com"}))


@pytest.mark.parametrize(
    ("domain", "entry"),
    [
        pytest.param("example.org", "example.org", id="exact"),
        pytest.param("a.example.net", ".example.net", id="subdomain"),
        pytest.param("a.b.c.example.net", ".example.net", id="subdomain of a subdomain"),
        pytest.param("[192.0.2.25]", "[192.0.2.25]", id="literal"),
        pytest.param("com", "com", id="one label"),
        pytest.param("example.net", None, id="the parent of its subdomains is not one of them"),
        pytest.param("a.example.org", None, id="subdomain of an exact entry"),
        pytest.param("notexample.org", None, id="suffix without a dot, exact"),
        pytest.param("notexample.net", None, id="suffix without a dot, subdomains"),
        pytest.param("example.org.evil.test", None, id="prefix"),
        pytest.param("a.example.net.evil.test", None, id="subdomain as prefix"),
        pytest.param("xample.org", None, id="one letter less"),
        pytest.param("org", None, id="the domain above"),
        pytest.param("example.com", None, id="an entry of one label is exact too"),
        pytest.param("[192.0.2.26]", None, id="other literal"),
        pytest.param("[10.2.25]", None, id="a literal has no parents"),
        pytest.param("192.0.2.25", None, id="a literal without brackets"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_match(domain: str, entry: str | None) -> None:
    """An entry is exact; one with a leading dot stands for subdomains, by whole labels, not for the domain itself."""
    assert entry == LIST.match(domain)


def test_match_the_nearest_parent() -> None:
    """Of two entries with a leading dot the nearer one is told, and an exact one before both."""
    names = DomainList(frozenset({".test", ".b.test", "a.b.test"}))
    assert names.match("a.b.test") == "a.b.test"
    assert names.match("c.b.test") == ".b.test"
    assert names.match("b.test") == ".test"


def test_match_nothing_in_an_empty_list() -> None:
    """Nothing is in an empty list, the empty domain included."""
    assert DomainList(frozenset()).match("example.org") is None
    assert DomainList(frozenset({""})).match("") is None


def test_match_fails_with_its_table() -> None:
    """A table that is down is neither a yes nor a no."""
    with pytest.raises(LookupFailed, match="gone"):
        DomainList(FailingNames("gone")).match("example.org")


def test_long_u_label() -> None:
    """A label that is too long for any A-label is refused without one to write."""
    with pytest.raises(ValueError, match=r"has no certain A-label$"):
        domain_form("\u00fc" * 64 + ".test")
