"""What Postfix and Sendmail tell a milter with RCPT, where it asks: of certificates, listeners and clients.

Facts of these MTAs, whether they suit us or not; relaymilter/milter/negotiation.py and session.py build on them.
"""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

import pytest

from tests.rig import certificate

from .telling import CERTIFICATE, CLIENT, FINGERPRINT, LISTENER, LOGIN, Telling

CA = "Example CA"
CA_DN = "/O=Example/CN=Example+20CA"

VERIFIED = {
    "valid": ("client.example.net", "/O=Example/CN=client.example.net"),
    "second": ("second.example.net", "/O=Example/CN=second.example.net"),
    "upper": ("CLIENT.Example.NET", "/O=Example/CN=CLIENT.Example.NET"),
    "slash": ("a/CN=b", "/O=Example/CN=a+5C/CN=b"),
    "pipe": ("a|b", "/O=Example/CN=a|b"),
    "blanks": (" a  b ", "/O=Example/CN=+20a+20+20b+20"),
    "plus": ("a+20b", "/O=Example/CN=a+5C+2B20b"),
    "utf-8": ("bücher.example", "/O=Example/CN=b+5CxC3+5CxBCcher.example"),
    "no-name": ("", "/O=Example/OU=clients"),
    "two-names": ("mallory.example.com", "/O=Example/CN=mallory.example.com/CN=client.example.net"),
    "slash-before": ("", "/O=Example+5C/CN=client.example.net"),
    "intermediate": ("Example Client CA", "/O=Example/CN=Example+20Client+20CA"),
    "authority": (CA, CA_DN),
}
"""{cert_subject} on Postfix: the first CN; and on Sendmail: the whole name, where OpenSSL writes `\\/`, `\\+`, `\\xC3`
for what is special or not ASCII, and Sendmail in turn xtext."""


@pytest.mark.parametrize("name", VERIFIED)
def test_verified_certificate(telling: Telling, name: str) -> None:
    """Postfix tells the CNs of subject and issuer, raw; Sendmail the whole names, in xtext, and {verify}."""
    on_postfix, on_sendmail = VERIFIED[name]
    with telling.client(name) as client:
        expected = (
            {"{cert_subject}": on_postfix, "{cert_issuer}": CA}
            if telling.is_postfix
            else {"{verify}": "OK", "{cert_subject}": on_sendmail, "{cert_issuer}": CA_DN}
        )
        assert expected == telling.of(client, CERTIFICATE)


def test_issuer_is_the_next_above(telling: Telling) -> None:
    """The issuer is who signed the certificate itself, which the MTA trusts only by way of another."""
    with telling.client("by-intermediate") as client:
        issuer = telling.of(client)["{cert_issuer}"]
        assert issuer == ("Example Client CA" if telling.is_postfix else "/O=Example/CN=Example+20Client+20CA")


UNVERIFIED = {
    "self-signed": ("/O=Example/CN=client.example.net", "/O=Example/CN=client.example.net"),
    "expired": ("/O=Example/CN=client.example.net", CA_DN),
    "by-other": ("/O=Other/CN=other.example.com", "/O=Other/CN=Other+20CA"),
    "impostor": ("/O=Example/CN=client.example.net", "/O=Other/CN=Other+20CA"),
    "by-forged": ("/O=Example/CN=client.example.net", CA_DN),
    "by-client": ("/O=Example/CN=victim.example.net", "/O=Example/CN=client.example.net"),
    "server-only": ("/O=Example/CN=client.example.net", CA_DN),
    "forged-authority": (CA_DN, CA_DN),
}


@pytest.mark.parametrize("name", UNVERIFIED)
def test_unverified_certificate(telling: Telling, name: str) -> None:
    """Postfix is silent on it; Sendmail names it like any other, and only {verify} tells it from a good one."""
    subject, issuer = UNVERIFIED[name]
    failed = {"{verify}": "FAIL", "{cert_subject}": subject, "{cert_issuer}": issuer}
    with telling.client(name) as client:
        assert telling.of(client, CERTIFICATE) == ({} if telling.is_postfix else failed)


def test_tls_without_a_certificate(telling: Telling) -> None:
    """Postfix is silent; Sendmail gives empty names, and {verify} NO."""
    nothing = {"{verify}": "NO", "{cert_subject}": "", "{cert_issuer}": ""}
    with telling.client("") as client:
        assert telling.of(client, CERTIFICATE) == ({} if telling.is_postfix else nothing)
        assert "{tls_version}" in telling.of(client)


def test_no_tls(telling: Telling) -> None:
    """Without TLS there is no word of certificates, nor {verify}."""
    with telling.client() as client:
        assert telling.of(client, (*CERTIFICATE, *FINGERPRINT, "{tls_version}")) == {}


def test_certificate_comes_with_every_recipient(telling: Telling) -> None:
    """Of every message until the connection ends, RSET and EHLO in between or not."""
    with telling.client("valid") as client:
        first = telling.of(client, CERTIFICATE)
        client.ehlo()
        assert telling.of(client, CERTIFICATE) == first
        client.mail()
        assert [telling.of_recipient(client, CERTIFICATE) for _ in range(2)] == [first, first]


def test_certificate_beside_a_login(telling: Telling) -> None:
    """A client may have both, and both are told."""
    with telling.client("valid") as client:
        assert client.auth("alice").code == 235
        assert {*LOGIN, "{cert_subject}", "{cert_issuer}"} <= telling.of(client).keys()


def test_fingerprint(telling: Telling) -> None:
    """Postfix has none; Sendmail has {cert_md5}, and {cert_fp} only where CertFingerprintAlgorithm is set."""
    with telling.client("valid") as client:
        told = telling.of(client, FINGERPRINT)
    der = ssl.PEM_cert_to_DER_cert(Path(certificate("valid").file).read_text())
    md5 = hashlib.md5(der, usedforsecurity=False).digest().hex(":").upper()
    assert told == ({} if telling.is_postfix else {"{cert_md5}": md5})


LISTENERS = {
    ("postfix", "203.0.113.7", 25): "mx.example.org",
    ("postfix", "203.0.113.7", 587): "submission",
    ("postfix", "2001:db8::7", 25): "mx.example.org",
    ("postfix", "2001:db8::7", 587): "submission",
    ("sendmail", "203.0.113.7", 25): "MTA",
    ("sendmail", "203.0.113.7", 587): "MSA",
    ("sendmail", "2001:db8::7", 25): "MTA6",
    ("sendmail", "2001:db8::7", 587): "MSA6",
}


@pytest.mark.parametrize("source", ["203.0.113.7", "2001:db8::7"])
@pytest.mark.parametrize("port", [25, 587])
def test_listener(telling: Telling, source: str, port: int) -> None:
    """Its name is milter_macro_daemon_name, or Name= of DAEMON_OPTIONS; Sendmail writes IPv6 at length."""
    number = telling.mta.address6.rpartition(":")[2]
    at_length = telling.mta.address6 if telling.is_postfix else f"IPv6:2001:db8:0:0:0:0:0:{number}"
    with telling.client(source=source, port=port) as client:
        assert telling.of(client, LISTENER) == {
            "{daemon_name}": LISTENERS[telling.mta.name, source, port],
            "{daemon_addr}": at_length if ":" in source else telling.mta.address,
            "{daemon_port}": str(port),
        }


CLIENTS = {
    "203.0.113.9": ("203.0.113.9", "good.example.net", "good.example.net", "OK"),
    "203.0.113.10": ("203.0.113.10", "[203.0.113.10]", "forged.example.net", "FORGED"),
    "203.0.113.7": ("203.0.113.7", "[203.0.113.7]", "[203.0.113.7]", "FAIL"),
    "2001:db8::9": ("IPv6:2001:db8:0:0:0:0:0:9", "good6.example.net", "good6.example.net", "OK"),
}
"""On Sendmail; Postfix compresses IPv6, prefix and all, and says unknown for a name in brackets."""


@pytest.mark.parametrize("source", CLIENTS)
def test_client(telling: Telling, source: str) -> None:
    """The client's address and names come with RCPT too, and {client_resolve} says what its name is worth."""
    expected: tuple[str, ...] = CLIENTS[source]
    if telling.is_postfix:
        names = ("unknown" if name.startswith("[") else name for name in expected[1:])
        expected = (f"IPv6:{source}" if ":" in source else source, *names)
    with telling.client(source=source) as client:
        assert tuple(telling.of(client, CLIENT).values()) == expected


def test_proxy_certificate(telling_postfix: Telling) -> None:
    """Whom a proxy passes on by XCLIENT has, as Postfix tells it, the certificate of the proxy."""
    with telling_postfix.client("valid", source="127.0.0.1") as client:
        assert client.xclient("203.0.113.7").code == 220
        client.ehlo()
        told = telling_postfix.of(client)
    assert (told["{client_addr}"], told["{cert_subject}"]) == ("203.0.113.7", "client.example.net")


def test_proxy_listener(telling_postfix: Telling) -> None:
    """A proxy says by XCLIENT which address and port the client came to; the name stays."""
    with telling_postfix.client(source="127.0.0.1") as client:
        assert client.xclient("203.0.113.7", DESTADDR="198.51.100.1", DESTPORT="587").code == 220
        client.ehlo()
        assert tuple(telling_postfix.of(client, LISTENER).values()) == ("mx.example.org", "198.51.100.1", "587")
