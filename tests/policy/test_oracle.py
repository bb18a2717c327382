"""The oracle of the properties is itself put to the test: it must not call a relay ours."""

from __future__ import annotations

import pytest

from tests.policy.oracle import name_at_ours, only_ours, plain_and_ours, read_as_ours
from tests.policy.test_relay import HONEST, HONEST_BUT_ODD


@pytest.mark.parametrize(("recipient", "_rule"), HONEST)
def test_plain(recipient: str, _rule: str) -> None:
    """What is plain and ours is so by both."""
    assert plain_and_ours(recipient.encode())
    assert only_ours(recipient.encode())


@pytest.mark.parametrize(("recipient", "_rule"), HONEST_BUT_ODD)
def test_odd(recipient: str, _rule: str) -> None:
    """What is ours in an odd notation is ours, and is not plain."""
    assert only_ours(recipient.encode())
    assert not plain_and_ours(recipient.encode())


@pytest.mark.parametrize(
    "recipient",
    [
        *("<b@else.test>", "<b>", "<>", "", "<b%else.test@kite.test>", "<else.test!b@kite.test>", "<b@c@kite.test>"),
        *('<"b@else.test"@kite.test>', '<"b%else.test"@kite.test>', r"<b\@else.test@kite.test>", '<"b\\@c"@kite.test>'),
        *("<@else.test:b@kite.test>", "<b@kite.test>,<c@else.test>", "<b@kite.test.else.test>", "<b@notkite.test>"),
        *("<b@a.kite.test>", "<b@sub.test>", "<b@notsub.test>", "<b@[192.0.2.99]>", "<b@[192.0.2.25].else.test>"),
        *("<b@\u212aite.test>", "<b@kite\u3002test>", "<b\0@kite.test>", "<b@kite.test\0>", "<b:c@kite.test>"),
        *("<b@[2001:db8::25]>", "<<b@kite.test>>"),
        *("<b@kite.test", "b@kite.test>", "(<b@kite.test>", '<"b@kite.test>', "<b@kite.test>\r\n"),
    ],
)  # fmt: skip
def test_not_ours(recipient: str) -> None:
    """What asks for routing, has another host, or cannot be taken apart is not ours."""
    assert not only_ours(recipient.encode())
    assert not plain_and_ours(recipient.encode())


@pytest.mark.parametrize(
    ("rcpt_addr", "ours"),
    [
        (b"b", True),
        (b'"b c"', True),
        (b"b@kite.test", True),
        (b"b@else.test", False),
        (b'"b@else.test"', False),
        (b"else.test!b", False),
    ],
)
def test_read_as_ours(rcpt_addr: bytes, ours: bool) -> None:
    """{rcpt_addr} may be bare, but may not ask for routing."""
    assert ours is read_as_ours(rcpt_addr)


@pytest.mark.parametrize(
    ("raw", "rcpt_addr", "ours"),
    [
        (b"<b>", b"b@kite.test", True),
        (b"<B>", b"b@a.sub.test", True),
        (b"<b>", b"c@kite.test", False),
        (b"<b>", b"b@else.test", False),
        (b"<b>", b"b", False),
        (b"<b>", None, False),
        (b"b", b"b@kite.test", False),
        (b'<"b">', b"b@kite.test", False),
        (b"<b%else.test>", b"b@kite.test", False),
    ],
)
def test_name_at_ours(raw: bytes, rcpt_addr: bytes | None, ours: bool) -> None:
    """A name is ours by the host that the MTA gives it."""
    assert ours is name_at_ours(raw, rcpt_addr)
