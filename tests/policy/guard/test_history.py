"""The record of a subject: it comes back as it was, and is small; what cannot be read is refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.policy.guard.footprint import DAY, MOST_NETWORKS, Footprint
from relaymilter.policy.guard.history import MOST_WINDOWS, WEEKS, Cause, History, Standing, Unit, decode, encode
from relaymilter.policy.guard.windows import KEPT, Window
from relaymilter.policy.ports import LookupFailed
from tests.policy.lives import START

SECONDS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(0, 2**32 - 1)
HISTORIES = st.builds(
    History,
    first=SECONDS,
    days=st.integers(0, 65535),
    day=st.integers(0, 65535),
    today=st.lists(COUNTS, min_size=2, max_size=2),
    known_before=st.integers(0, 65535),
    together=SECONDS,
    week=st.integers(0, 65535),
    busiest=st.lists(st.integers(0, 65535), min_size=2 * WEEKS, max_size=2 * WEEKS),
    standing=st.sampled_from(Standing),
    cause=st.sampled_from(Cause),
    since=SECONDS,
    until=SECONDS,
    windows=st.dictionaries(
        st.tuples(st.sampled_from(list(map(int, Unit))), st.integers(1, 2**32 - 1)),
        st.lists(COUNTS, min_size=KEPT, max_size=KEPT),
        max_size=3,
    ).map(lambda found: {key: Window(key[1], 7, counts) for key, counts in found.items()}),
    footprint=st.binary(max_size=3 * 18).map(lambda octets: Footprint(bytearray(octets[: len(octets) // 18 * 18]))),
)


@given(HISTORIES)
def test_comes_back_as_it_was(history: History) -> None:
    """Every field."""
    assert history == decode(encode(history))


@given(HISTORIES, st.data())
def test_what_is_cut_off_is_refused(history: History, data: st.DataObject) -> None:
    """Anywhere but between two networks; never taken for less that was done."""
    record = encode(history)
    end = data.draw(st.integers(0, len(record) - 1))
    if (len(record) - end) % 18 == 0 and len(record) - end <= len(history.footprint.entries):
        return
    with pytest.raises(LookupFailed):
        decode(record[:end])


RECORD = encode(History(START))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        pytest.param(b"", "of version none", id="empty"),
        pytest.param(b"\x03" + RECORD[1:], "of version 3", id="of a later version"),
        pytest.param(b"\x01" + RECORD[1:], "of version 1", id="of an earlier version"),
        pytest.param(RECORD[:20], "damaged", id="short"),
        pytest.param(RECORD[:1] + b"\x09" + RECORD[2:], "damaged", id="fewer windows than it says"),
        pytest.param(RECORD[:2] + b"\x63" + RECORD[3:], "damaged", id="no such cause"),
        pytest.param(RECORD[:3] + b"\x63" + RECORD[4:], "damaged", id="no such standing"),
        pytest.param(RECORD + b"1", "damaged", id="part of a network"),
        pytest.param(RECORD + bytes(18 * (MOST_NETWORKS + 1)), "damaged", id="too many networks"),
        pytest.param(RECORD[:1] + b"\x01" + RECORD[2:] + bytes(4 * (KEPT + 3)), "damaged", id="a window of nothing"),
    ],
)
def test_refuses_what_it_cannot_read(record: bytes, words: str) -> None:
    """In words that say what is wrong."""
    with pytest.raises(LookupFailed, match=f"a record in the ledger is {words}"):
        decode(record)


def test_is_small_at_its_largest() -> None:
    """Of whoever does all he can: some three KiB."""
    history = History(START)
    for number in range(100):
        history.window(Unit.RECIPIENTS, 60 + number)
        history.footprint.use(number.to_bytes(8, "big"), START, True)
    assert MOST_WINDOWS == len(history.windows)
    assert (Unit.RECIPIENTS, 159) in history.windows
    assert len(encode(history)) < 3500


def lived(*weeks: int) -> History:
    """A history in which so many new recipients were written to on some day of each week."""
    history = History(START)
    for number, count in enumerate(weeks):
        for day in (0, 3):
            for _ in range(count if day else count // 2):
                history.count(START + (7 * number + day) * DAY, new=True, normal=True)
    history.count(START + 7 * len(weeks) * DAY, new=False, normal=True)
    return history


def test_busy_days_are_one_a_week() -> None:
    """A feast makes one busy week, whatever else is done in it."""
    history = lived(5, 90, 7, 6)
    assert [90, 7, 6, 5, 0] == [history.busy_day(Unit.NEW, rank) for rank in range(1, 6)]
    assert 90 == history.busy_day(Unit.RECIPIENTS, 1)


def test_busy_days_are_forgotten() -> None:
    """After ten weeks, of use or not."""
    assert 3 == lived(90, *[3] * 10).busy_day(Unit.NEW, 1)
    history = lived(90, 90)
    history.count(START + 200 * DAY, new=False, normal=True)
    history.count(START + 201 * DAY, new=False, normal=True)
    assert 0 == history.busy_day(Unit.NEW, 1)


def test_what_is_not_normal_makes_no_normal() -> None:
    """A thief does not widen what he has room for."""
    history = History(START)
    history.count(START, new=True, normal=False)
    history.count(START + DAY, new=True, normal=True)
    assert (0, 2) == (history.busy_day(Unit.NEW, 1), history.days)


def test_the_clock_may_step_back() -> None:
    """Days of a future that was none do no harm to those that come."""
    history = lived(5)
    history.count(START + 3000 * DAY, new=True, normal=True)
    history.count(START + 8 * DAY, new=True, normal=True)
    history.count(START + 9 * DAY, new=True, normal=True)
    history.count(START + 16 * DAY, new=True, normal=True)
    assert 1 == history.busy_day(Unit.NEW, 1)


@pytest.mark.parametrize(
    ("ago", "known"),
    [
        pytest.param(0, 5, id="on the day itself"),
        pytest.param(1, 5, id="on the next"),
        pytest.param(2, 0, id="later"),
        pytest.param(-1, 0, id="before it, by a clock that stepped back"),
    ],
)
def test_known_recipients_of_the_day_before_count_too(ago: int, known: int) -> None:
    """Whether or not something was sent since midnight: mail merges go on after it."""
    history = History(START)
    for _ in range(5):
        history.count(START, new=False, normal=True)
    history.count(START, new=True, normal=True)
    assert known == history.known_lately(START + ago * DAY)
    history.count(START + ago * DAY, new=True, normal=True)
    assert known == history.known_lately(START + ago * DAY)
