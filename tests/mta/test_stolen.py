"""A stolen login on real MTAs: a botnet gets little out, the owner goes on writing, and fail2ban locks nobody out.

The history of the login is made by the policy itself, with the clock of the last weeks; then the daemon goes by it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from relaymilter.files.secret import make_secret
from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.lookups import waiting
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import client, request
from relaymilter.policy.guard.charges import Charges
from relaymilter.policy.guard.history import Standing
from relaymilter.policy.guard.releasing import release
from relaymilter.policy.logins import Fold
from relaymilter.policy.recipients import Ours
from tests.mta.dialogue import VICTIM
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Reply, Sendmail, running, wait_for

HOME, HOTEL = "192.0.2.7", "198.51.100.7"
BOTS = [f"100.{64 + number}.{number}.7" for number in range(60)]
"""Each in another network, and none in a wider one of another."""
LAPTOP = "laptop.alice.example"
FRIENDS = [f"friend{number}@example.com" for number in range(12)]
DAYS = 21

# fail2ban 1.0.2, filter.d/postfix.conf: mdpr-normal and mdre-normal, the ones of its default mode.
FAIL2BAN = re.compile(
    r"\w+: (?:milter-)?reject: "
    r"[A-Z]{4} from [^[]*\[\S+\](?::\d+)?: [45][50][04] [45]\.\d\.\d+ (?:(?:<[^>]*>)?: )?"
    r"(?:(?:Helo command|(?:Sender|Recipient) address) rejected: )?"
    r"(?:Service unavailable|(?:Client host|Command|Data command) rejected|Relay access denied|"
    r"(?:Host|Domain) not found|need fully-qualified hostname|match|[Uu](?:ser unknown|ndeliverable address))\b"
)


@dataclass(frozen=True)
class Guarded:
    """An MTA, the daemon that closes it, and the ledger that this goes by."""

    mta: Mta
    daemon: Relaymilter
    ledger: Path

    def reads(self, text: str, recipient: str) -> str:
        """What a client reads: Sendmail names the recipient by itself."""
        code, status, words = text.split(" ", 2)
        mark = ":" if self.mta.name == "postfix" else "..."
        return f"{code} {status} <{recipient}>{mark} {words}"


def learned(path: Path) -> None:
    """A login that has written to a dozen people from home and its own laptop, each day for three weeks."""
    now = time.time() - DAYS * 86_400
    charges = Charges(
        ledger=SqliteLedger(str(path)),
        spare=SqliteLedger(str(path)),
        key=make_secret(Path(f"{path}.key")),
        clock=lambda: now,
        ours=Ours(DomainList(frozenset({"example.org"}))),
        fold=Fold.LOWER_LOCAL,
    )
    with waiting.allowing():
        for _ in range(DAYS):
            now += 86_400 - 60
            for friend in FRIENDS:
                now += 5
                asked = request(client(HOME), f"<{friend}>".encode(), login="alice", helo=LAPTOP.encode())
                assert charges.judge(asked).standing is Standing.GOOD


@pytest.fixture(scope="module", params=[(Postfix, "loop"), (Sendmail, "libmilter")], ids=["postfix", "sendmail"])
def guarded(request: pytest.FixtureRequest, namespace: Namespace, release_folder: Path) -> Iterator[Guarded]:
    """Each MTA, one on each runtime, and addresses for a botnet."""
    kind, runtime = request.param
    folder = release_folder / f"guarded-{kind.name}"
    folder.mkdir()
    folder.chmod(0o711)
    learned(folder / "ledger.db")
    if "100.64.0.0" not in namespace.run("ip", "route", "show", "table", "local"):
        namespace.run("ip", "route", "add", "local", "100.64.0.0/10", "dev", "lo")
    flags = ("--local-domain", "example.org", "--local-domain", "mx.example.org", "--login-fold", "lower-local")
    daemon = Relaymilter(folder / "d", *flags, "--ledger", f"sqlite:{folder}/ledger.db", "--runtime", runtime)
    with running(daemon), running(kind(namespace, folder / "mta", MtaSettings((daemon.milter,)))) as mta:
        yield Guarded(mta, daemon, folder / "ledger.db")


def sends(guarded: Guarded, recipient: str, source: str, helo: str, login: str = "alice") -> Reply:
    """A message to one recipient: what is said to RCPT."""
    with guarded.mta.smtp(source) as smtp:
        smtp.ehlo(helo)
        assert smtp.auth(login).code == 235
        assert smtp.mail("<alice@example.org>").code == 250
        reply = smtp.rcpt(f"<{recipient}>")
        if reply.code == 250:
            assert smtp.message().code == 250
        return reply


def test_a_botnet_is_contained_and_the_owner_goes_on(guarded: Guarded) -> None:
    """Sixty addresses with one password; then the login is suspended, and only mailboxes of ours are reached."""
    limit = "450 4.7.1 Sending limit reached for this account"
    replies: list[Reply] = []
    for number, bot in enumerate(BOTS):
        stranger = f"stranger{number}@example.net"
        replies.append(sends(guarded, stranger, bot, f"bot{number}.example"))
        if replies[-1].code == 550:
            break
        if replies[-1].code == 450:
            assert guarded.reads(limit, stranger) == str(replies[-1])
            assert 250 == sends(guarded, FRIENDS[number % 12], HOME, LAPTOP).code
            assert 250 == sends(guarded, "bob@example.org", bot, "bot.example").code
    codes = [reply.code for reply in replies]
    assert 1 <= codes.count(250) <= 20
    assert codes == sorted(codes)
    assert guarded.reads("550 5.7.1 Account suspended for relaying", stranger) == str(replies[-1])
    for ours in ("bob@example.org", "postmaster@example.org", "postmaster"):
        assert 250 == sends(guarded, ours, bot, "bot.example").code
    log = guarded.daemon.log()
    assert 1 == log.count("WARNING: login alice is throttled: too much that is new at once in a day; ")
    assert 1 == log.count("WARNING: login alice is suspended: ")
    told = guarded.daemon.wait_decision(recipient=f"<{stranger}>")
    assert ("reject", "ledger") == (told["verdict"], told["rule"])
    assert 550 == sends(guarded, FRIENDS[0], HOME, LAPTOP).code
    assert 250 == sends(guarded, VICTIM, HOME, LAPTOP, login="bob").code
    with waiting.allowing():
        assert SqliteLedger(str(guarded.ledger)).update("login alice", int(time.time()), (), release(int(time.time())))
    assert 250 == sends(guarded, FRIENDS[0], HOTEL, LAPTOP).code
    if guarded.mta.name == "postfix":  # the log of Sendmail has no address of a client whom a milter refuses
        assert {"Relay access denied"} == locked_out(guarded.mta)


def locked_out(mta: Mta) -> set[str]:
    """By which of its refusals fail2ban would lock out an address; one of a stranger is among them."""
    with mta.smtp("203.0.113.7") as smtp:
        smtp.ehlo()
        smtp.mail()
        assert 554 == smtp.rcpt("<stranger@example.com>").code
    texts = ("Relay access denied", "Sending limit reached for this account", "Account suspended for relaying")
    wait_for(lambda: all(text in mta.log() for text in texts), "every refusal is in the log")
    refused = [line for line in mta.log().splitlines() if "milter-reject" in line]
    return {text for text in texts for line in refused if text in line and FAIL2BAN.search(line)}
