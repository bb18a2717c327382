"""What logins, certificates and grants are bound to, on real MTAs, where a conversation cannot say it.

A lockdown that is turned on and off while a client is connected, a grant that ends today, restrictions that only warn,
replies to the letter, and what the log has to say for explain.
"""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from relaymilter.cli import relaymilter
from tests.mta.dialogue import VICTIM, greet, refusal
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, Smtp, certificate, running

PRINTER, ENDED, WATCHED = "203.0.113.40", "203.0.113.41", "203.0.113.66"
FLAGS = (
    *("--local-domain", "example.org", "--login-fold", "lower-local"),
    *("--login-mechanism", "PLAIN", "--login-listener", "submission", "--login-listener", "MSA"),
    *("--authorised-login", "alice", "--authorised-login", "bob"),
    *("--sender-login", "alice@example.org alice", "--sender-login", "@example.net alice bob"),
    *("--certificate", "client.example.net|Example CA"),
    *("--certificate", "/O=Example/CN=client.example.net|/O=Example/CN=Example+20CA"),
    *("--grant", f'{{networks = ["{ENDED}"], until = {date.today() - timedelta(2)}, note = "the old one"}}'),
    *("--deny-client", WATCHED, "--deny-sender", "spammer@example.net", "--warn", "deny-client"),
    *("--lockdown-exempt", "bob"),
)
LOCKED = f"<{VICTIM}>: Relaying is suspended, try again later"


@dataclass(frozen=True)
class Bound:
    """An MTA, the daemon that closes it, and what it was given."""

    mta: Mta
    daemon: Relaymilter
    flags: tuple[str, ...]
    lockdown: Path

    @property
    def realm(self) -> str:
        """What Postfix adds to a login."""
        return "@mx.example.org" if self.mta.name == "postfix" else ""

    def named(self, text: str, recipient: str = VICTIM) -> str:
        """What a client reads where Sendmail names the recipient by itself: in 450, 550 and 553."""
        code, status, words = text.split(" ", 2)
        bare = words.removeprefix(f"<{recipient}>: ")
        return text if self.mta.name == "postfix" else f"{code} {status} <{recipient}>... {bare}"


@pytest.fixture(scope="module", params=[(Postfix, "libmilter"), (Sendmail, "loop")], ids=["postfix", "sendmail"])
def bound(request: pytest.FixtureRequest, namespace: Namespace, release_folder: Path) -> Iterator[Bound]:
    """Each MTA, one on each runtime."""
    kind, runtime = request.param
    folder = release_folder / f"bound-{kind.name}"
    folder.mkdir()
    folder.chmod(0o711)
    today = ("--grant", f'{{networks = ["{PRINTER}"], until = {date.today()}}}')
    flags = (*FLAGS, *today, "--lockdown-file", str(folder / "lockdown"))
    daemon = Relaymilter(folder / "d", *flags, "--runtime", runtime)
    with running(daemon), running(kind(namespace, folder / "mta", MtaSettings((daemon.milter,)))) as mta:
        yield Bound(mta, daemon, flags, folder / "lockdown")


def submit(bound: Bound, login: str, sender: str) -> Smtp:
    """A client on port 587 that has logged in, and begun a message."""
    client = bound.mta.smtp(port=587)
    greet(client, login)
    assert client.mail(sender).code == 250
    return client


def test_lockdown_within_a_connection(bound: Bound) -> None:
    """It begins and ends with its file, from one recipient of a message to the next; neither the exempt nor what was
    accepted before notice it."""
    with submit(bound, "alice", "<alice@example.org>") as client, submit(bound, "bob", "<x@example.net>") as exempt:
        assert client.rcpt("<queued@example.com>").code == 250
        bound.lockdown.touch()
        assert str(client.rcpt(f"<{VICTIM}>")) == bound.named(f"450 4.7.1 {LOCKED}")
        assert (client.rcpt("<bob@example.org>").code, exempt.rcpt(f"<{VICTIM}>").code) == (250, 250)
        assert client.message().code == 250
        client.mail("<alice@example.org>")
        assert client.rcpt(f"<{VICTIM}>").code == 450
        bound.lockdown.unlink()
        assert client.rcpt(f"<{VICTIM}>").code == 250
    bound.mta.wait_delivered("queued@example.com")
    for line in ("on", "off"):
        assert f"lockdown: {line}, {bound.lockdown}" in bound.daemon.log()


def test_grant_until_today(bound: Bound) -> None:
    """The last day of a grant belongs to it; the day after does not."""
    day = date.today()
    codes = {}
    for source in (PRINTER, ENDED):
        with bound.mta.smtp(source) as client:
            greet(client)
            client.mail("<a@example.net>")
            codes[source] = client.rcpt(f"<{VICTIM}>").code
    assert codes == {PRINTER: 250, ENDED: 554} or day != date.today()
    assert f"grant 1, the old one ended on {date.today() - timedelta(2)}" in bound.daemon.log()


def test_only_warned_of(bound: Bound) -> None:
    """What only warns refuses nothing, says so in the log, and others refuse as ever."""
    with bound.mta.smtp(WATCHED) as client:
        greet(client)
        client.mail("<watched@example.net>")
        assert client.rcpt("<bob@example.org>").code == 250
        assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)
        client.rset()
        client.mail("<spammer@example.net>")
        assert client.rcpt("<bob@example.org>").code == 554
    line = bound.daemon.wait_decision(sender="<watched@example.net>", verdict="permit")
    assert line["warnings"] == [f"deny-client: reject: in {WATCHED}/32"]


@pytest.mark.parametrize("sender", ["boss@example.org", "100%sure@example.net", "%s%n%d@example.com"])
def test_reply_of_a_sender_that_is_not_owned(bound: Bound, sender: str) -> None:
    """The client reads which sender and which login, to the letter; Sendmail puts the recipient before."""
    with submit(bound, "bob", f"<{sender}>") as client:
        said = str(client.rcpt(f"<{VICTIM}>"))
    words = f"553 5.7.1 <{sender}>: Sender address rejected: not owned by user bob{bound.realm}"
    assert said == bound.named(words)


def test_way_of_a_login(bound: Bound) -> None:
    """On another listener, or by another mechanism, a login opens nothing, and is bound all the same."""
    for port, mechanism in ((25, "PLAIN"), (587, "LOGIN"), (587, "CRAM-MD5")):
        with bound.mta.smtp(port=port) as client:
            greet(client)
            assert client.auth("alice", mechanism=mechanism).code == 235
            client.mail("<alice@example.org>")
            assert str(client.rcpt(f"<{VICTIM}>")) == refusal(VICTIM)
            assert client.rcpt("<bob@example.org>").code == 250
            client.rset()
            client.mail("<boss@example.org>")
            assert client.rcpt("<bob@example.org>").code == 553


@pytest.mark.parametrize("name", ["valid", "second", "impostor"])
def test_certificate_after_a_login(bound: Bound, name: str) -> None:
    """A certificate opens, or does not, whether the MTA still knows of the login before it or not."""
    with bound.mta.smtp() as client:
        greet(client, "alice")
        assert client.starttls(*certificate(name)).code == 220
        greet(client)
        client.mail("<alice@example.org>")
        assert client.rcpt(f"<{VICTIM}>").code == (250 if name == "valid" else 554)


def test_certificate_of_a_proxy(bound: Bound) -> None:
    """On Postfix it opens for everyone whom the proxy passes on by XCLIENT; Sendmail has none."""
    with bound.mta.smtp("127.0.0.1") as client:
        greet(client)
        assert client.starttls(*certificate("valid")).code == 220
        greet(client)
        if bound.mta.name == "sendmail":
            assert client.xclient("203.0.113.7").code == 500
            return
        assert client.xclient("203.0.113.7").code == 220
        greet(client)
        client.mail("<a@example.net>")
        assert client.rcpt(f"<{VICTIM}>").code == 250


def test_line_is_enough_for_explain(bound: Bound) -> None:
    """What the daemon has decided so far, of all of these, is explained by the fields of its line, and is the same."""
    names = ("client", "helo", "login", "sender", "recipient", "rcpt_addr", "mechanism", "listener")
    rules = set()
    for line in bound.daemon.decisions():
        if line["rule"] == "lockdown":
            continue
        words = [
            f"--{name.replace('_', '-')}={line[name]}"
            for name in (*names, "cert_subject", "cert_issuer")
            if line.get(name) is not None
        ]
        told = json.loads(
            CliRunner().invoke(relaymilter, ["explain", *bound.flags, *words, "--json"], standalone_mode=False).stdout
        )
        assert [told[key] for key in ("verdict", "rule")] == [line["verdict"], line["rule"]]
        assert told["trail"][-1]["reason"] == line["reason"] or line["verdict"] == "permit"
        rules.add(line["rule"])
    assert rules >= {"no-rule", "sender-login", "deny-sender", "authorised-login", "certificate", "local-recipient"}


@pytest.mark.parametrize("kind", [Postfix, Sendmail], ids=["postfix", "sendmail"])
def test_fingerprint(kind: type[Mta], namespace: Namespace, folder: Path) -> None:
    """An entry with one is met by that very certificate, on Sendmail; Postfix tells none, so nobody meets it there."""
    der = ssl.PEM_cert_to_DER_cert(Path(certificate("valid").file).read_text())
    fingerprint = hashlib.sha256(der).digest().hex(":")
    names = "client.example.net|Example CA"
    if kind is Sendmail:
        names = "/O=Example/CN=client.example.net|/O=Example/CN=Example+20CA"
    extra = "define(`confCERT_FINGERPRINT_ALGORITHM', `sha256')dnl\n" if kind is Sendmail else ""
    flags = ("--local-domain", "example.org", "--certificate", f"{names}|{fingerprint}")
    other = f"{names}|{'00:' * 31}00"
    for number, (entry, expected) in enumerate([(flags[-1], 250 if kind is Sendmail else 554), (other, 554)]):
        daemon = Relaymilter(folder / f"d{number}", *flags[:-1], entry, "--runtime", "loop")
        settings = MtaSettings((daemon.milter,), extra=extra)
        with running(daemon), running(kind(namespace, folder / f"m{number}", settings)) as mta, mta.smtp() as client:
            greet(client)
            assert client.starttls(*certificate("valid")).code == 220
            greet(client)
            client.mail("<a@example.net>")
            assert client.rcpt(f"<{VICTIM}>").code == expected
