"""Nothing carries over from one recipient, message, login or connection to the next."""

from tests.mta.dialogue import VICTIM, begin, greet, local_delivery, recipient_reply, refusal
from tests.rig import Mta, Postfix


def test_login_ends_with_its_connection(mta: Mta) -> None:
    """Whoever comes next from the same address, without a login, is a stranger again."""
    assert recipient_reply(mta, "first@example.com", login="alice").code == 250
    assert str(recipient_reply(mta, VICTIM)) == refusal(VICTIM)


def test_connections_side_by_side(mta: Mta) -> None:
    """A login in one connection says nothing of another that is open at the same time."""
    with mta.smtp() as known, mta.smtp() as stranger:
        greet(known, "bob")
        greet(stranger)
        for client, expected in ((known, 250), (stranger, 554)) * 2:
            client.mail()
            assert client.rcpt(f"<{VICTIM}>").code == expected
            client.rset()


def test_login_after_a_refusal(mta: Mta) -> None:
    """A client that is refused, resets, and logs in, may go on in the same connection."""
    with mta.smtp() as client:
        begin(client)
        assert client.rcpt(f"<{VICTIM}>").code == 554
        assert client.rset().code == 250
        assert client.auth("alice").code == 235
        client.mail()
        assert client.rcpt("<after-login@example.com>").code == 250
        assert client.message().code == 250
    mta.wait_delivered("after-login@example.com")


def test_many_messages_in_a_connection(mta: Mta) -> None:
    """Each message of a stranger is decided on anew, accepted ones and refused ones in turn."""
    with mta.smtp() as client:
        greet(client)
        for number in range(6):
            client.mail()
            assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)
            assert client.rcpt("<bob@example.org>").code == 250
            ended = client.rset() if number % 2 else client.message()
            assert ended.code == 250
    mta.wait_delivered(local_delivery(mta, "bob"))
    assert VICTIM not in mta.delivered()


def test_login_holds_for_every_message(mta: Mta) -> None:
    """A login is one for all messages of its connection, RSET and EHLO in between or not."""
    with mta.smtp() as client:
        greet(client, "alice")
        for between in (client.rset, client.ehlo, client.rset):
            client.mail()
            assert client.rcpt(f"<{VICTIM}>").code == 250
            assert between().code == 250


def test_starttls_proves_nothing(mta: Mta) -> None:
    """TLS makes a stranger no less one, also with a client certificate that nobody vouches for."""
    tls = mta.directory / "tls"
    with mta.smtp() as client:
        begin(client)
        client.rset()
        assert client.starttls(str(tls / "cert.pem"), str(tls / "key.pem")).code == 220
        begin(client)
        assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)


def test_starttls_then_login(mta: Mta) -> None:
    """A login under TLS is a login."""
    with mta.smtp() as client:
        greet(client)
        assert client.starttls().code == 220
        begin(client, "bob")
        assert client.rcpt(f"<{VICTIM}>").code == 250


def test_mail_auth_parameter_is_no_login(mta: Mta) -> None:
    """Whom a client claims to speak for (MAIL ... AUTH=) is not who it is."""
    with mta.smtp() as client:
        greet(client)
        client.mail("<a@example.net> AUTH=alice@example.org")
        assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)


def test_no_greeting(mta: Mta) -> None:
    """A client that never says EHLO is decided on all the same."""
    with mta.smtp() as client:
        client.mail()
        assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)


def test_xclient_makes_a_stranger(postfix: Postfix) -> None:
    """A local client that poses as a stranger by XCLIENT is one; one that poses as a local client is not."""
    for address, expected in (("203.0.113.7", 554), ("2001:db8::7", 554), ("127.0.0.2", 250), ("::1", 250)):
        with postfix.smtp("127.0.0.1") as client:
            greet(client)
            assert client.xclient(address).code == 220
            begin(client)
            assert client.rcpt(f"<{VICTIM}>").code == expected


def test_xclient_login(postfix: Postfix) -> None:
    """A login that XCLIENT passes on is a login."""
    with postfix.smtp("127.0.0.1") as client:
        greet(client)
        assert client.xclient("203.0.113.7", LOGIN="carol").code == 220
        begin(client)
        assert client.rcpt(f"<{VICTIM}>").code == 250
