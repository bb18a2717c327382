"""What a login may do, and what it is held to when it does what thieves do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relaymilter.policy.guard.footprint import DAY
from relaymilter.policy.guard.history import Cause, Standing, Unit
from relaymilter.policy.guard.limits import parse_limit
from relaymilter.policy.guard.novelty import HOUR, LIFETIME, Novelty
from relaymilter.policy.guard.releasing import release, suspend
from relaymilter.policy.guard.standing import FINE, Judgement, Terms, judge
from relaymilter.policy.ports import LookupFailed, Past
from tests.policy.lives import BOT, HOME, HOTEL, LAPTOP, OFFICE, START, THIEF, Life, sent

GOOD, THROTTLED, SUSPENDED = (standing.name for standing in Standing)


def held_to(*limits: str, **novelty: int | None) -> Terms:
    """Terms, in words."""
    return Terms(tuple(map(parse_limit, limits)), Novelty(**novelty))


NOTHING = held_to(new=None, strange=None, networks=None, suspend=None)


@pytest.mark.parametrize("count", [1, 5])
def test_limits_are_exact(count: int) -> None:
    """So many are permitted, and not one more, until the window is over; refused ones are not charged."""
    life = Life(replace_terms(NOTHING, f"{count} recipients/hour"))
    assert [GOOD] * count + [THROTTLED] * 9 == life.strangers(count + 9)
    life.now += HOUR + HOUR // 12
    assert [GOOD] * count + [THROTTLED] == life.strangers(count + 1)


def replace_terms(terms: Terms, *limits: str) -> Terms:
    """The same terms with other limits."""
    return terms._replace(limits=tuple(map(parse_limit, limits)))


@given(steps=st.lists(st.integers(0, 3000), min_size=1, max_size=80))
@settings(max_examples=50)
def test_no_window_ever_holds_more_than_its_limit(steps: list[int]) -> None:
    """Whenever they are sent: in no hour more than seven, in no ten minutes more than three."""
    life = Life(replace_terms(NOTHING, "7 recipients/hour", "3 recipients/10 minutes"))
    permitted = list[int]()
    for step in steps:
        life.now += step
        if life.strangers(1) == [GOOD]:
            permitted.append(life.now)
    for most, seconds in ((7, 3600), (3, 600)):
        assert all(sum(then - seconds < one <= then for one in permitted) <= most for then in permitted)


def test_messages_are_counted_by_their_first_recipient() -> None:
    """A message of many recipients is one."""
    life = Life(replace_terms(NOTHING, "2 messages/day"))
    for opens, expected in ((True, GOOD), (False, GOOD), (True, GOOD), (False, GOOD), (True, THROTTLED)):
        assert expected == life.writes("bob", opens=opens).standing.name


def test_new_recipients_are_counted_once() -> None:
    """Who was written to before is free, and a limit of another length than a day counts by itself."""
    life = Life(held_to("5 new-recipients/hour", "100 recipients/day", new=7))
    assert [GOOD] * 5 + [THROTTLED] == life.strangers(6)
    assert GOOD == life.writes("s1").standing.name
    life.now += 2 * HOUR
    assert [GOOD] * 2 + [THROTTLED] == life.strangers(3)
    assert GOOD == life.writes("s1").standing.name


def test_more_new_recipients_where_that_is_normal() -> None:
    """Twice the busy day of the third busiest week."""
    life = Life(held_to(new=10)).settles(21, new=9)
    life.now += DAY
    assert [GOOD] * 18 + [THROTTLED] == life.strangers(19)
    assert "over 18 new recipients a day" == life.writes("new").reason


def test_a_step_down_is_told_once() -> None:
    """With what there is to say; a throttle by a limit ends with its day."""
    life = Life(held_to("3 recipients/hour"))
    life.strangers(3)
    judgement = life.writes("x")
    assert (Standing.THROTTLED, "over 3 recipients/hour per login") == judgement[:2]
    assert judgement.evidence is not None
    assert (3, 0, 1, 0) == judgement.evidence
    assert Judgement(Standing.THROTTLED, "over 3 recipients/hour per login") == life.writes("y")
    assert (Standing.THROTTLED, Cause.LIMIT) == (life.history.standing, life.history.cause)
    life.now += 2 * HOUR
    assert FINE == life.writes("y")
    assert life.history.standing is Standing.THROTTLED
    life.now += DAY
    assert FINE == life.writes("z")
    assert life.history.standing is Standing.GOOD


# Joint novelty.


@pytest.mark.parametrize(
    ("network", "device", "common", "room"),
    [
        pytest.param(HOME, LAPTOP, False, 200, id="from home"),
        pytest.param(HOME, BOT, False, 200, id="from home, by another program"),
        pytest.param(HOTEL, LAPTOP, False, 105, id="from elsewhere, on his own device"),
        pytest.param(HOTEL, LAPTOP, True, 37, id="from elsewhere, by a program as many use"),
        pytest.param("192.0.9.7", LAPTOP, False, 200, id="from near"),
        pytest.param("192.0.9.7", BOT, False, 37, id="from near, by another program"),
        pytest.param(THIEF, BOT, False, 15, id="from elsewhere, by another program"),
    ],
)
def test_strangers_that_may_be_written_to(network: str, device: str, common: bool, room: int) -> None:
    """In a day, by what else is new; what is left of the room is the owner's alone."""
    life = Life().settles()
    assert [GOOD] * room + [THROTTLED] * 5 == life.strangers(room + 5, network, device, common)
    if room < 200:
        assert [GOOD] * 30 == life.strangers(30)
    assert [GOOD] * 30 == life.friends(30, HOME)


def test_people_he_knows_are_free_on_a_device_of_his_own() -> None:
    """A traveller writes to whom he wrote before; and for each of those to two strangers more."""
    for friends in (0, 10, 37):
        life = Life().settles()
        assert [GOOD] * friends == life.friends(friends, HOTEL)
        room = 105 + 2 * friends
        assert [GOOD] * room + [THROTTLED] == life.strangers(room + 1, HOTEL)


def test_an_address_book_from_a_program_as_many_use() -> None:
    """As many in an hour as strangers in a day, together with those; a traveller who takes his time has more."""
    life = Life().settles()
    assert [GOOD] * 37 + [THROTTLED] * 3 == life.friends(40, HOTEL, common=True)
    assert [THROTTLED] == life.strangers(1, HOTEL, common=True)
    assert [GOOD] * 40 == life.friends(40, HOME)
    life = Life().settles()
    assert [GOOD] * 20 == life.friends(20, HOTEL, common=True)
    assert [GOOD] * 17 + [THROTTLED] == life.strangers(18, HOTEL, common=True)
    life = Life().settles()
    for _ in range(4):
        assert [GOOD] * 30 == life.friends(30, HOTEL, common=True)
        life.now += 2 * HOUR
    assert [GOOD] * 37 + [THROTTLED] == life.strangers(38, HOTEL, common=True)


def test_who_writes_to_many_in_a_day_may_do_so_from_elsewhere() -> None:
    """Half of the busy day of the fourth busiest week, in an hour."""
    life = Life().settles(28)
    for day in range(28):
        if day % 7 == 0:
            for number in range(110):
                life.writes(f"f{number % 40}")
        life.friends(1, HOME)
        life.now += DAY
    found = [life.writes(f"f{number % 40}", HOTEL, common=True).standing.name for number in range(56)]
    assert [GOOD] * 55 + [THROTTLED] == found


def test_a_letter_to_all_from_a_program_as_many_use() -> None:
    """Known ones among the strangers are free, up to twice as many, and make room for more of those."""
    life = Life().settles()
    for _ in range(40):
        assert [GOOD] == life.strangers(1, HOTEL, common=True)
        assert GOOD == life.writes("f1", HOTEL, common=True).standing.name
    assert {GOOD, THROTTLED} == set(life.strangers(111, HOTEL, common=True))
    assert THROTTLED == life.writes("f1", HOTEL, common=True).standing.name


@pytest.mark.parametrize(
    ("before", "now", "room"),
    [
        pytest.param(1, 1, 145, id="written to together before, in a message"),
        pytest.param(1, 0, 37, id="each in a message of his own"),
        pytest.param(90, 1, 37, id="not together before"),
    ],
)
def test_a_group_that_was_written_to_before_takes_less(before: int, now: int, room: int) -> None:
    """A quarter, in one message; whoever has an address book alone does not know who belongs together."""
    life = Life().settles()
    for number in range(150):
        life.now += before * (before > 1)
        life.writes(f"g{number}")
    life.now += 2 * DAY
    found = [
        life.writes(f"g{number}", HOTEL, common=True, opens=not (now and number)).standing.name for number in range(150)
    ]
    assert [GOOD] * room + [THROTTLED] * (150 - room) == found


def test_an_address_book_from_a_strange_program() -> None:
    """To few, and strangers after them take of the same room."""
    life = Life().settles()
    assert [GOOD] * 20 + [THROTTLED] * 5 == life.friends(25, THIEF, BOT)
    assert [THROTTLED] == life.strangers(1, THIEF, BOT)


@pytest.mark.parametrize(
    ("new", "network", "device", "common", "room"),
    [
        pytest.param(12, THIEF, BOT, False, 18, id="half as many again as on a busy day, for a strange program"),
        pytest.param(24, THIEF, BOT, False, 36, id="but never many more"),
        pytest.param(50, THIEF, BOT, False, 75, id="save by trade"),
        pytest.param(50, HOTEL, LAPTOP, True, 87, id="nearly twice by trade, by a program as many use"),
        pytest.param(50, HOTEL, LAPTOP, False, 150, id="three times by trade, on his own device"),
        pytest.param(11, HOTEL, LAPTOP, True, 37, id="no trade"),
    ],
)
def test_more_strangers_where_that_is_normal(new: int, network: str, device: str, common: bool, room: int) -> None:
    """A login is held to its own normal."""
    life = Life().settles(28, new=new)
    assert [GOOD] * room + [THROTTLED] == life.strangers(room + 1, network, device, common)


def test_a_week_has_twice_the_room_of_a_day() -> None:
    """Who stays below the limit of a day each day comes not far."""
    life = Life().settles()
    for expected in ([GOOD] * 14, [GOOD] * 14, [GOOD] * 2 + [THROTTLED] * 12, [THROTTLED] * 14):
        assert expected == life.strangers(14, THIEF, BOT)
        life.now += DAY + 2 * HOUR if expected[-1] == GOOD else 2 * HOUR
    life.now += 8 * DAY
    assert [GOOD] * 14 == life.strangers(14, THIEF, BOT)


def test_a_network_becomes_known_by_days_of_use() -> None:
    """The fourth day in the hotel is as at home."""
    life = Life().settles()
    for _ in range(3):
        life.friends(5, HOTEL)
        life.now += DAY
    assert [GOOD] * 200 == life.strangers(200, HOTEL)


def test_a_device_becomes_known() -> None:
    """At once where the place is known, elsewhere after days; by writing to somebody known alone."""
    life = Life().settles()
    life.strangers(1, HOME, "at home")
    assert [GOOD] * 15 + [THROTTLED] == life.strangers(16, THIEF, "at home")
    life = Life().settles()
    life.friends(1, HOME, "at home")
    assert [GOOD] * 105 + [THROTTLED] == life.strangers(106, HOTEL, "at home")
    life = Life().settles()
    for day in range(4):
        life.friends(1, f"203.0.{day}.7", "away")
        life.now += DAY
    life.friends(1, "203.1.0.7", "away")
    assert [GOOD] * 107 + [THROTTLED] == life.strangers(108, "203.2.0.7", "away")


def test_learns_first() -> None:
    """A login without a history has the limits that count for all, and no others."""
    life = Life()
    assert [GOOD] * 200 + [THROTTLED] == life.strangers(201, HOTEL, BOT)
    for _ in range(13):
        life.now += DAY
        life.friends(3, HOME)
    assert [GOOD] * 20 == life.strangers(20, THIEF, "strange")
    life.now += 2 * DAY
    assert THROTTLED in life.strangers(41, THIEF, "stranger")


@pytest.mark.parametrize(
    ("device", "common", "most"),
    [
        pytest.param(BOT, False, 20, id="a strange program"),
        pytest.param(LAPTOP, True, 20, id="a program as many use"),
        pytest.param(LAPTOP, False, 40, id="his own device"),
    ],
)
def test_networks_an_hour(device: str, common: bool, most: int) -> None:
    """Ten thousand addresses with a recipient each come not far; the owner's own device may travel."""
    life = Life(held_to(strange=None)).settles()
    found = [life.writes(f"n{number}", f"10.{number}.0.7", device, common).standing.name for number in range(40)]
    assert [GOOD] * most + [THROTTLED] * (40 - most) == found
    assert GOOD == life.writes("x", HOME).standing.name


def test_networks_count_while_learning() -> None:
    """A login that nobody uses may be stolen, too."""
    life = Life()
    found = [life.writes(f"n{number}", f"10.{number}.0.7").standing.name for number in range(30)]
    assert [GOOD] * 20 + [THROTTLED] * 10 == found


def test_one_network_counts_once_an_hour() -> None:
    """However often it is used; after an hour again."""
    life = Life(NOTHING)
    life.strangers(50, HOTEL)
    assert 1 == life.history.window(Unit.NETWORKS, HOUR).total(life.now)
    life.now += HOUR + 1
    life.strangers(1, HOTEL)
    assert 2 == life.history.window(Unit.NETWORKS, 3 * HOUR).total(life.now) + 2


# Suspension.


@pytest.mark.parametrize(
    ("device", "common", "apart", "refused"),
    [
        pytest.param(BOT, False, 0, 100, id="a strange program"),
        pytest.param(LAPTOP, True, 0, 400, id="a program as many use"),
        pytest.param(LAPTOP, False, 0, 400, id="his own device"),
        pytest.param(BOT, False, 60, 100, id="slowly"),
    ],
)
def test_who_goes_on_is_suspended(device: str, common: bool, apart: int, refused: int) -> None:
    """With others and others; then nothing goes, from nowhere."""
    life = Life().settles()
    found = life.strangers(600, THIEF, device, common, apart)
    at = found.index(THROTTLED)
    assert [THROTTLED] * (refused - 1) + [SUSPENDED] * (600 - at - refused + 1) == found[at:]
    assert [SUSPENDED] * 10 == life.friends(10, HOME)
    life.now += 20 * 365 * DAY
    assert [SUSPENDED] == life.strangers(1, HOME)


def test_many_networks_are_suspended_sooner() -> None:
    """After a quarter."""
    life = Life().settles()
    found = [life.writes(f"n{number}", f"10.{number}.0.7", BOT).standing.name for number in range(60)]
    assert [GOOD] * 15 + [THROTTLED] * 24 + [SUSPENDED] * 21 == found


def test_who_tries_again_is_not_suspended() -> None:
    """Programs do, with the same recipients, and so do owners; and one who is known is none too many."""
    life = Life().settles()
    life.strangers(15, THIEF, BOT)
    for _ in range(300):
        assert THROTTLED == life.writes("again", THIEF, BOT).standing.name
        assert THROTTLED == life.writes("f1", THIEF, BOT).standing.name
    assert 1 == life.history.window(Unit.REFUSED, DAY).total(life.now)


def test_suspension_can_be_left_out() -> None:
    """A login is throttled then, day by day."""
    life = Life(held_to(suspend=None)).settles()
    assert [GOOD] * 15 + [THROTTLED] * 500 == life.strangers(515, THIEF, BOT)


def test_each_step_has_its_evidence() -> None:
    """Throttled, then suspended, once each; until an administrator has released it."""
    life = Life(held_to(suspend=3)).settles()
    told = [life.writes(f"n{number}", THIEF, BOT) for number in range(30)]
    steps = [(judgement.standing.name, tuple(judgement.evidence)) for judgement in told if judgement.evidence]
    assert [(THROTTLED, (15, 100, 1, 1)), (SUSPENDED, (15, 100, 1, 3))] == steps


def test_a_throttle_for_novelty_lasts_a_day() -> None:
    """For all that is strange, even where the window has room again; nothing else is held up."""
    life = Life(held_to(suspend=None)).settles()
    life.strangers(16, THIEF, BOT)
    life.now += DAY - 1
    assert "throttled for what looks like theft" == life.writes("x", THIEF, BOT).reason
    life.now += 3 * HOUR
    assert GOOD == life.writes("x", THIEF, BOT).standing.name


def test_a_throttle_that_a_wrong_clock_set_does_not_last() -> None:
    """Set a year ahead, it ends when the clock is right again."""
    life = Life(held_to(suspend=None)).settles()
    life.now += 365 * DAY
    life.settles(1)
    life.strangers(16, THIEF, BOT)
    life.now -= 300 * DAY
    assert [GOOD] == life.strangers(1, HOME)
    assert life.history.standing is Standing.GOOD


# The administrator.


def test_suspends_and_releases() -> None:
    """Any login, known or not; released, it has new room."""
    life = Life().settles()
    assert life.ledger.update("login a", life.now, (), release(life.now)) is False
    life.strangers(200, THIEF, BOT)
    assert life.ledger.update("login a", life.now, (), release(life.now)) is True
    assert [GOOD] * 15 + [THROTTLED] == life.strangers(16, THIEF, BOT)
    life.ledger.update("login a", life.now, (), suspend(life.now))
    assert [SUSPENDED] == life.strangers(1)
    assert Cause.ADMINISTRATOR is life.history.cause
    other = Life()
    assert other.ledger.update("login a", other.now, (), release(other.now)) is False
    other.ledger.update("login a", other.now, (), suspend(other.now))
    assert [SUSPENDED] == other.strangers(1)


def test_remembers_for_half_a_year_after_the_last_time() -> None:
    """Without writing it anew each time."""
    this = sent("bob")
    first = judge(Terms(), this, True, START)(Past(None, (None,) * 5))
    assert ((this.recipient, START + LIFETIME), (this.device, START + LIFETIME)) == first.remember
    seen = (START + LIFETIME, None, START + LIFETIME, None, START + LIFETIME)
    assert () == judge(Terms(), this, True, START + DAY)(Past(first.record, seen)).remember
    later = judge(Terms(), this, True, START + 40 * DAY)(Past(first.record, seen))
    assert ((this.recipient, START + 40 * DAY + LIFETIME),) == later.remember[:1]


def test_a_record_that_cannot_be_read_permits_nothing() -> None:
    """It is no empty one."""
    for change in (judge(Terms(), sent("bob"), True, START), suspend(START), release(START)):
        with pytest.raises(LookupFailed):
            change(Past(b"\xff", (None,) * 5))


NETWORKS = st.sampled_from([HOME, OFFICE, HOTEL, THIEF, "10.0.0.1", "10.1.0.1"])


@given(
    terms=st.builds(
        lambda *numbers: Terms((parse_limit("30 recipients/day"),), Novelty(*numbers)),
        *(st.one_of(st.none(), st.integers(0, 9)) for _ in range(4)),
    ),
    steps=st.lists(
        st.tuples(
            st.integers(-DAY, 3 * DAY), st.integers(0, 30), NETWORKS, st.sampled_from([LAPTOP, BOT]), st.booleans()
        ),
        max_size=60,
    ),
)  # fmt: skip
@settings(max_examples=100)
def test_never_opens(terms: Terms, steps: list[tuple[int, int, str, str, bool]]) -> None:
    """Whatever the terms and the clock: what plain limits alone refuse is refused with novelty, too."""
    plain, strict = Life(replace_terms(NOTHING, "30 recipients/day")), Life(terms)
    for step, number, network, device, common in steps:
        plain.now = strict.now = max(START - 9 * DAY, plain.now + step)
        answer = strict.writes(f"r{number}", network, device, common)
        if answer.standing is Standing.GOOD:
            assert GOOD == plain.writes(f"r{number}", network, device, common).standing.name


@pytest.mark.parametrize(("device", "permitted"), [("newer/p laptop", 15), ("newer/laptop", 37)])
def test_a_new_device_with_the_program_of_the_old_has_more_room(device: str, permitted: int) -> None:
    """On a journey; a thief's program is another one, mostly."""
    life = Life().settles()
    assert [GOOD] * permitted + [THROTTLED] == life.strangers(permitted + 1, HOTEL, device)


@pytest.mark.parametrize(("device", "permitted"), [("newer/another", 20), ("newer/laptop", 37)])
def test_a_new_device_with_the_program_of_the_old_reaches_a_group(device: str, permitted: int) -> None:
    """Of people who are known, as many as are usual."""
    life = Life().settles()
    assert [GOOD] * permitted + [THROTTLED] * (40 - permitted) == life.friends(40, HOTEL, device)


def test_a_mail_merge_to_known_ones_as_well_reaches_more_new_ones() -> None:
    """For each known recipient above what is usual there may be one more new one; to strangers alone there may not."""
    life = Life(held_to(new=10)).settles()
    assert [GOOD] * 10 + [THROTTLED] == life.strangers(11)
    life = Life(held_to(new=10)).settles()
    for _ in range(45):
        life.writes("f1")
    assert [GOOD] * 15 + [THROTTLED] == life.strangers(16)
