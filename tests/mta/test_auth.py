"""Logins: what Postfix and Sendmail tell of them with RCPT, and that relaymilter takes nothing else for one."""

from __future__ import annotations

import pytest

from tests.rig import HOST_NAME, LOOK_ALIKE, Mta, Smtp, certificate

from .dialogue import VICTIM, greet, refusal
from .telling import LOGIN, Telling, Told

CLAIM = "{auth_author}"


def known_as(telling: Telling, login: str) -> str:
    """What the MTA calls a login: Postfix adds the realm, if it has none; Sendmail writes xtext."""
    if telling.is_postfix:
        return login if "@" in login else f"{login}@{HOST_NAME}"
    return login.replace("+", "+2B").replace(LOOK_ALIKE[0], "+D0+B0")


def as_login(telling: Telling, login: str, mechanism: str = "PLAIN") -> Told:
    """The macros of a login."""
    return {"{auth_authen}": known_as(telling, login), "{auth_type}": mechanism}


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize(
    "login",
    ["alice", "Alice", LOOK_ALIKE, "bob+tag", "alice@other.example", f"alice@{HOST_NAME}"],
    ids=["alice", "upper case", "Cyrillic", "plus", "another realm", "own realm"],
)
def test_login(telling: Telling, login: str, mechanism: str) -> None:
    """The login and its mechanism come with RCPT; a login that looks like another's is told as it is."""
    with telling.client() as client:
        assert client.auth(login, mechanism=mechanism).code == 235
        assert telling.of(client, LOGIN) == as_login(telling, login, mechanism)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize(
    ("login", "password"),
    [("alice", "wrong"), ("ALICE", "secret"), ("alice@elsewhere.example", "secret"), ("alice", "")],
    ids=["wrong password", "another case", "another realm", "no password"],
)
def test_failed_login(telling: Telling, login: str, password: str, mechanism: str) -> None:
    """Of a login that was refused a milter is told nothing."""
    with telling.client() as client:
        assert client.auth(login, password, mechanism).code in (501, 535)
        assert telling.of(client, (*LOGIN, CLAIM)) == {}


def test_login_between_messages(telling: Telling) -> None:
    """A login is told with the messages after it, until the connection ends: RSET and EHLO do not end it."""
    with telling.client() as client:
        assert telling.of(client, LOGIN) == {}
        client.auth("alice")
        assert telling.of(client, LOGIN) == as_login(telling, "alice")
        client.mail()
        client.rcpt("<v@example.com>")
        assert client.message().code == 250
        assert telling.of(client, LOGIN) == as_login(telling, "alice")
        client.ehlo()
        assert telling.of(client, LOGIN) == as_login(telling, "alice")


def test_login_comes_with_every_recipient(telling: Telling) -> None:
    """Not with the first alone."""
    with telling.client() as client:
        client.auth("bob")
        client.mail()
        assert [telling.of_recipient(client, LOGIN) for _ in range(2)] == [as_login(telling, "bob")] * 2


def test_no_second_login(telling: Telling) -> None:
    """Whoever has logged in cannot do so again, well or badly; the first login stands."""
    with telling.client() as client:
        client.auth("alice")
        assert (client.auth("bob").code, client.auth("bob", "wrong").code) == (503, 503)
        assert telling.of(client, LOGIN) == as_login(telling, "alice")


def test_no_login_within_a_message(telling: Telling) -> None:
    """AUTH after MAIL is refused."""
    with telling.client() as client:
        client.mail()
        assert client.auth("alice").code == 503
        assert telling.of_recipient(client, LOGIN) == {}


def test_login_without_a_greeting(telling: Telling) -> None:
    """Neither MTA asks for EHLO before AUTH."""
    with telling.mta.smtp() as client:
        assert client.auth("alice").code == 235
        assert telling.of(client, LOGIN) == as_login(telling, "alice")


def test_login_before_starttls(telling: Telling) -> None:
    """Postfix forgets it with STARTTLS (RFC 3207 4.2); Sendmail does not."""
    with telling.client() as client:
        client.auth("alice")
        client.starttls()
        client.ehlo()
        assert telling.of(client, LOGIN) == ({} if telling.is_postfix else as_login(telling, "alice"))


def test_speaking_for_another(telling: Telling) -> None:
    """Who asks in AUTH PLAIN to be taken for somebody else is refused by Postfix, and not heeded by Sendmail."""
    with telling.client() as client:
        assert client.auth("alice", speaks_for="bob").code == (535 if telling.is_postfix else 235)
        assert telling.of(client, LOGIN) == ({} if telling.is_postfix else as_login(telling, "alice"))


@pytest.mark.parametrize("login", ["", "alice"], ids=["stranger", "login"])
def test_claim(telling: Telling, login: str) -> None:
    """MAIL AUTH= comes as {auth_author}, proved or not, of its message alone, and changes nothing of the login."""
    with telling.client() as client:
        if login:
            client.auth(login)
        proved = as_login(telling, login) if login else {}
        asked = (*LOGIN, CLAIM)
        assert telling.of(client, asked, "<a@example.net> AUTH=bob@example.org") == proved | {CLAIM: "bob@example.org"}
        nobody = {} if telling.is_postfix else {CLAIM: "<>"}
        assert telling.of(client, asked, "<a@example.net> AUTH=<>") == proved | nobody
        assert telling.of(client, asked) == proved


def test_proxy_login(telling_postfix: Telling) -> None:
    """A login by XCLIENT is told as it is, with a mechanism of its own; it ends a login of the proxy."""
    for login, expected in (("joe", {"{auth_authen}": "joe", "{auth_type}": "XCLIENT"}), ("", {})):
        with telling_postfix.client(source="127.0.0.1") as client:
            client.auth("alice")
            client.xclient("203.0.113.7", **({"LOGIN": login} if login else {}))
            client.ehlo()
            assert telling_postfix.of(client, LOGIN) == expected


def refused(client: Smtp, mail: str = "<a@example.net>") -> None:
    """A third party is refused, in a new message."""
    assert client.mail(mail).code == 250
    assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)
    assert client.rset().code == 250


def permitted(client: Smtp) -> None:
    """A third party is not."""
    assert client.mail().code == 250
    assert client.rcpt(f"<{VICTIM}>").code == 250
    assert client.rset().code == 250


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("port", [25, 587])
def test_login_relays(mta: Mta, port: int, mechanism: str) -> None:
    """A login opens, a refused one does not, by whatever mechanism and on whatever listener."""
    with mta.smtp(port=port) as client:
        client.ehlo()
        refused(client)
        assert client.auth("alice", "wrong", mechanism).code == 535
        refused(client)
        assert client.auth("alice@other.example", mechanism=mechanism).code == 235
        permitted(client)


def test_refused_login_after_a_good_one(mta: Mta) -> None:
    """The MTA does not hear it, and the good one stands; it ends with its connection."""
    with mta.smtp() as client:
        greet(client, "alice")
        assert client.auth("bob", "wrong").code == 503
        permitted(client)
    with mta.smtp() as client:
        greet(client)
        assert client.auth("bob", "wrong").code == 535
        refused(client)


@pytest.mark.parametrize(
    "abandoned",
    [
        ("AUTH CRAM-MD5", "*"),
        ("AUTH LOGIN", "YWxpY2U=", "*"),
        ("AUTH PLAIN", "*"),
        ("AUTH PLAIN =",),
        ("AUTH PLAIN AGFsaWNlAA==",),
        ("AUTH PLAIN YWxpY2UA",),
        ("AUTH ANONYMOUS YWxpY2U=",),
        ("AUTH EXTERNAL YWxpY2U=",),
        ("AUTH XCLIENT YWxpY2U=",),
    ],
    ids=" ".join,
)
def test_abandoned_login(mta: Mta, abandoned: tuple[str, ...]) -> None:
    """Who begins to log in, and does not end it, or ends it without a password, has not logged in."""
    with mta.smtp() as client:
        greet(client)
        assert [client.command(line) for line in abandoned][-1].code >= 500
        refused(client)


CLAIMS = ["alice", "alice@example.org", f"alice@{HOST_NAME}", "+61lice", "alice+40example.org", "<>"]


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim_is_no_login(mta: Mta, claim: str) -> None:
    """Whom a client says that it speaks for, in the first message or after one, in xtext or not, proves nothing."""
    with mta.smtp() as client:
        greet(client)
        for _ in range(2):
            refused(client, f"<alice@example.org> AUTH={claim}")
        refused(client)


@pytest.mark.parametrize("name", ["valid", "by-intermediate", "self-signed", "expired", "impostor", "by-forged"])
def test_certificate_is_no_login(mta: Mta, name: str) -> None:
    """A certificate opens nothing where none is listed, good or bad, and a login after it is needed and enough."""
    with mta.smtp() as client:
        greet(client)
        assert client.starttls(*certificate(name)).code == 220
        greet(client)
        refused(client)
        assert client.auth("bob").code == 235
        permitted(client)


def test_submission_is_no_login(mta: Mta) -> None:
    """Port 587 alone opens nothing."""
    with mta.smtp(port=587) as client:
        greet(client)
        refused(client)
