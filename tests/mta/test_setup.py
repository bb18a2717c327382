"""The set-up of the README: one milter line, and an open relay is closed for strangers alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta.dialogue import VICTIM, local_delivery, recipient_reply, refusal, send
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, running

STRANGERS = ["203.0.113.7", "203.0.113.10", "198.51.100.1", "192.0.2.200", "2001:db8::77"]


@pytest.mark.parametrize("source", STRANGERS)
def test_stranger_is_refused(mta: Mta, source: str) -> None:
    """A stranger may not reach a third party, and is told so in exactly these words."""
    assert str(recipient_reply(mta, VICTIM, source)) == refusal(VICTIM)


@pytest.mark.parametrize("source", ["127.0.0.1", "127.8.8.8", "::1"])
def test_local_client_reaches_a_third_party(mta: Mta, source: str) -> None:
    """A client in a local network relays, and the mail goes out."""
    recipient = f"third-{source.replace(':', '-')}@example.com"
    send(mta, recipient, source)
    mta.wait_delivered(recipient)


def test_login_reaches_a_third_party(mta: Mta) -> None:
    """A stranger who logs in relays, and the mail goes out."""
    send(mta, "partner@example.com", login="alice")
    mta.wait_delivered("partner@example.com")


def test_failed_login_is_none(mta: Mta) -> None:
    """A stranger who gives a wrong password stays a stranger."""
    with mta.smtp() as client:
        client.ehlo()
        assert client.auth("alice", "wrong").code == 535
        client.mail()
        assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)


def test_stranger_reaches_a_local_mailbox(mta: Mta) -> None:
    """A stranger's mail to a local mailbox is delivered."""
    send(mta, "bob@example.org")
    mta.wait_delivered(local_delivery(mta, "bob"))


def test_refusal_is_per_recipient(mta: Mta) -> None:
    """A refused recipient takes none of the others with it: the message goes to these alone."""
    with mta.smtp() as client:
        client.ehlo()
        client.mail()
        assert client.rcpt(f"<{VICTIM}>").code == 554
        assert client.rcpt("<alice@example.org>").code == 250
        assert client.rcpt("<other@example.com>").code == 554
        assert client.message().code == 250
    mta.wait_delivered(local_delivery(mta, "alice"))
    assert not {VICTIM, "other@example.com"} & set(mta.delivered())


def test_decision_is_logged(mta: Mta, closed: Relaymilter) -> None:
    """The log says who was refused what, and by which rule."""
    recipient = f"logged-{mta.name}@example.com"
    recipient_reply(mta, recipient, "203.0.113.9")
    line = closed.wait_decision(recipient=f"<{recipient}>")
    assert (line["client"], line["verdict"], line["rule"]) == ("203.0.113.9", "reject", "no-rule")


@pytest.fixture(params=[Postfix, Sendmail], ids=["postfix", "sendmail"])
def sendmail_speaking(request: pytest.FixtureRequest, namespace: Namespace, folder: Path) -> Iterator[Mta]:
    """An MTA closed by a relaymilter that talks like Sendmail."""
    daemon = Relaymilter(folder / "milter", "--reply", "sendmail")
    mta = request.param(namespace, folder / "mta", MtaSettings((daemon.milter,)))
    with running(daemon), running(mta):
        yield mta


def test_sendmail_reply(sendmail_speaking: Mta) -> None:
    """With --reply sendmail both MTAs refuse in Sendmail's words."""
    expected = f"550 5.7.1 <{VICTIM}>... Relaying denied. Proper authentication required."
    assert str(recipient_reply(sendmail_speaking, VICTIM)) == expected


@pytest.mark.parametrize("runtime", ["loop", "libmilter"])
@pytest.mark.parametrize("milter", ["inet:127.0.0.1:8894", "inet:[::1]:8894"], ids=["IPv4", "IPv6"])
def test_inet_socket(namespace: Namespace, folder: Path, milter: str, runtime: str) -> None:
    """A milter on a TCP socket closes Postfix and Sendmail as one on a Unix socket does."""
    daemon = Relaymilter(folder / "milter", "--runtime", runtime, milter=milter, namespace=namespace)
    settings = MtaSettings((daemon.milter,))
    with (
        running(daemon),
        running(Postfix(namespace, folder / "postfix", settings)) as postfix,
        running(Sendmail(namespace, folder / "sendmail", settings)) as sendmail,
    ):
        for mta in (postfix, sendmail):
            assert str(recipient_reply(mta, VICTIM)) == refusal(VICTIM)
            send(mta, "partner@example.com", "127.0.0.1")


@pytest.mark.parametrize("runtime", ["loop", "libmilter"])
def test_both_at_once(namespace: Namespace, folder: Path, runtime: str) -> None:
    """One relaymilter closes Postfix on a Unix socket and Sendmail by TCP, at the same time."""
    flags = ("-p", "inet:127.0.0.1:8894", "--runtime", runtime)
    daemon = Relaymilter(folder / "milter", *flags, namespace=namespace)
    with (
        running(daemon),
        running(Postfix(namespace, folder / "postfix", MtaSettings((daemon.milter,)))) as postfix,
        running(Sendmail(namespace, folder / "sendmail", MtaSettings(("inet:127.0.0.1:8894",)))) as sendmail,
    ):
        for mta in (postfix, sendmail):
            assert str(recipient_reply(mta, VICTIM)) == refusal(VICTIM)
