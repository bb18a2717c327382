"""relaymilter logins as a user has it: what it prints, whatever a login is called, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relaymilter.audit.logins.standings import suspend_login
from relaymilter.cli.logins import logins
from relaymilter.ledger import schema
from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.lookups import waiting
from relaymilter.policy.guard.footprint import DAY
from relaymilter.policy.guard.standing import Terms, judge
from relaymilter.policy.ports import Change
from tests.policy.lives import HOME, HOTEL, THIEF, sent

HOSTILE = "e\x1b[0m\n\u202e\0é\\"
ESCAPED = r"e\x1b[0m\x0a\xe2\x80\xae\x00\xc3\xa9\\"


@contextmanager
def opened(folder: Path) -> Iterator[SqliteLedger]:
    """A ledger there."""
    ledger = SqliteLedger(f"{folder}/ledger.db")
    with waiting.allowing():
        yield ledger
    ledger.close()


def run(*words: str, folder: Path | None = None) -> Result:
    """The command, with the ledger of this folder, if any."""
    where = () if folder is None else ("--ledger", f"sqlite:{folder}/ledger.db")
    return CliRunner().invoke(logins, [*words, *where], standalone_mode=False)


def fill(folder: Path) -> None:
    """Alice, who is suspended, and one who is called so that a terminal would be driven by it."""
    now = int(time.time())
    with opened(folder) as ledger:
        for day, network in enumerate((HOME, HOME, HOME, HOME, HOTEL)):
            this = sent("r", network)
            ledger.update("login alice", now, this.asks, judge(Terms(), this, True, now - (4 - day) * DAY))
        this = sent("r", THIEF)
        ledger.update(f"login {HOSTILE}", now, this.asks, judge(Terms(), this, True, now))
        suspend_login(ledger, "login alice", now)


def test_list_is_a_table(folder: Path) -> None:
    """No name drives the terminal, or makes a second line."""
    fill(folder)
    found = run("list", folder=folder)
    heading, alice, hostile = found.stdout.splitlines()
    assert ["LOGIN", "STANDING", "SINCE", "CAUSE"] == heading.split()
    assert ["alice", "suspended"] == alice.split()[:2]
    assert alice.endswith("Z  an administrator")
    assert [ESCAPED, "good"] == hostile.split()[:2]
    assert all(line.isprintable() and line.isascii() for line in found.stdout.splitlines())
    assert alice.index("suspended") == hostile.index("good") == heading.index("STANDING")


def test_json_has_names_as_they_are(folder: Path) -> None:
    """In ASCII all the same."""
    fill(folder)
    found = run("list", "--json", "--prefix", "E", folder=folder)
    assert found.stdout.isascii()
    assert [HOSTILE] == [each["login"] for each in json.loads(found.stdout)]


def test_show(folder: Path) -> None:
    """Standing, networks and counts, in lines."""
    fill(folder)
    lines = run("show", "Alice", folder=folder).stdout.splitlines()
    assert ["login       alice", "standing    suspended (an administrator)"] == lines[:2]
    assert "remembers   3 correspondents and programs" in lines
    [home] = [line for line in lines if "192.0.2.0/24" in line]
    [hotel] = [line for line in lines if "203.0.113.0/24" in line]
    assert [["known", "3"], ["new", "1"]] == [home.split()[1:3], hotel.split()[1:3]]
    assert any(line.split()[:3] == ["new-recipients/day", "0", "of"] for line in lines)


def test_the_file_is_looked_at_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open and close it while SQLite has it open in the same process would end SQLite's locks on it."""
    fill(folder)
    opened = list[str]()
    for name in ("look", "connect"):
        monkeypatch.setattr(schema, name, partial(_noting, opened, name, getattr(schema, name)))
    assert 67 == run("show", "x" * 300, "--limit", "5 recipients/day", folder=folder).return_value
    assert opened.index("connect") == opened.count("look") >= 2


def _noting(opened: list[str], name: str, function: Callable[[str], object], path: str) -> object:
    opened.append(name)
    return function(path)


def test_a_name_as_it_is_listed_is_taken(folder: Path) -> None:
    """So that it can be copied."""
    fill(folder)
    found = run("suspend", ESCAPED, folder=folder)
    assert (0, f"{ESCAPED}: suspended, was good\n") == (found.return_value, found.stdout)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("list",), 64, "logins list: --ledger: none is named"),
        (("list", "--ledger", "memory:"), 64, "memory: is in the memory of the daemon alone"),
        (("list", "--ledger", "sqlite:/nowhere/l.db"), 64, "/nowhere/l.db: there is no folder /nowhere"),
        (("list", "--ledger", "sqlite:/var/tmp/no-ledger.db"), 64, "there is no /var/tmp/no-ledger.db: the daemon"),
        (("list", "--ledger", "nothing"), 64, "'nothing' is no ledger"),
        (("list", "-c", "/nowhere.toml"), 78, "/nowhere.toml: No such file"),
    ],
    ids=["none", "memory", "no folder", "no file", "no ledger", "no configuration"],
)
def test_no_ledger(words: tuple[str, ...], status: int, message: str) -> None:
    """Nothing is made, and it is said what is wrong."""
    found = run(*words)
    assert (status, True) == (found.return_value, message in found.output)
    assert not Path("/var/tmp/no-ledger.db").exists()


def test_a_file_with_mistakes_is_enough(folder: Path) -> None:
    """To suspend; only the limits cannot be shown."""
    fill(folder)
    path = folder / "r.toml"
    path.write_text(f'ledger = "sqlite:{folder}/ledger.db"\nlogin-fold = "local"\nlimit = ["many"]\nmistake = 7\n')
    found = run("suspend", "bob@example.org", "-c", str(path))
    assert (0, "bob: suspended\n") == (found.return_value, found.stdout)
    found = run("show", "bob", "-c", str(path))
    assert 0 == found.return_value
    assert "warning: limits are not shown:" in found.output
    assert "no such key" in found.output
    assert "standing    suspended" in found.stdout


def test_a_ledger_that_does_not_answer(folder: Path) -> None:
    """Is said in a line."""
    path = folder / "redis.toml"
    path.write_text(f'url = "unix://{folder}/nobody"\n')
    path.chmod(0o600)
    found = run("release", "alice", "--ledger", f"redis:{path}")
    assert (69, 1) == (found.return_value, len(found.output.splitlines()))


def test_a_damaged_record(folder: Path) -> None:
    """Too, and the others can be reached."""
    now = int(time.time())
    with opened(folder) as ledger:
        ledger.update("login alice", now, (), lambda past: Change(None, b"\x63damaged", now + DAY))
    found = run("show", "alice", folder=folder)
    assert (69, True) == (found.return_value, "a record in the ledger is of version 99" in found.output)
    assert ["alice", "unreadable"] == run("list", folder=folder).stdout.splitlines()[1].split()
    assert "alice: forgotten\n" == run("forget", "alice", folder=folder).stdout
