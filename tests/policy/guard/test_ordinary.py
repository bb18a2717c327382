"""The short way comes to what the long one comes to, and is taken by what is ordinary alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relaymilter.policy.guard import standing
from relaymilter.policy.guard.footprint import DAY
from relaymilter.policy.guard.novelty import HOUR, Sent
from relaymilter.policy.guard.ordinary import ordinary
from relaymilter.policy.guard.standing import Judgement, judge
from relaymilter.policy.ports import Change, Past
from tests.policy.guard.test_standing import NOTHING, held_to, replace_terms
from tests.policy.lives import HOME, HOTEL, LAPTOP, OFFICE, Life, sent

TERMS = {
    "defaults": held_to(),
    "limits": held_to("90 recipients/day", "30 messages/hour", "40 recipients/day", "9 new-recipients/hour"),
    "no novelty": replace_terms(NOTHING, "50 recipients/hour"),
}


class Compared(Life):
    """A life each of whose steps is taken both ways where it can be."""

    short = 0
    """Steps that the short way was for."""

    def writes(
        self, recipient: str, network: str = HOME, device: str = LAPTOP, common: bool = False, opens: bool = True
    ) -> Judgement:
        """To somebody, at once."""
        this = sent(recipient, network, device, common)
        return self.ledger.update("login a", self.now, this.asks, self.both(this, opens))

    def both(self, this: Sent, opens: bool) -> Callable[[Past], Change[Judgement]]:
        """The long way; the short one has the same record and remembers nothing, where it has one."""

        def change(past: Past) -> Change[Judgement]:
            short = ordinary(past, self.terms.limits, self.terms.novelty, this, opens, self.now)
            long = judge(self.terms, this, opens, self.now)(past)
            if short is not None:
                self.short += 1
                assert (standing.FINE, short, ()) == (long.result, long.record, long.remember)
            return long

        return change


@pytest.fixture(autouse=True)
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What judge() itself would take by the short way, it takes by the long one."""
    monkeypatch.setattr(standing, "ordinary", lambda *_: None)


@pytest.fixture
def life() -> Compared:
    """A login that has settled, writes as it does, and has done so already today."""
    life = Compared()
    life.settles()
    life.writes("f1")
    return life


def takes(
    life: Compared,
    recipient: str = "f1",
    network: str = HOME,
    device: str = LAPTOP,
    common: bool = False,
    opens: bool = True,
) -> bool:
    """Whether the short way is for this."""
    before = life.short
    life.writes(recipient, network, device, common, opens)
    return life.short > before


_STEP = st.tuples(
    st.sampled_from([0, 1, 40, 290, 2000, HOUR + 1, DAY, -30, -9 * HOUR]),
    st.sampled_from(["f1", "f2", "f3", "new"]),
    st.sampled_from([HOME, HOME, "192.0.9.7", OFFICE, HOTEL]),
    st.sampled_from([LAPTOP, LAPTOP, "bot"]),
    st.booleans(),
    st.booleans(),
)


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize("days", [0, 2, 20])
@given(steps=st.lists(_STEP, min_size=1, max_size=60))
@settings(max_examples=30, deadline=None)
def test_both_ways_come_to_the_same(
    terms: standing.Terms, days: int, steps: list[tuple[int, str, str, str, bool, bool]]
) -> None:
    """Whatever a login does, also while it is learned, and where the clock steps back."""
    life = Compared(terms)
    life.settles(days)
    for number, (later, recipient, network, device, common, opens) in enumerate(steps):
        life.now += later
        name = f"n{number}" if recipient == "new" else recipient
        for _ in range(3):
            life.writes(name, network, device, common, opens)


def test_is_for_who_is_known(life: Compared) -> None:
    """Known recipients from known networks, by known devices; not who is new, strange, or of a wider network alone."""
    assert takes(life)
    assert not takes(life, "new")
    assert not takes(life, device="bot")
    assert not takes(life, network=OFFICE)
    assert takes(life)


def test_is_for_uses_within_an_hour_of_a_day(life: Compared) -> None:
    """The first of an hour, and of a day in a network, changes more than counts."""
    life.now += HOUR
    assert takes(life)
    life.now += HOUR + 1
    assert [False, True] == [takes(life) for _ in range(2)]
    life.now += -(life.now % DAY) + DAY + 8 * HOUR
    assert [False, True] == [takes(life) for _ in range(2)]


def test_a_day_that_is_another_networks(life: Compared) -> None:
    """The day counts already, but not for this network: a second use of it by a recipient who is known."""
    assert not takes(life, network=HOTEL)
    life.now += DAY
    assert not takes(life, "new", network=HOTEL)
    assert not takes(life, network=HOTEL)
    assert takes(life, network=HOTEL)


def test_who_is_forgotten_soon_is_remembered_anew(life: Compared) -> None:
    """That changes more than the record."""
    life.writes("old")
    life.now += 30 * DAY
    life.writes("f1")
    assert [False, True] == [takes(life, "old") for _ in range(2)]


def test_who_is_known_at_a_new_place(life: Compared) -> None:
    """Who calls himself as many do counts there as strange, and the short way is not for him."""
    life.writes("f1", HOTEL)
    assert takes(life, network=HOTEL)
    life.now += HOUR // 2
    assert takes(life, network=HOTEL)
    life.writes("f1", HOTEL, common=True)
    assert not takes(life, network=HOTEL, common=True)


def test_while_a_login_is_learned_its_networks_count() -> None:
    """Where there were as many as may be there is no short way, nor for the first use of them."""
    life = Compared(held_to(networks=2))
    assert [False, False, True] == [takes(life) for _ in range(3)]
    life.writes("f1", OFFICE)
    assert not takes(life, network=OFFICE)


def test_limits_are_kept(life: Compared) -> None:
    """The last that is within a limit takes the short way, the next one is refused, whichever of two is lower."""
    life.terms = held_to("9 messages/hour", "5 recipients/day", "7 recipients/day", "1 new-recipients/day")
    life.writes("f1")
    assert [True] * 4 + [False] == [takes(life, opens=False) for _ in range(5)]
    life.now += HOUR
    life.terms = held_to("1 messages/hour")
    assert [False, False] == [takes(life) for _ in range(2)]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda record: None, id="no record"),
        pytest.param(lambda record: record[:20], id="cut off"),
        pytest.param(lambda record: bytes([9]) + record[1:], id="of another version"),
        pytest.param(lambda record: record[:1] + bytes([200]) + record[2:], id="more windows than there are"),
        pytest.param(lambda record: record + b"x", id="longer"),
    ],
)
def test_what_cannot_be_read_is_left_to_the_long_way(life: Compared, damage: Callable[[bytes], bytes | None]) -> None:
    """Which says that it cannot."""
    record, this = life.ledger.read("login a", life.now), sent("f1")
    assert record is not None
    past = Past(damage(record), (life.now + 180 * DAY,) * 5)
    assert ordinary(Past(record, past.seen), (), life.terms.novelty, this, True, life.now) is not None
    assert ordinary(past, (), life.terms.novelty, this, True, life.now) is None
