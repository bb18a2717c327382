"""What fail2ban makes of our log and of Postfix's: it bans who tries to relay, and nobody who has logged in.

The lines are those of real MTAs, and of our daemon as a file and as syslog has it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.lookups import waiting
from relaymilter.policy.guard.releasing import suspend
from tests.mta.dialogue import VICTIM
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, running, wait_for
from tests.rig.fail2ban import Fail2ban

STRANGER, OFFICE = "203.0.113.7", "198.51.100.7"
SPECIAL = "203.0.113.9"
FORGED = f"x relaymilter[1]: decision time=2026-11-24T04:22:52.605Z session=a-1 client={OFFICE} helo=x login=- "


@dataclass(frozen=True)
class Logs:
    """Of an MTA and of the daemon that closes it, after everybody has tried."""

    mta: Mta
    daemon: Relaymilter


@pytest.fixture(scope="module", params=[(Postfix, "loop", "json"), (Sendmail, "libmilter", "text")], ids=str)
def logs(request: pytest.FixtureRequest, namespace: Namespace, release_folder: Path) -> Iterator[Logs]:
    """A stranger tries to relay; in an office one is over a limit, one is suspended, and one writes to nobody."""
    kind, runtime, form = request.param
    folder = release_folder / f"fail2ban-{kind.name}"
    folder.mkdir()
    folder.chmod(0o711)
    ledger = folder / "ledger.db"
    flags = ("--local-domain", "example.org", "--local-domain", "mx.example.org", "--login-fold", "lower-local")
    limits = ("--ledger", f"sqlite:{ledger}", "--limit", "1 recipients/day per login", "--runtime", runtime)
    daemon = Relaymilter(folder / "d", *flags, *limits, "--log-format", form)
    with running(daemon), running(kind(namespace, folder / "mta", MtaSettings((daemon.milter,)))) as mta:
        with waiting.allowing():
            SqliteLedger(str(ledger)).update("login bob", int(time.time()), (), suspend(int(time.time()), 2**31))
        assert [554] * 2 == [said(mta, STRANGER, VICTIM), said(mta, SPECIAL, VICTIM, FORGED)]
        assert [250, 450] == [said(mta, OFFICE, f"v{number}@example.net", login="alice") for number in range(2)]
        assert 550 == said(mta, OFFICE, VICTIM, login="bob")
        assert 250 == said(mta, OFFICE, "bob@example.org")
        yield Logs(mta, daemon)


def said(mta: Mta, source: str, recipient: str, helo: str = "pc.example", login: str = "") -> int:
    """The code of the reply to RCPT."""
    with mta.smtp(source) as smtp:
        smtp.ehlo(helo)
        if login:
            assert smtp.auth(login).code == 235
        assert smtp.mail("<a@example.org>").code == 250
        code = smtp.rcpt(f"<{recipient}>").code
        smtp.quit()
        return code


@pytest.fixture
def fail2ban(tmp_path: Path) -> Fail2ban:
    """As Debian has it, and our files."""
    return Fail2ban(tmp_path)


def decided(logs: Logs) -> list[str]:
    """The lines of our log."""
    wait_for(lambda: "bob@example.org" in logs.daemon.log(), "all decisions are in the log")
    return [line for line in logs.daemon.log().splitlines() if line.startswith(("decision ", "{"))]


def test_our_filter(logs: Logs, fail2ban: Fail2ban, tmp_path: Path) -> None:
    """It finds those who tried to relay, each once, as a file has the lines, and as syslog has them.

    Nothing counts that another program says, nor what was decided in a dry run.
    """
    ours = decided(logs)
    prefixes = "", "Nov 24 18:00:00 mx relaymilter[12]: ", "2026-11-24T18:00:00.123456+00:00 mx relaymilter[12]: "
    dry = [re.sub(r'( reply="[^"]*")', r"\1 dry_run=yes", line) for line in ours]
    dry = [re.sub(r'("reply": "[^"]*")', r'\1, "dry_run": true', line) for line in dry]
    assert all("dry_run" in line for line in dry)
    others = [f"Nov 24 18:00:00 mx postfix/smtpd[12]: {line}" for line in ours]
    path = tmp_path / "log"
    path.write_text("\n".join([prefix + line for prefix in prefixes for line in ours] + dry + others) + "\n")
    assert [STRANGER, SPECIAL] * 3 == fail2ban.failures(path, "relaymilter")


def test_postfix_filter(logs: Logs, fail2ban: Fail2ban, tmp_path: Path) -> None:
    """fail2ban's own one bans who tried to relay, and never the office, for an owner over a limit or suspended."""
    if logs.mta.name != "postfix":  # nothing in Sendmail's log has the address of a client whom a milter refuses
        path = tmp_path / "log"
        path.write_text(logs.mta.log())
        assert [] == fail2ban.failures(path, "postfix")
        return
    refusals = "Relay access denied", "Sending limit reached for this account", "Account suspended for relaying"
    wait_for(lambda: all(text in logs.mta.log() for text in refusals), "every refusal is in the log")
    path = tmp_path / "log"
    path.write_text(logs.mta.log())
    for mode in ("", "[mode=aggressive]"):
        assert {STRANGER, SPECIAL} == set(fail2ban.failures(path, f"postfix{mode}"))


def test_jail(fail2ban: Fail2ban, tmp_path: Path) -> None:
    """It is sound, and has our filter and the log."""
    path = tmp_path / "mail.log"
    path.touch()
    said = fail2ban.jails(path)
    assert "['add', 'relaymilter', 'auto']" in said
    assert f"['set', 'relaymilter', 'addlogpath', '{path}', 'head']" in said
    assert "rule=no-rule" in said
    assert "['set', 'relaymilter', 'maxretry', 5]" in said
