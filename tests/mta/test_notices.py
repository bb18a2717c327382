"""A login that is suspended beside the daemon, and the notice of one that is throttled, through real MTAs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mta.dialogue import VICTIM, begin, local_delivery
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, Smtp, running

ROOT = Path(__file__).resolve().parents[2]
SUSPENDED = "550 5.7.1 <{}>: Account suspended for relaying"
OVER = "450 4.7.1 <{}>: Sending limit reached for this account"


@dataclass(frozen=True)
class Guarded:
    """An MTA, the daemon that closes it, and the ledger."""

    mta: Mta
    daemon: Relaymilter
    ledger: str

    def logins(self, *words: str) -> str:
        """What `relaymilter logins` prints."""
        command = [sys.executable, "-m", "relaymilter", "logins", *words, "--ledger", self.ledger]
        return subprocess.run(
            [*command, "--login-fold", "local"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout

    def said(self, reply: str, recipient: str = VICTIM) -> str:
        """What a client reads where Sendmail names the recipient by itself."""
        text = reply.format(recipient)
        return text if self.mta.name == "postfix" else text.replace(">:", ">...")


@pytest.fixture(params=[(Postfix, "loop"), (Sendmail, "libmilter")], ids=["postfix", "sendmail"])
def guarded(request: pytest.FixtureRequest, namespace: Namespace, folder: Path) -> Iterator[Guarded]:
    """Each MTA, one on each runtime; notices go to root, by the MTA that is closed itself."""
    kind, runtime = request.param
    (folder / "d").mkdir()
    mta = kind(namespace, folder / "mta", MtaSettings((f"unix:{folder}/d/milter",)))
    ledger = f"sqlite:{folder}/ledger.db"
    flags = (
        *("--local-domain", "example.org", "--runtime", runtime, "--ledger", ledger, "--login-fold", "local"),
        *("--local-network", mta.address, "--limit", "2 recipients/day per login"),
        *("--notify-mail", "root@example.org", "--notify-server", f"inet:25@{mta.address}"),
    )
    daemon = Relaymilter(folder / "d", *flags, namespace=namespace)
    with running(daemon), running(mta):
        yield Guarded(mta, daemon, ledger)


def test_suspended_beside_the_daemon(guarded: Guarded) -> None:
    """It is refused at the next recipient, within a message, and passes after its release."""
    with guarded.mta.smtp(port=587) as client:
        begin(client, "alice")
        assert client.rcpt("<first@example.com>").code == 250
        assert guarded.logins("suspend", "alice@mx.example.org") == "alice: suspended, was good\n"
        assert str(client.rcpt(f"<{VICTIM}>")) == guarded.said(SUSPENDED)
        assert client.rcpt("<postmaster@example.org>").code == 250
        assert guarded.logins("release", "ALICE") == "alice: released, was suspended\n"
        assert client.rcpt(f"<{VICTIM}>").code == 250


def test_notice_by_mail(guarded: Guarded) -> None:
    """It arrives, through the MTA and the milter that gives it, and once."""
    with guarded.mta.smtp(port=587) as client:
        begin(client, "alice")
        said = [over(client, number) for number in range(5)]
    assert said == ["250", "250", *(guarded.said(OVER, f"v{number}@example.com") for number in (2, 3, 4))]
    guarded.mta.wait_delivered(local_delivery(guarded.mta, "root"))
    assert guarded.daemon.log().count("is throttled") == 1
    assert guarded.mta.delivered().count(local_delivery(guarded.mta, "root")) == 1


def over(client: Smtp, number: int) -> str:
    """The reply to another recipient; 250 where it is accepted."""
    reply = client.rcpt(f"<v{number}@example.com>")
    return "250" if reply.code == 250 else str(reply)
