"""relaymilter replay and learn, as an administrator runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.maillog.reading import STAMP
from tests.maillog.test_postfix import MESSAGE
from tests.rig.daemon import ROOT

STRANGER = MESSAGE.replace(", sasl_method=PLAIN, sasl_username=alice@example.org", "")


def stamped(log: str) -> str:
    """With time stamps."""
    return "".join(f"{STAMP}{line}\n" for line in log.splitlines())


def ran(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """`relaymilter COMMAND`."""
    return subprocess.run(
        [sys.executable, "-m", "relaymilter", *command],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A log of one message of a stranger, who is refused once."""
    (tmp_path / "mail.log").write_text(stamped(STRANGER))
    return str(tmp_path / "mail.log")


def test_json(log: str) -> None:
    """A line for each recipient, with what the log says and what we say."""
    done = ran("replay", log, "--json", "--local-domain", "example.org")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    common = {"time": "2026-11-24T18:23:07Z", "client": "192.0.2.7", "login": None, "sender": "<a@example.org>"}
    permitted = {"verdict": "permit", "rule": "local-recipient", "reason": "example.org is a local domain"}
    assert [
        common
        | {"recipient": "<v@example.com>", "log": "accepted"}
        | {"verdict": "reject", "rule": "no-rule", "reason": "no rule permits"},
        common | {"recipient": "<all@example.org>", "log": "accepted"} | permitted,
        common | {"recipient": "<no@example.org>", "log": "refused"} | permitted,
    ] == lines
    assert (0, "") == (done.returncode, done.stderr)


def test_in_words(log: str) -> None:
    """What would be refused, also from standard input; and lines to keep it."""
    done, piped = ran("replay", log), ran("replay", "-", stdin=stamped(STRANGER))
    assert done.stdout == piped.stdout
    assert "Accepted, and would be refused: 2 recipients" in done.stdout
    assert '    "example.org",' in ran("replay", log, "--suggest").stdout


def test_years_are_said(tmp_path: Path) -> None:
    """Which year was taken, where the time stamps have none."""
    (tmp_path / "log").write_text(stamped(STRANGER).replace("2026-11-24T18:23:07.5+00:00", "Nov 24 18:23:07"))
    os.utime(tmp_path / "log", (1_795_600_000, 1_795_600_000))
    said = ran("replay", str(tmp_path / "log")).stdout.splitlines()
    assert f"{tmp_path}/log: its time stamps have no year: taken to begin in 2026" == said[0]
    assert said[1].startswith("From 2026-11-24T")
    assert ran("replay", str(tmp_path / "log"), "--year", "2020").stdout.splitlines()[1].startswith("From 2020-11-24T")


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        pytest.param(["replay"], 64, "relaymilter replay: Missing argument", id="no log"),
        pytest.param(["replay", "LOG", "--json", "--suggest"], 64, "give --json or --suggest, not both", id="both"),
        pytest.param(["replay", "LOG", "--local-network", "x"], 64, "--local-network", id="a wrong flag"),
        pytest.param(["replay", "README.rst"], 65, "README.rst: no line of a mail log", id="no log"),
        pytest.param(["replay", "/nowhere"], 74, "/nowhere: No such file", id="no file"),
        pytest.param(["learn", "LOG"], 64, "--ledger: name the one that the daemon uses", id="no ledger"),
        pytest.param(["learn", "LOG", "--ledger", "memory:"], 64, "--ledger: name the one", id="in memory"),
    ],
)
def test_mistakes(log: str, command: list[str], status: int, said: str) -> None:
    """Are one line, and a status of sysexits.h."""
    done = ran(*(log if word == "LOG" else word for word in command))
    assert (status, "") == (done.returncode, done.stdout)
    assert said in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_learn(tmp_path: Path) -> None:
    """The ledger knows the login afterwards, with what it sent and from where."""
    (tmp_path / "log").write_text(stamped(MESSAGE))
    (tmp_path / "d").mkdir(mode=0o700)
    ledger = ("--ledger", f"sqlite:{tmp_path}/d/ledger.db", "--local-domain", "example.org")
    done = ran("learn", str(tmp_path / "log"), *ledger)
    assert (0, "Recipients learned: 1, of logins: 1\n", "") == (done.returncode, done.stdout, done.stderr)
    known = json.loads(ran("logins", "show", "alice@example.org", "--json", *ledger[:2]).stdout)
    assert ("2026-11-24T18:23:07Z", "192.0.2.0/24") == (known["first"], known["networks"][0]["network"])
