"""What is laid open of a login, and what an administrator does to it."""

from __future__ import annotations

import pytest

from relaymilter.audit.logins.accounts import Count, Stand, account, accounts, network_text
from relaymilter.audit.logins.standings import Outcome, forget_login, release_login, subject_of, suspend_login
from relaymilter.ledger.memory import MemoryLedger
from relaymilter.policy.guard.footprint import DAY, networks_of
from relaymilter.policy.guard.history import Cause, Standing
from relaymilter.policy.guard.limits import parse_limit
from relaymilter.policy.guard.novelty import Novelty
from relaymilter.policy.guard.standing import Terms
from relaymilter.policy.logins import Fold
from relaymilter.policy.networks import parse_address
from tests.policy.lives import BOT, HOME, HOTEL, START, THIEF, Life

TERMS = Terms((parse_limit("500 recipients/day"), parse_limit("60 messages/10 minutes")))
BOUND = Terms(TERMS.limits, Novelty(new=300, strange=20, networks=None, suspend=8))


def stolen(terms: Terms = BOUND) -> Life:
    """A login that was used for three weeks, and then by a thief until it was suspended."""
    life = Life(terms).settles()
    life.strangers(30, THIEF, BOT, apart=10)
    return life


def of(life: Life, terms: Terms = BOUND) -> tuple[Stand, dict[tuple[str, str], Count]]:
    """How a login stands, and its counts by unit and period."""
    found = account(life.ledger, "login a", terms, life.now)
    assert found is not None
    return found.stand, {(count.unit, count.period): count for count in found.counts}


@pytest.mark.parametrize(
    ("address", "narrow", "wide"),
    [
        ("192.0.2.77", "192.0.2.0/24", "192.0.0.0/16"),
        ("2001:db8:1:2::3", "2001:db8:1::/48", "2001:db8::/32"),
        ("", "unknown", "unknown"),
    ],
    ids=["IPv4", "IPv6", "none"],
)
def test_networks(address: str, narrow: str, wide: str) -> None:
    """A network is named as it is written."""
    found = networks_of(parse_address(address) if address else None)
    assert (narrow, wide) == (network_text(found.narrow), network_text(found.wide))


def test_nothing_is_known() -> None:
    """Of a login that was never heard of."""
    assert account(MemoryLedger(), "login a", TERMS, START) is None


def test_a_login_that_stands_well() -> None:
    """Since when it is known, what it has sent beside its limits, from where, and how many it remembers."""
    life = Life(TERMS).settles()
    life.friends(7, HOTEL)
    found = account(life.ledger, "login a", TERMS, life.now)
    assert found is not None
    assert ("a", Stand(Standing.GOOD, found.first, Cause.NONE, 0)) == (found.login, found.stand)
    assert {Count("recipients", "day", 7, 500), Count("messages", "10 minutes", 7, 60)} <= set(found.counts)
    assert Count("new-recipients", "day", 0, 200) in found.counts
    assert ("203.0.113.0/24", False, 1) == found.networks[0][:3]
    assert ("192.0.2.0/24", True) in [network[:2] for network in found.networks]
    assert found.networks[0].last == life.now
    assert 42 == found.remembered


def test_a_limit_for_each_unit_that_has_one() -> None:
    """Where a threshold is left out there is none; an own one counts."""
    _, counts = of(stolen())
    assert 300 == counts["new-recipients", "day"].most
    assert counts["networks", "hour"].most is None
    assert counts["refused", "day"][2:] == (8, 8)
    assert counts["strangeness", "day"][2:] == (100, 100)


def test_a_login_that_was_suspended() -> None:
    """Since when, why, and with what evidence, also when its windows have long passed."""
    life = stolen()
    since = life.history.since
    life.now += 40 * DAY
    found = account(life.ledger, "login a", BOUND, life.now)
    assert found is not None
    assert Stand(Standing.SUSPENDED, since, Cause.NOVELTY, 0) == found.stand
    assert (20, 8) == (found.evidence.recipients, found.evidence.refused)


def test_a_throttle_ends_by_itself() -> None:
    """Then the login is said to stand well, though nobody has written so."""
    life = Life(Terms((parse_limit("5 recipients/hour"),)))
    life.strangers(6)
    assert Standing.THROTTLED is of(life)[0].standing
    assert life.now + DAY == of(life)[0].until
    life.now += DAY
    assert Standing.GOOD is of(life)[0].standing
    assert Outcome.GOOD_ALREADY is release_login(life.ledger, "login a", life.now)[0]


def test_all_of_a_prefix() -> None:
    """By name, with how each stands."""
    ledger = MemoryLedger()
    for name in ("bob", "ann", "bo", "anna"):
        suspend_login(ledger, f"login {name}", START)
    assert ["bo", "bob"] == [name for name, _ in accounts(ledger, "bo", START)]
    assert ["ann", "anna", "bo", "bob"] == [name for name, found in accounts(ledger, "", START) if found.standing]


def test_suspend_and_release() -> None:
    """Each says what it changed, and how the login stood before; a second time nothing is changed."""
    ledger = MemoryLedger()
    assert (Outcome.UNKNOWN, None) == release_login(ledger, "login a", START)
    assert (Outcome.SUSPENDED, None) == suspend_login(ledger, "login a", START)
    outcome, before = suspend_login(ledger, "login a", START + 9)
    assert Outcome.SUSPENDED_ALREADY is outcome
    assert Stand(Standing.SUSPENDED, START, Cause.ADMINISTRATOR, 0) == before
    assert Outcome.RELEASED is release_login(ledger, "login a", START + 9)[0]
    assert Outcome.GOOD_ALREADY is release_login(ledger, "login a", START + 9)[0]
    assert Outcome.SUSPENDED is suspend_login(ledger, "login a", START + 9)[0]


def test_forget() -> None:
    """Everything is gone, also what was remembered."""
    life = stolen()
    outcome, before = forget_login(life.ledger, "login a", life.now)
    assert before is not None
    assert (Outcome.FORGOTTEN, Standing.SUSPENDED) == (outcome, before.standing)
    assert (Outcome.UNKNOWN, None) == forget_login(life.ledger, "login a", life.now)
    assert 0 == life.ledger.remembered("login a", life.now)
    assert ["GOOD"] == life.strangers(1, HOME)


def test_subject_of_a_long_name() -> None:
    """A name as it is listed, cut and with a hash at its end, stands for itself; else a long name is cut."""
    ledger, name = MemoryLedger(), "A" * 400
    subject = subject_of(ledger, name, Fold.EXACT, START)
    suspend_login(ledger, subject, START)
    listed = subject.removeprefix("login ")
    assert len(listed) < 300
    assert subject == subject_of(ledger, listed, Fold.EXACT, START)
    assert subject_of(ledger, listed, Fold.EXACT, START) != subject_of(MemoryLedger(), listed, Fold.EXACT, START)
    assert "login alice" == subject_of(ledger, "ALICE@example.org", Fold.LOCAL, START)
