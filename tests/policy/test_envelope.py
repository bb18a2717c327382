"""What the MTA told of a client and a recipient."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from relaymilter.policy.address import Malformed, Path
from relaymilter.policy.envelope import NOWHERE, client, request


@pytest.mark.parametrize(
    ("text", "port", "by_smtp"),
    [
        pytest.param("127.0.0.1", 0, False, id="Postfix's own"),
        pytest.param("127.0.0.1", 40000, True, id="a client on this host"),
        pytest.param("127.0.0.1", None, True, id="no port told"),
        pytest.param("127.0.0.2", 0, True, id="another loopback address"),
        pytest.param("::1", 0, True, id="IPv6 loopback"),
        pytest.param("::ffff:127.0.0.1", 0, True, id="mapped loopback"),
        pytest.param("203.0.113.7", 0, True, id="a stranger without a port"),
        pytest.param("", 0, True, id="no address"),
        pytest.param("127.0.0.1 ", 0, True, id="almost"),
    ],
)
def test_by_smtp(text: str, port: int | None, by_smtp: bool) -> None:
    """Only 127.0.0.1 with port 0, which no TCP connection has, did not come by SMTP."""
    assert by_smtp is client(text, port).by_smtp


def test_client_keeps_the_text() -> None:
    """A client is told as the MTA told it, and compared by its address."""
    mapped = client("::ffff:192.0.2.7", 25)
    assert ("::ffff:192.0.2.7", ip_address("192.0.2.7")) == (mapped.text, mapped.address)


@pytest.mark.parametrize("text", ["", "unknown", "fe80::1%eth0", "localhost", "/run/socket", "IPv6:::1"])
def test_client_without_address(text: str) -> None:
    """What is no address has none, and is told nevertheless."""
    assert (text, None) == (client(text).text, client(text).address)


def test_nowhere() -> None:
    """A client of whom nothing is known has no address, and came by SMTP."""
    assert (NOWHERE.text, NOWHERE.address, NOWHERE.by_smtp) == ("", None, True)


def test_request_holds_the_path_as_typed_and_as_parsed() -> None:
    """A request has both, and nothing that it was not given."""
    asked = request(NOWHERE, b"<B@Kite.test>")
    assert (b"<B@Kite.test>", Path("B", "kite.test", plain=True)) == (asked.recipient, asked.path)
    assert (asked.login, asked.rcpt_addr, asked.helo, asked.sender) == (None, None, b"", b"")


def test_request_holds_what_the_mta_told() -> None:
    """Login, {rcpt_addr}, HELO and sender are handed on untouched, whatever bytes they are."""
    asked = request(NOWHERE, b"<b@x>", login="joe", rcpt_addr=b"\xff", helo=b"\xfe", sender=b"<\xfd>")
    assert (asked.login, asked.rcpt_addr, asked.helo, asked.sender) == ("joe", b"\xff", b"\xfe", b"<\xfd>")


def test_request_with_no_path() -> None:
    """An argument that is no path makes a request too."""
    assert isinstance(request(NOWHERE, b"\xff").path, Malformed)
