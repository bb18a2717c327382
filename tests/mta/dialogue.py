"""The short dialogues that the tests of this folder have with an MTA."""

from tests.rig import STRANGER, Mta, Reply, Smtp

VICTIM = "victim@example.com"


def greet(client: Smtp, login: str = "") -> None:
    """EHLO and, with a login, AUTH; both go well."""
    assert client.ehlo().code == 250
    if login:
        assert client.auth(login).code == 235


def begin(client: Smtp, login: str = "") -> None:
    """All that comes before the first RCPT, and goes well."""
    greet(client, login)
    assert client.mail().code == 250


def recipient_reply(mta: Mta, recipient: str, source: str = STRANGER, login: str = "") -> Reply:
    """The reply to one recipient, in a connection of its own."""
    with mta.smtp(source) as client:
        begin(client, login)
        return client.rcpt(f"<{recipient}>")


def send(mta: Mta, recipient: str, source: str = STRANGER, login: str = "") -> None:
    """Send a message, which is accepted."""
    with mta.smtp(source) as client:
        begin(client, login)
        assert client.rcpt(f"<{recipient}>").code == 250
        assert client.message().code == 250


def refusal(recipient: str) -> str:
    """What a stranger reads, on Postfix and on Sendmail."""
    return f"554 5.7.1 <{recipient}>: Relay access denied"


def local_delivery(mta: Mta, user: str) -> str:
    """How `mta.delivered()` names a local user."""
    return user if mta.name == "sendmail" else f"{user}@example.org"
