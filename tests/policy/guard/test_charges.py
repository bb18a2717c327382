"""The restriction that charges: whom, for what, when it refuses, and what it says then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest

from relaymilter.ledger.memory import MemoryLedger
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.guard.charges import OVER_LIMIT, SUSPENDED, Charges, defer_over_limit, parse_named
from relaymilter.policy.guard.footprint import DAY
from relaymilter.policy.guard.history import Unit, decode
from relaymilter.policy.guard.limits import Limit, Per, parse_limit
from relaymilter.policy.guard.novelty import Novelty
from relaymilter.policy.guard.releasing import release, suspend
from relaymilter.policy.guard.standing import Judgement, Terms
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.ports import Change, Hash, LookupFailed, MustWait, Past
from relaymilter.policy.recipients import Ours
from relaymilter.policy.rules import Restriction
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Counted, Defer, NoOpinion, Reject
from tests.policy.asking import relay_rules
from tests.policy.lives import START
from tests.policy.maps import FailingMap, asks, table

T = TypeVar("T")
OURS = Ours(DomainList(frozenset({"kite.test"})))


@dataclass
class Failing:
    """A ledger that is down while `problem` is set."""

    problem: Exception | None = None
    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        if self.problem:
            raise self.problem
        return self.ledger.update(subject, now, asks, change)

    def read(self, subject: str, now: int, /) -> bytes | None:
        return self.ledger.read(subject, now)

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        return self.ledger.subjects(prefix, now)

    def forget(self, subject: str, /) -> bool:
        return self.ledger.forget(subject)


def limits(*texts: str) -> tuple[Limit, ...]:
    """Limits, as written."""
    return tuple(map(parse_limit, texts))


class Shop:
    """Charges, with a clock to turn."""

    def __init__(self, *texts: str, new: int | None = 200, **other: object) -> None:
        self.now, self.ledger, self.spare = float(START), Failing(), MemoryLedger()
        self.notices: list[tuple[str, Judgement]] = []
        held = limits(*texts)
        self.charges = Charges(
            *(self.ledger, self.spare, b"k" * 16, lambda: self.now, OURS),
            terms=Terms(tuple(limit for limit in held if limit.per is Per.LOGIN), Novelty(new)),
            others=tuple(limit for limit in held if limit.per is not Per.LOGIN),
            notice=lambda subject, judgement: self.notices.append((subject, judgement)),
            **other,  # type: ignore[arg-type]
        )
        self.ask = defer_over_limit(self.charges).ask

    def says(self, count: int, asked: Request) -> list[str]:
        """What becomes of so many recipients."""
        return self.each(*[asked] * count)

    def each(self, *asked: Request) -> list[str]:
        """What becomes of these, one after the other."""
        answers = map(self.ask, asked)
        return ["NoOpinion" if isinstance(answer, NoOpinion) else type(answer).__name__ for answer in answers]

    def charged(self, subject: str, unit: Unit = Unit.RECIPIENTS, seconds: int = DAY) -> int | None:
        """What a subject is charged; None without a record."""
        record = self.ledger.read(subject, int(self.now))
        return None if record is None else decode(record).window(unit, seconds).total(int(self.now))


JOE = asks(login="joe", address="192.0.2.7")
LATER = JOE._replace(opens=False)


def test_defers_who_is_over_a_limit() -> None:
    """In words that no filter takes for an attack."""
    shop = Shop("2 recipients/day per login")
    assert ["NoOpinion", "NoOpinion", "Defer"] == shop.says(3, JOE)
    answer = shop.ask(JOE)
    assert answer == Defer(OVER_LIMIT, "over 2 recipients/day per login")
    assert (450, "4.7.1", "{recipient}: Sending limit reached for this account") == (
        OVER_LIMIT.code,
        OVER_LIMIT.status,
        OVER_LIMIT.text,
    )
    assert ["NoOpinion"] == shop.says(1, asks(login="ann"))
    assert ["login joe"] == [name for name, _ in shop.notices]


def test_rejects_who_is_suspended() -> None:
    """Until an administrator releases it."""
    shop = Shop()
    now = int(shop.now)
    shop.ledger.update("login joe", now, (), suspend(now))
    assert shop.ask(JOE) == Reject(SUSPENDED, "the account is suspended")
    assert (550, "5.7.1", "{recipient}: Account suspended for relaying") == (
        SUSPENDED.code,
        SUSPENDED.status,
        SUSPENDED.text,
    )
    assert shop.ledger.update("login joe", now, (), release(now))
    assert ["NoOpinion"] == shop.says(1, JOE)


@pytest.mark.parametrize(
    ("limit", "asked", "subject"),
    [
        ("1 recipients/day per login", JOE, "login joe"),
        ("1 recipients/day per client", asks(address="192.0.2.7"), "client 192.0.2.7"),
        ("1 recipients/day per network", asks(address="192.0.2.7"), "network 192.0.2.0/24"),
        ("1 recipients/day per sender", asks(), "sender joe@kite.test"),
        ("1 recipients/day per sender-domain", asks(), "sender-domain kite.test"),
        ("1 recipients/day per grant", asks(), "grant hall"),
        ("1 recipients/day in all", asks(), "all"),
    ],
)
def test_whoever_is_charged_is_limited(limit: str, asked: Request, subject: str) -> None:
    """A login, and those who have none."""
    shop = Shop(limit, grant=lambda asked: "hall")
    assert ["NoOpinion", "Defer"] == shop.says(2, asked)
    assert 1 == shop.charged(subject)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(asks("<bob@kite.test>", login="joe"), id="ours"),
        pytest.param(asks("<postmaster>", login="joe"), id="postmaster"),
        pytest.param(asks("<help@desk.test>", login="joe"), id="an administrator"),
        pytest.param(asks(login="joe", address="127.0.0.1", port=0), id="not by SMTP"),
    ],
)
def test_some_can_always_be_reached(asked: Request) -> None:
    """For nothing, and by who is suspended."""
    shop = Shop("0 recipients/day", administrators=Mailboxes(frozenset({"help@desk.test"})))
    shop.ledger.update("login joe", START, (), suspend(START))
    assert ["NoOpinion"] * 3 == shop.says(3, asked)
    assert 0 == shop.charged("login joe")


def test_who_proves_no_login_charges_none() -> None:
    """So that nobody without its password can suspend it, whatever he claims to be."""
    shop = Shop("0 recipients/day in all")
    assert ["Defer"] * 5 == shop.says(5, asks(login=None, sender="<joe@kite.test>"))
    assert ["Defer"] * 5 == shop.says(5, asks(login="", sender="<joe@kite.test>"))
    assert [] == [subject for subject in shop.ledger.subjects("", START) if subject.startswith("login")]


def test_what_one_refuses_is_given_back_to_the_others() -> None:
    """A refused recipient, or message, is charged to nobody."""
    shop = Shop(
        *("9 recipients/day per client", "9 messages/day per client", "9 recipients/day in all", "2 recipients/day"),
    )
    assert ["NoOpinion", "NoOpinion", "Defer", "Defer"] == [
        *shop.says(1, JOE),
        *shop.says(1, LATER),
        *shop.says(2, JOE),
    ]
    assert (2, 1, 2, 2) == (
        shop.charged("client 192.0.2.7"),
        shop.charged("client 192.0.2.7", Unit.MESSAGES),
        shop.charged("all"),
        shop.charged("login joe"),
    )
    shop = Shop("1 recipients/day per client", "5 recipients/day in all", "5 recipients/day")
    assert ["NoOpinion", "Defer"] == shop.says(2, JOE)
    assert (1, 1) == (shop.charged("all"), shop.charged("login joe"))


def test_a_message_that_is_not_sent_is_given_back() -> None:
    """Its recipients are not: they were permitted."""
    shop = Shop("2 messages/day", "1 messages/hour", "5 messages/day in all", "9 recipients/day per client")
    assert ["NoOpinion", "NoOpinion", "Defer"] == shop.each(JOE, LATER, JOE)
    shop.charges.give_back(JOE, shop.now)
    assert (0, 0, 2) == (
        shop.charged("login joe", Unit.MESSAGES),
        shop.charged("all", Unit.MESSAGES),
        shop.charged("client 192.0.2.7"),
    )
    assert ["NoOpinion"] == shop.says(1, JOE)
    shop.now += 90 * DAY
    assert 0 == shop.charged("login joe", Unit.MESSAGES)


def test_what_is_given_back_is_remembered_as_long_as_before() -> None:
    """A client for twice its longest limit, a login for half a year."""
    shop = Shop("5 messages/hour", "5 messages/hour per client")
    assert ["NoOpinion"] == shop.says(1, JOE)
    shop.charges.give_back(JOE, shop.now)
    shop.now += 7199
    assert 0 == shop.charged("client 192.0.2.7", Unit.MESSAGES, 3600)
    shop.now += 2
    assert shop.charged("client 192.0.2.7", Unit.MESSAGES, 3600) is None
    shop.now += 170 * DAY
    assert 0 == shop.charged("login joe", Unit.MESSAGES, 3600)


def test_the_first_limit_that_is_over_is_named() -> None:
    """In the order in which they are written."""
    shop = Shop("1 recipients/hour per client", "1 recipients/day per client")
    assert ["NoOpinion"] == shop.says(1, JOE)
    assert shop.ask(JOE) == Defer(OVER_LIMIT, "over 1 recipients/hour per client")
    shop = Shop("1 recipients/day in all", "1 recipients/day per client")
    assert ["NoOpinion"] == shop.says(1, JOE)
    assert shop.ask(JOE) == Defer(OVER_LIMIT, "over 1 recipients/day in all")


def test_says_that_it_charged() -> None:
    """A message that is not sent after all may have to be given back."""
    assert isinstance(Shop().ask(JOE), Counted)


def test_needs_and_waits() -> None:
    """What marks a device, and whatever has to be waited for."""
    charges = Shop().charges
    asking = defer_over_limit(charges)
    assert {Need.HELO, Need.MECHANISM, Need.TLS} == asking.needs
    assert not asking.waits
    assert defer_over_limit(replace(charges, ledger=WaitsOnce("all"))).waits


def test_nothing_is_given_back_to_who_was_charged_nothing() -> None:
    """A ledger that forgot is not written to."""
    shop = Shop("2 messages/day", "2 messages/day in all")
    shop.charges.give_back(JOE, shop.now)
    shop.charges.give_back(asks(), shop.now)
    assert shop.charged("all") is shop.charged("login joe") is None


# Named logins.


@pytest.mark.parametrize(
    ("value", "permitted"),
    [
        pytest.param("3 recipients/day", 3, id="other numbers"),
        pytest.param("9 recipients/hour, 4 recipients/day per login", 4, id="several"),
        pytest.param(" unlimited ", 20, id="none"),
    ],
)
def test_named_logins_have_other_numbers(value: str, permitted: int) -> None:
    """In place of those for all."""
    shop = Shop("2 recipients/day", named=table(parse_named, {"joe": value}))
    assert permitted == shop.says(20, JOE).count("NoOpinion")
    assert 2 == shop.says(20, asks(login="ann")).count("NoOpinion")


def test_who_is_unlimited_is_held_to_nothing() -> None:
    """Not to what novelty bounds beside new recipients, either."""
    shop = Shop("2 recipients/day", named=table(parse_named, {"joe": "unlimited"}))
    assert Terms((), Novelty(None, None, None, None)) == shop.charges.terms_of("joe")


def test_a_named_login_may_have_its_own_number_of_new_recipients() -> None:
    """In place of the one for all; the other thresholds stay."""
    shop = Shop(named=table(parse_named, {"news": "4 new-recipients/day", "shop": "9 recipients/day"}), new=2)
    for login, count in (("news", 4), ("shop", 2), ("ann", 2)):
        found = [shop.says(1, asks(f"<b{number}@else.test>", login=login))[0] for number in range(20)]
        assert count == found.count("NoOpinion")


@pytest.mark.parametrize("value", ["many", "3 recipients/day per client", "", "3 recipients/day,"])
def test_a_value_that_is_no_limit_permits_nothing(value: str) -> None:
    """What cannot be read is not left out."""
    with pytest.raises(LookupFailed, match="limit"):
        Shop(named=table(parse_named, {"joe": value})).ask(JOE)


def test_a_table_that_fails_permits_nothing() -> None:
    """Its login may be held to less."""
    with pytest.raises(LookupFailed):
        Shop(named=FailingMap()).ask(JOE)


# The ledger down.


def test_without_the_ledger_small_limits_count() -> None:
    """And no more is permitted; when it is back, it decides again by itself."""
    shop = Shop("1000 recipients/day", "1000 recipients/day in all")
    shop.ledger.problem = LookupFailed("the ledger is down")
    assert shop.ask(JOE) == NoOpinion("within the limits, without the ledger: the ledger is down")
    assert ["NoOpinion"] * 19 + ["Defer"] * 9 == shop.says(28, JOE)
    assert ["Defer"] == shop.says(1, asks(login="ann", address="192.0.2.7"))
    assert ["NoOpinion"] * 20 + ["Defer"] == shop.says(21, asks(login="ann", address="198.51.100.7"))
    assert ["NoOpinion"] * 20 + ["Defer"] == shop.says(21, asks(address="198.51.100.8"))
    assert shop.charged("login joe") is None
    shop.ledger.problem = None
    assert ["NoOpinion"] * 30 == shop.says(30, JOE)


def test_each_that_goes_by_the_spare_is_counted() -> None:
    """For the metrics; those that the ledger answers are not."""
    spared: list[str] = []
    shop = Shop(on_spare=lambda: spared.append("one"))
    assert ["NoOpinion"] == shop.says(1, JOE)
    shop.ledger.problem = LookupFailed("the ledger is down")
    assert ["NoOpinion", "NoOpinion"] == shop.says(2, JOE)
    assert ["one", "one"] == spared


def test_without_the_ledger_who_was_seen_suspended_stays_so() -> None:
    """As far as this process knows."""
    shop = Shop()
    shop.ledger.update("login joe", START, (), suspend(START))
    assert ["Reject"] == shop.says(1, JOE)
    shop.ledger.problem = LookupFailed("the ledger is down")
    answer = shop.ask(JOE)
    assert answer == Reject(SUSPENDED, "the account is suspended, without the ledger: the ledger is down")


def test_without_the_ledger_nobody_is_suspended_who_was_not() -> None:
    """What this process remembers of who was suspended ends after a day."""
    shop = Shop()
    assert ["NoOpinion"] == shop.says(1, JOE)
    shop.ledger.problem = LookupFailed("the ledger is down")
    assert ["NoOpinion"] == shop.says(1, JOE)
    shop = Shop()
    shop.ledger.update("login joe", START, (), suspend(START))
    assert ["Reject"] == shop.says(1, JOE)
    shop.ledger.problem = LookupFailed("the ledger is down")
    shop.now += DAY + 1
    assert ["NoOpinion"] == shop.says(1, JOE)


def test_what_must_wait_waits() -> None:
    """It is no failure: nothing is decided by small limits for it."""
    shop = Shop()
    shop.ledger.problem = MustWait("the ledger")
    with pytest.raises(MustWait):
        shop.ask(JOE)
    assert [] == list(shop.spare.subjects("", START))


def test_comes_last() -> None:
    """A recipient that no rule permits is charged to nobody, nor one that another restriction refuses."""
    shop = Shop("9 recipients/day in all")
    charging = defer_over_limit(shop.charges)
    refusing = Restriction("other", lambda asked: Defer(OVER_LIMIT, "other"))
    assert "reject" == Ruleset(relay_rules(), (charging,)).decide(asks()).word
    assert "defer" == Ruleset(relay_rules(), (refusing, charging)).decide(JOE).word
    assert shop.charged("all") is None
    assert "permit" == Ruleset(relay_rules(), (charging,)).decide(JOE).word
    assert 1 == shop.charged("all")


def test_logins_are_folded() -> None:
    """One login, however it is written."""
    shop = Shop("2 recipients/day", fold=Fold.LOWER)
    assert ["NoOpinion", "NoOpinion", "Defer"] == [
        shop.says(1, asks(login=login))[0] for login in ("joe", "JOE", "Joe")
    ]


@pytest.mark.parametrize("waits", ["all", "login joe"])
def test_who_must_wait_is_charged_once(waits: str) -> None:
    """A ledger that has some subjects at hand and not others: what was charged before the wait is given back."""
    shop = Shop("9 recipients/day per client", "9 recipients/day in all", "9 recipients/day per login")
    ledger = WaitsOnce(waits)
    shop.ask = defer_over_limit(replace(shop.charges, ledger=ledger)).ask
    with pytest.raises(MustWait):
        shop.ask(JOE)
    assert ["NoOpinion"] == shop.says(1, JOE)
    shop.ledger.ledger = ledger
    assert [1, 1, 1] == [shop.charged(subject) for subject in ("client 192.0.2.7", "all", "login joe")]


class WaitsOnce(MemoryLedger):
    """Of one subject, it must be waited for at first."""

    def __init__(self, subject: str) -> None:
        super().__init__()
        self.waits = {subject}

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        if subject in self.waits:
            self.waits.clear()
            raise MustWait(subject)
        return super().update(subject, now, asks, change)


@pytest.mark.parametrize(
    ("limits", "counts"),
    [
        pytest.param((), False, id="none"),
        pytest.param(("5 recipients/day per login",), False, id="of recipients"),
        pytest.param(("5 messages/day per login",), True, id="of messages"),
    ],
)
def test_counts_messages(limits: tuple[str, ...], counts: bool) -> None:
    """Only where messages are limited can one have to be given back."""
    terms = Terms(tuple(map(parse_limit, limits)))
    made = Charges(MemoryLedger(), MemoryLedger(), b"k" * 16, lambda: START, Ours(DomainList(frozenset())), terms=terms)
    assert counts is made.counts_messages


def test_others_and_named_logins_may_be_limited_in_messages() -> None:
    """So one of theirs may have to be given back, too."""
    assert Shop("5 messages/day in all").charges.counts_messages
    assert not Shop("5 recipients/day in all").charges.counts_messages
    assert Shop(named=table(parse_named, {})).charges.counts_messages
