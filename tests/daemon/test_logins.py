"""relaymilter logins beside a daemon that serves, on the ledgers that others can look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .process import Daemon
from .test_ledger import OVER, SUSPENDED, ask, fleet, guarded, sqlite
from .test_status import asked

LIMIT = ("--limit", "3 recipients/day per login")


@pytest.fixture(params=["sqlite", "redis"])
def served(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Daemon, str]]:
    """A daemon of two workers, and the name of its ledger."""
    if request.param == "sqlite":
        with guarded(folder, *LIMIT, "--workers", "2") as daemon:
            yield daemon, sqlite(folder)
        return
    with (
        fleet(folder) as ledger,
        guarded(folder, *LIMIT, "--workers", "2", "--ledger-key", f"{folder}/key", ledger=ledger) as daemon,
    ):
        yield daemon, ledger


def logins(ledger: str, *words: str) -> tuple[int, Any]:
    """Exit status, and what was printed as JSON."""
    code, text, _ = asked("logins", *words, "--json", "--ledger", ledger)
    return code, [json.loads(line) for line in text.splitlines()] if words[0] not in ("list", "show") else json.loads(
        text
    )


def test_suspend_and_release(served: tuple[Daemon, str]) -> None:
    """From the next recipient on, each; others are not touched; and each command says what it changed."""
    daemon, ledger = served
    assert ["continue", "continue"] == [ask(daemon), ask(daemon, login=b"bob")]
    code, [outcome] = logins(ledger, "suspend", "ALICE")
    assert (0, "alice", "suspended") == (code, outcome["login"], outcome["outcome"])
    assert "good" == outcome["before"]["standing"]
    assert [SUSPENDED, SUSPENDED, "continue"] == [ask(daemon), ask(daemon), ask(daemon, login=b"bob")]
    code, outcomes = logins(ledger, "release", "alice", "bob")
    assert (0, ["released", "good_already"]) == (code, [each["outcome"] for each in outcomes])
    assert "continue" == ask(daemon)


def test_list_and_show(served: tuple[Daemon, str]) -> None:
    """What the daemon has counted, beside the limits of its configuration."""
    daemon, ledger = served
    assert ["continue", "continue", "continue", OVER] == [ask(daemon) for _ in range(4)]
    assert "continue" == ask(daemon, login=b"al")
    _, every = logins(ledger, "list")
    assert [("al", "good", None), ("alice", "throttled", "a limit")] == [
        (each["login"], each["standing"], each["cause"]) for each in every
    ]
    assert ["alice"] == [each["login"] for each in logins(ledger, "list", "--standing", "throttled")[1]]
    assert ["alice"] == [each["login"] for each in logins(ledger, "list", "--prefix", "ALI")[1]]
    key = () if ledger.startswith("sqlite") else ("--ledger-key", f"{daemon.folder}/key")
    code, found = logins(ledger, "show", "alice", *LIMIT, *key)
    assert (0, "throttled", 3) == (code, found["standing"], found["remembered"])
    assert {"unit": "recipients", "period": "day", "total": 3, "most": 3} in found["counts"]
    assert ["203.0.113.0/24", "203.0.0.0/16"] == [network["network"] for network in found["networks"]]
    assert 67 == asked("logins", "show", "nobody", "--ledger", ledger)[0]


def test_forget(served: tuple[Daemon, str]) -> None:
    """As if it had never sent."""
    daemon, ledger = served
    assert ["continue", "continue", "continue", OVER] == [ask(daemon) for _ in range(4)]
    code, outcomes = logins(ledger, "forget", "alice", "nobody")
    assert (67, ["forgotten", "unknown"]) == (code, [each["outcome"] for each in outcomes])
    assert "continue" == ask(daemon)
