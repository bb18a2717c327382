"""Sliding windows never count less than was charged in them, and little more; the clock may step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.policy.guard.windows import KEPT, SLICES, Window

DAY = 86_400
SLICE = DAY // SLICES
NOW = 1_800_000_000 // DAY * DAY


@given(
    seconds=st.sampled_from([1, 10, 60, 600, 3600, DAY]),
    steps=st.lists(st.tuples(st.floats(0, 1.5), st.integers(1, 5)), min_size=1, max_size=60),
)
def test_counts_at_least_what_the_window_holds(seconds: int, steps: list[tuple[float, int]]) -> None:
    """All that was charged in it is counted, and nothing from before the slices that are kept."""
    window, now, charged = Window(seconds), NOW, []
    for step, count in steps:
        now += int(step * seconds)
        window.charge(now, count)
        charged.append((now, count))
        least = sum(count for then, count in charged if then > now - seconds)
        most = sum(count for then, count in charged if then > now - KEPT * window.slice)
        assert least <= window.total(now) <= most


@given(steps=st.lists(st.integers(0, DAY - 1), min_size=1, max_size=40))
def test_steps_back_and_forward_lose_nothing(steps: list[int]) -> None:
    """While the clock is back by less than a window, and when it is right again, no charge is missing."""
    window = Window(DAY)
    for number, step in enumerate(steps, 1):
        window.charge(NOW - step)
        assert number == window.total(NOW - step)
        assert number == window.total(NOW)


def test_a_small_step_back_loses_nothing() -> None:
    """What is charged before the latest slice is charged to the latest."""
    window = Window(DAY)
    window.charge(NOW, 3)
    window.charge(NOW - 2 * SLICE, 2)
    assert 5 == window.total(NOW - 2 * SLICE)
    assert 5 == window.total(NOW + SLICES * SLICE)
    assert 0 == window.total(NOW + (SLICES + 1) * SLICE)


def test_a_clock_that_was_wrong_does_not_hold_for_years() -> None:
    """What was charged in a year that has not come stays for a window, and is gone then."""
    window = Window(DAY)
    window.charge(NOW + 1000 * DAY, 7)
    assert 7 == window.total(NOW)
    assert 0 == window.total(NOW + 2 * DAY)


@pytest.mark.parametrize(
    ("later", "left"),
    [
        pytest.param(0, 1, id="at once"),
        pytest.param(SLICE, 1, id="in the next slice"),
        pytest.param(6 * SLICE, 3, id="much later nothing of it is found"),
    ],
)
def test_gives_back_what_was_charged_a_moment_before(later: int, left: int) -> None:
    """Also where a slice has ended meanwhile."""
    window = Window(DAY)
    window.charge(NOW, 3)
    window.total(NOW + later)
    window.give_back(NOW + later, 2)
    assert left == window.total(NOW + later)


def test_gives_back_no_more_than_there_is() -> None:
    """A count is never negative, and what has left the window is not there."""
    window = Window(DAY)
    window.charge(NOW, 1)
    window.give_back(NOW, 5)
    assert 0 == window.total(NOW)
    window.charge(NOW + 10 * DAY)
    window.give_back(NOW, 1)
    assert 1 == window.total(NOW + 10 * DAY)
