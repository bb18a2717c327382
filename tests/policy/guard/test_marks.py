"""What a ledger is given of a request, and what it is not."""

from __future__ import annotations

import pytest

from relaymilter.policy.envelope import Macros, Request
from relaymilter.policy.guard.limits import Per
from relaymilter.policy.guard.marks import HASH_SIZE, MOST_NAME, login_subject, sent, subject
from relaymilter.policy.logins import Fold
from tests.policy.maps import asks

KEY = b"k" * 16


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("<bob@else.test>", "<BOB@Else.TEST>", True, id="case"),
        pytest.param("<bob@else.test>", '<"bob"@else.test>', True, id="quotes"),
        pytest.param("<bob@else.test>", "<bob+tag@else.test>", False, id="a tag"),
        pytest.param("<bob@else.test>", "<bob@else.test.example>", False, id="another domain"),
        pytest.param("<\u212aim@else.test>", "<kim@else.test>", False, id="a letter that looks like another"),
        pytest.param("<a", "<a", True, id="no path"),
        pytest.param("<a", "<b", False, id="no path, and another"),
    ],
)
def test_which_recipients_are_the_same(one: str, other: str, same: bool) -> None:
    """A mailbox is one, however it is written."""
    assert same == (sent(asks(one), KEY).recipient == sent(asks(other), KEY).recipient)


@pytest.mark.parametrize(
    ("helo", "same_as", "common"),
    [
        (b"desktop-7.home", b"DESKTOP-7.home", False),
        (b"[10.0.0.7]", b"[192.168.9.9]", True),
        (b"[203.0.114.7]", b"[198.52.100.9]", True),
        (b"[IPv6:2001:db8::7]", b"[ipv6:fd00::1]", True),
        (b"[127.0.0.1]", b"[IPv6:::1]", True),
        (b"[x", b"[]", True),
        (b"localhost", b"LOCALHOST", True),
        (b"smtpclient.apple", b"smtpclient.apple", True),
        (b"", b"", True),
        (b"x" * 999, b"x" * 998, False),
        (b"x" * 255 + b"y", b"x" * 255 + b"z", False),
    ],
)
def test_which_devices_are_the_same(helo: bytes, same_as: bytes, common: bool) -> None:
    """By what they call themselves; a literal says where they are."""
    one, other = sent(asks(helo=helo), KEY), sent(asks(helo=same_as), KEY)
    assert (one.device, one.common) == (other.device, common)


def test_kinds_of_addresses_are_different_devices() -> None:
    """Loopback, public, private, IPv6, and what is no address."""
    literals = (b"[127.0.0.1]", b"[203.0.114.7]", b"[10.0.0.7]", b"[IPv6:2001:db8::7]", b"[x]")
    assert 5 == len({sent(asks(helo=literal), KEY).device for literal in literals})


def test_bytes_that_are_no_text_part_devices_too() -> None:
    """Of TLS and of a mechanism, as they come from the MTA."""
    one, other = (sent(asks(helo=b"[10.0.0.7]", macros=Macros("PLAIN", tls=tls)), KEY) for tls in ("\udcff", "\udcfe"))
    assert one.device != other.device


@pytest.mark.parametrize(
    "other",
    [
        asks(helo=b"[10.0.0.7]", macros=Macros("LOGIN", tls="TLSv1.3 A")),
        asks(helo=b"[10.0.0.7]", macros=Macros("PLAIN", tls="TLSv1.2 B")),
        asks(helo=b"[10.0.0.7]", macros=Macros("PLAIN")),
        asks(helo=b"[127.0.0.1]", macros=Macros("PLAIN", tls="TLSv1.3 A")),
        asks(helo=b"localhost", macros=Macros("PLAIN", tls="TLSv1.3 A")),
    ],
    ids=["mechanism", "TLS", "no TLS", "another kind of address", "another form"],
)
def test_what_many_say_is_parted_by_the_program(other: Request) -> None:
    """Two programs that say the same in HELO, or one that says something else, are two devices."""
    thunderbird = sent(asks(helo=b"[192.168.0.7]", macros=Macros("PLAIN", tls="TLSv1.3 A")), KEY)
    again = sent(asks(helo=b"[10.0.0.7]", macros=Macros("PLAIN", tls="TLSv1.3 A")), KEY)
    different = sent(other, KEY)
    assert (thunderbird.device, thunderbird.program) == (again.device, again.program)
    assert different.common
    assert {different.device, different.program}.isdisjoint((thunderbird.device, thunderbird.program))


def test_a_name_of_its_own_outlives_an_update() -> None:
    """The device stays, its program is another; and another device of that program has the same."""
    before, after, other = (
        sent(asks(helo=helo, macros=Macros("LOGIN", tls=tls)), KEY)
        for helo, tls in ((b"desk-1", "A"), (b"desk-1", "B"), (b"desk-2", "B"))
    )
    assert (before.device, after.program) == (after.device, other.program)
    assert before.program != after.program
    assert after.device != other.device


def test_an_address_is_a_hash() -> None:
    """Short, with the key in it, and none of its letters; a recipient's is no device's."""
    one, other = sent(asks(helo=b"desk"), KEY), sent(asks(helo=b"desk"), b"j" * 16)
    assert {HASH_SIZE} == {len(each) for each in one.asks}
    assert set(one.asks).isdisjoint(other.asks)
    assert 5 == len(set(one.asks))
    assert sent(asks("<x>"), KEY).recipient != sent(asks(helo=b"x@"), KEY).device


LONG = "a" * 300


@pytest.mark.parametrize(
    ("per", "asked", "expected"),
    [
        (Per.LOGIN, asks(login="Joe@kite.test"), "login joe"),
        (Per.LOGIN, asks(), None),
        (Per.CLIENT, asks(address="192.0.2.7"), "client 192.0.2.7"),
        (Per.CLIENT, asks(address="::ffff:192.0.2.7"), "client 192.0.2.7"),
        (Per.CLIENT, asks(address="nowhere"), "client unknown"),
        (Per.NETWORK, asks(address="192.0.2.7"), "network 192.0.2.0/24"),
        (Per.NETWORK, asks(address="192.0.3.7"), "network 192.0.3.0/24"),
        (Per.NETWORK, asks(address="2001:db8:1:9::7"), "network 2001:db8:1::/48"),
        (Per.NETWORK, asks(address="nowhere"), "network unknown"),
        (Per.SENDER, asks(sender="<Joe@Kite.test>"), "sender joe@kite.test"),
        (Per.SENDER, asks(sender="<>"), "sender <>"),
        (Per.SENDER, asks(sender="<a"), "sender unknown"),
        (Per.SENDER_DOMAIN, asks(sender="<joe@Kite.test>"), "sender-domain kite.test"),
        (Per.SENDER_DOMAIN, asks(sender="<>"), "sender-domain <>"),
        (Per.SENDER_DOMAIN, asks(sender="<a"), "sender-domain unknown"),
        (Per.GRANT, asks(), "grant hall printer"),
        (Per.ALL, asks(), "all"),
    ],
)
def test_who_is_charged(per: Per, asked: Request, expected: str | None) -> None:
    """By a name with its kind in front."""
    assert expected == subject(per, asked, Fold.LOWER_LOCAL, "hall printer")


def test_without_a_grant_there_is_nobody_to_charge() -> None:
    """A request that another rule permits has none."""
    assert subject(Per.GRANT, asks(), Fold.EXACT, None) is None


def test_names_have_a_length() -> None:
    """A client's text makes no subject as long as it likes, and two long ones are two."""
    names = {subject(Per.LOGIN, asks(login=LONG + end), Fold.EXACT, None) for end in ("a", "b", "\udcff")}
    assert 3 == len(names)
    assert all(name is not None and len(name) < 300 for name in names)
    assert login_subject(LONG + "a", Fold.EXACT) in names


def test_no_spelling_of_a_login_is_another_subject() -> None:
    """Its case counts nowhere; its realm does where it counts otherwise."""
    assert {"login joe@kite.test"} == {login_subject(login, Fold.EXACT) for login in ("joe@kite.test", "JOE@Kite.test")}
    assert "login joe" == login_subject("JOE@kite.test", Fold.LOCAL)


def test_a_name_of_the_most_length_is_left_as_it_is() -> None:
    """Only what is longer ends in a hash."""
    assert f"login {'a' * MOST_NAME}" == login_subject("a" * MOST_NAME, Fold.EXACT)
    assert f"login {'a' * MOST_NAME}" != login_subject("a" * MOST_NAME + "b", Fold.EXACT)
