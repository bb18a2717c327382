"""What logins may send, as it is written: limits with their units, thresholds that can be left out, and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.config.guard import GuardSettings
from relaymilter.policy.guard.limits import parse_limit
from relaymilter.policy.guard.novelty import Novelty

from .written import problems, reading, settings


def guard(**given: str | tuple[str, ...]) -> GuardSettings:
    """With a ledger in memory."""
    found = settings(ledger="memory:", **given).policy.guard
    assert found is not None
    return found


def test_without_a_ledger_nothing_is_limited() -> None:
    """And what would limit is warned of."""
    assert settings().policy.guard is None
    warnings = reading(limit="5 recipients/day", suspend_after="9/day").warnings
    assert ("--limit: has no effect without ledger", "--suspend-after: has no effect without ledger") == warnings


def test_a_ledger_alone_is_enough() -> None:
    """The thresholds are those that the simulator was tuned for."""
    found = guard()
    assert (Novelty(), (), (), None) == (found.novelty, found.of_logins, found.of_others, found.named)


def test_every_threshold_can_be_left_out() -> None:
    """By a word of its own."""
    none = {"new_recipients": "none", "new_recipients_from_new_network": "none", "networks_per_login": "none"}
    assert Novelty(None, None, None, None) == guard(**none, suspend_after="none").novelty


def test_limits_of_logins_and_of_others() -> None:
    """Several of each; without a word whose it is, it is a login's."""
    found = guard(limit=("5 recipients/day", "6 messages/hour per login", "7 recipients/day in all"))
    assert found.of_logins == (parse_limit("5 recipients/day"), parse_limit("6 messages/hour"))
    assert found.of_others == (parse_limit("7 recipients/day in all"),)


def test_named_logins() -> None:
    """In every case; `unlimited` is no limit at all."""
    found = guard(login_limits=("News@A.test 9 recipients/hour, 8 recipients/day", "bot unlimited")).named
    assert found is not None
    limits = (parse_limit("9 recipients/hour"), parse_limit("8 recipients/day"))
    assert {"news@a.test": limits, "bot": ()} == dict(found.known)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": "5/day"}, "--limit: '5/day' is no limit: give one such as '500 recipients/day per login'"),
        ({"limit": ("5 recipients/day", "5 recipients/day")}, "--limit: '5 recipients/day' is given twice"),
        (
            {"limit": tuple(f"{number} recipients/day" for number in range(9))},
            "--limit: there are more than 8 limits per login",
        ),
        ({"login_limits": "a"}, "--login-limits: 'a' has no value: give a key, a blank, and the value"),
        (
            {"login_limits": "a 5 recipients/day per client"},
            "--login-limits: the limits of a login can only be per login",
        ),
        (
            {"new_recipients": "20"},
            "--new-recipients: '20' is no threshold: give 1/day to 1000000/day, or none",
        ),
        (
            {"networks_per_login": "0/hour"},
            "--networks-per-login: '0/hour' is no threshold: give 1/hour to 1000000/hour, or none",
        ),
        ({"login_administrator": "*@a.test"}, "has a wildcard: @a.test stands for every mailbox there"),
        ({"ledger_key": "none"}, "--ledger-key: none: there is none"),
    ],
)
def test_mistakes(given: dict[str, str | tuple[str, ...]], message: str) -> None:
    """Each with its place, and what to write instead."""
    (problem,) = problems(ledger="memory:", **given)
    assert message in problem


@pytest.mark.parametrize(
    ("ledger", "message"),
    [
        ("file:x", "--ledger: 'file:x' is no ledger: give memory:, sqlite:/PATH/ledger.db, or redis:/PATH/ledger.toml"),
        ("sqlite:x.db", "--ledger: sqlite:x.db: the path is not absolute"),
        ("redis:none.toml", "--ledger: none.toml: No such file or directory"),
    ],
)
def test_no_ledger(ledger: str, message: str) -> None:
    """The name alone is looked at, and what describes it."""
    assert [message] == problems(ledger=ledger)


def test_the_key_of_sqlite_is_made_beside_it() -> None:
    """Once, of random octets, and for nobody else to read."""
    path = Path("ledger.db.key").absolute()
    ledger = f"sqlite:{path.with_suffix('')}"
    first, again = (settings(ledger=ledger).policy.guard for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.key == again.key == path.read_bytes().strip()
    assert (64, 0o600) == (len(first.key), path.stat().st_mode & 0o777)


def test_the_key_of_a_fleet_is_given() -> None:
    """Each host would else make another, and take every recipient for new."""
    (problem,) = problems(ledger="redis:one.toml")
    assert problem.startswith(
        "--ledger: a ledger that several hosts share needs ledger-key, the same on each: make one"
    )
    (problem,) = problems(ledger="redis:one.toml", ledger_key="none")
    assert problem.startswith("--ledger-key: none: there is none: make one with `head -c 32 /dev/urandom`")
    found = settings(ledger="valkey:one.toml", ledger_key="one.key").policy.guard
    assert found is not None
    assert b"one-----------------------------" == found.key


def test_changes_of_several_subjects_wait() -> None:
    """All of them are made, or none: where a thread may not wait, none is begun."""
    path = Path("ledger.db").absolute()
    found = [settings(ledger=f"sqlite:{path}", limit=limit).policy.guard for limit in (_OF_LOGIN, _OF_CLIENT)]
    assert [False, True] == [each is not None and each.ledger._patient for each in found]  # type: ignore[attr-defined]


_OF_LOGIN, _OF_CLIENT = "5 recipients/day per login", "5 recipients/day per client"
