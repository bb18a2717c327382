"""Certificates: subject and issuer, both, from a list."""

from __future__ import annotations

import pytest

from relaymilter.policy.certificates import certificate_key, is_listed, parse_certificate
from relaymilter.policy.envelope import Certificate, Macros, Need
from relaymilter.policy.ports import LookupFailed
from relaymilter.policy.relay import permit_certificate
from relaymilter.policy.verdict import NoOpinion, Permit
from tests.policy.asking import FailingNames
from tests.policy.maps import asks

SHA256 = ":".join(["5A"] * 32)
CN = Certificate("client.kite.test", "Kite Test CA")
DN = Certificate("/O=Kite/CN=client.kite.test", "/O=Kite/CN=Kite+20Test+20CA")
LISTED = frozenset(map(parse_certificate, ("client.kite.test|Kite Test CA", " /O=K/CN=a | /O=K/CN=CA ", "a/CN=b|CA")))


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        pytest.param(CN, "client.kite.test|Kite Test CA", id="Postfix"),
        pytest.param(DN, "/O=Kite/CN=client.kite.test|/O=Kite/CN=Kite+20Test+20CA", id="Sendmail"),
        pytest.param(None, None, id="none"),
        pytest.param(Certificate("", "CA"), None, id="no subject"),
        pytest.param(Certificate("a", ""), None, id="no issuer"),
        pytest.param(Certificate("a|CA", "CA"), None, id="separator in the subject"),
        pytest.param(Certificate("a", "CA|a"), None, id="separator in the issuer"),
        pytest.param(Certificate("|", "|"), None, id="separators alone"),
    ],
)
def test_certificate_key(certificate: Certificate | None, key: str | None) -> None:
    """A certificate is looked up by both names, and one of which they cannot be told apart is in no list."""
    assert key == certificate_key(certificate)


@pytest.mark.parametrize(
    ("entry", "form"),
    [
        pytest.param("a|CA", "a|CA", id="plain"),
        pytest.param(" a b | C A ", "a b|C A", id="blanks"),
        pytest.param("/O=x, y/CN=a|/O=x/CN=CA", "/O=x, y/CN=a|/O=x/CN=CA", id="DN with a comma"),
    ],
)
def test_parse_certificate(entry: str, form: str) -> None:
    """An entry has subject and issuer, blanks around them aside; the form is its own."""
    assert form == parse_certificate(entry) == parse_certificate(form)


@pytest.mark.parametrize("entry", ["", "a", "|", "a|", "|CA", " | ", "a||CA", "a|b|CA|d"], ids=repr)
def test_no_certificate_entry(entry: str) -> None:
    """An entry without both, or of which they are not certain, is refused."""
    with pytest.raises(ValueError, match="give its subject and its issuer"):
        parse_certificate(entry)


@pytest.mark.parametrize(
    ("certificate", "answer"),
    [
        pytest.param(CN, Permit("this certificate is authorised"), id="listed"),
        pytest.param(Certificate("/O=K/CN=a", "/O=K/CN=CA"), Permit("this certificate is authorised"), id="listed DN"),
        pytest.param(None, NoOpinion("no verified certificate"), id="none"),
        pytest.param(Certificate(CN.subject, "Other CA"), NoOpinion("another certificate"), id="other issuer"),
        pytest.param(Certificate("other.kite.test", CN.issuer), NoOpinion("another certificate"), id="other subject"),
        pytest.param(Certificate("CLIENT.kite.test", CN.issuer), NoOpinion("another certificate"), id="case"),
        pytest.param(Certificate("x.client.kite.test", CN.issuer), NoOpinion("another certificate"), id="as end"),
        pytest.param(
            Certificate("client.kite.testing", CN.issuer), NoOpinion("another certificate"), id="as beginning"
        ),
        pytest.param(Certificate(CN.subject + " ", CN.issuer), NoOpinion("another certificate"), id="blank"),
        pytest.param(Certificate(CN.issuer, CN.subject), NoOpinion("another certificate"), id="exchanged"),
        pytest.param(
            Certificate("client.kite.test|Kite Test CA", "x"), NoOpinion("an odd certificate"), id="both in one"
        ),
        pytest.param(Certificate("client.kite.test", "Kite Test CA|x"), NoOpinion("an odd certificate"), id="and more"),
        pytest.param(Certificate("", ""), NoOpinion("an odd certificate"), id="empty names"),
        pytest.param(Certificate("/CN=a", "CA"), NoOpinion("another certificate"), id="slash before the CN"),
        pytest.param(Certificate("b", "CA"), NoOpinion("another certificate"), id="CN after a slash of another"),
        pytest.param(
            Certificate("\u212alient.kite.test", CN.issuer), NoOpinion("another certificate"), id="look-alike"
        ),
    ],
)
def test_permit_certificate(certificate: Certificate | None, answer: Permit | NoOpinion) -> None:
    """Only a certificate that is listed by subject and issuer permits, compared exactly."""
    assert answer == permit_certificate(LISTED).ask(asks(macros=Macros(certificate=certificate)))


def test_certificates_that_are_down() -> None:
    """The list is asked only where there is a certificate, and then one that is down is no answer."""
    rule = permit_certificate(FailingNames())
    assert isinstance(rule.ask(asks()), NoOpinion)
    with pytest.raises(LookupFailed):
        rule.ask(asks(macros=Macros(certificate=CN)))


def test_needs() -> None:
    """The MTA is asked for the certificate."""
    assert {Need.CERTIFICATE} == permit_certificate(LISTED).needs


@pytest.mark.parametrize(
    ("fingerprint", "entry", "listed"),
    [
        (SHA256, f"a|CA|{SHA256}", True),
        (SHA256, "a|CA", True),
        ("", "a|CA", True),
        ("", f"a|CA|{SHA256}", False),
        (SHA256.replace("5A", "5B"), f"a|CA|{SHA256}", False),
        (SHA256.lower(), f"a|CA|{SHA256}", False),
        (f"x|{SHA256}", f"a|CA|x|{SHA256}", False),
        (SHA256, f"b|CA|{SHA256}", False),
        (SHA256, f"a|Other|{SHA256}", False),
    ],
    ids=[
        *("the same", "not asked for", "neither has one", "not told", "another", "odd case", "a separator in it"),
        *("another subject", "another issuer"),
    ],
)
def test_fingerprint(fingerprint: str, entry: str, listed: bool) -> None:
    """An entry that has one is met by that certificate alone, by its names besides."""
    assert listed is is_listed(Certificate("a", "CA", fingerprint), frozenset({entry}))


def test_nobody_without_a_certificate_is_listed() -> None:
    """Nor with names that cannot be written."""
    assert not is_listed(None, frozenset({"a|CA"}))
    assert not is_listed(Certificate("a|CA", "x"), frozenset({"a|CA|x"}))


@pytest.mark.parametrize("written", [f"a|CA|{SHA256}", f" a | CA | {SHA256.lower()} "])
def test_entry_with_a_fingerprint(written: str) -> None:
    """It is compared in upper case."""
    assert f"a|CA|{SHA256}" == parse_certificate(written)


@pytest.mark.parametrize("bad", ["", "5A", "5A" * 32, ":".join(["5A"] * 16), SHA256 + ":", SHA256.replace("5", "G")])
def test_no_fingerprint(bad: str) -> None:
    """Octets in hexadecimal, parted by colons; of MD5 is none."""
    with pytest.raises(ValueError, match="is no fingerprint: give octets as 5A:0B:... of SHA-1 or better"):
        parse_certificate(f"a|CA|{bad}")


def test_no_text_stands_for_a_certificate_without_a_key() -> None:
    """Not even that which Python has for nothing."""
    nothing = frozenset({f"None|{SHA256}"})
    assert not is_listed(Certificate("", "CA", SHA256), nothing)
    assert not is_listed(None, nothing)
