"""What was sent without the ledger is charged when it is back, within bounds."""

from __future__ import annotations

import pytest

from relaymilter.policy.guard.footprint import DAY
from relaymilter.policy.guard.history import Unit, decode
from relaymilter.policy.guard.novelty import HOUR
from relaymilter.policy.guard.owed import HOURS, LOGINS, Owed, charge_owed
from relaymilter.policy.guard.releasing import suspend
from relaymilter.policy.ports import LookupFailed, MustWait
from tests.policy.lives import START
from tests.policy.maps import asks

from .test_charges import JOE, Shop, limits

DOWN = LookupFailed("the ledger is down")


def test_is_charged_before_the_next_recipient() -> None:
    """So the limit holds exactly, also for one who is ordinary."""
    shop = Shop("10 recipients/day per login", "100 recipients/day per client")
    assert ["NoOpinion"] * 4 == shop.says(4, JOE)
    shop.ledger.problem = DOWN
    assert ["NoOpinion"] * 3 == shop.says(3, JOE)
    shop.ledger.problem = None
    assert ["NoOpinion"] * 3 + ["Defer"] == shop.says(4, JOE)
    assert 10 == shop.charged("login joe")


def test_who_is_refused_or_has_no_login_owes_nothing() -> None:
    """Twenty pass without the ledger, and so many are charged."""
    shop = Shop("100 recipients/day per login")
    shop.ledger.problem = DOWN
    assert ["NoOpinion"] * 20 + ["Defer"] == shop.says(21, JOE)
    shop.says(1, asks(address="192.0.2.8"))
    shop.ledger.problem = None
    shop.says(1, JOE)
    assert 21 == shop.charged("login joe")


@pytest.mark.parametrize("problem", [DOWN, MustWait()], ids=["fails", "must wait"])
def test_is_owed_until_it_is_charged(problem: Exception) -> None:
    """Where the ledger fails again, or a thread has to ask, nothing is forgotten."""
    shop = Shop("100 recipients/day per login")
    shop.charges.owed.put_back("login joe", {START: 5})
    shop.ledger.problem = problem
    with pytest.raises(type(problem)):
        shop.charges._charge_owed("login joe", shop.charges.terms, START)
    assert {START: 5} == shop.charges.owed.take("login joe")


def test_charges_what_is_in_a_window() -> None:
    """Of an hour ago, only a day's; none to other units; what is said to be later is of now."""
    shop = Shop()
    held = limits("9 recipients/hour per login", "9 recipients/day per login", "9 messages/day per login")
    debt = {START - HOUR: 2, START + HOUR: 3}
    shop.ledger.update("login joe", START, (), charge_owed(held, debt, START))
    record = shop.ledger.read("login joe", START)
    assert record is not None
    assert {(Unit.RECIPIENTS, HOUR): 3, (Unit.RECIPIENTS, DAY): 5} == {
        key: window.total(START) for key, window in decode(record).windows.items()
    }


def test_leaves_a_suspension_alone() -> None:
    """It lasts for as long as was said."""
    shop = Shop()
    shop.ledger.update("login joe", START, (), suspend(START, START + DAY))
    before = shop.ledger.read("login joe", START)
    shop.ledger.update("login joe", START, (), charge_owed(limits("9 recipients/day per login"), {START: 2}, START))
    assert before == shop.ledger.read("login joe", START)


def test_keeps_a_count_an_hour_for_so_many_hours() -> None:
    """What is older is taken for later, and none is lost."""
    owed = Owed()
    for hour in range(HOURS + 2):
        owed.add("login joe", hour * HOUR)
        owed.add("login joe", hour * HOUR + 1)
    debt = owed.take("login joe")
    assert (HOURS, 2 * (HOURS + 2), 6) == (len(debt), sum(debt.values()), debt[3 * HOUR - 1])
    assert {} == owed.take("login joe")


def test_keeps_so_many_logins() -> None:
    """Of more, the first is forgiven."""
    owed = Owed()
    for number in range(LOGINS + 1):
        owed.add(f"login {number}", START)
    assert {} == owed.take("login 0")
    assert [1] == list(owed.take("login 1").values())
