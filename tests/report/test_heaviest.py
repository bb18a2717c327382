"""The most frequent names: counts are exact or their uncertainty is said, and memory is bounded."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

import tests.policy.conftest  # noqa: F401  its profile of hypothesis is for this folder too
from relaymilter.report.heaviest import Heaviest

NAMES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=300)


def counted(names: list[tuple[int, int]], room: int) -> Heaviest[int]:
    """One by one."""
    heaviest: Heaviest[int] = Heaviest(room)
    for name, verdict in names:
        heaviest.add(name, verdict)
    return heaviest


@given(NAMES, NAMES, st.integers(1, 12))
def test_true_count_is_between_the_bounds(
    first: list[tuple[int, int]], second: list[tuple[int, int]], room: int
) -> None:
    """Of every name, also of one that was dropped, and after two parts were added up; there is never more than room."""
    heaviest, other = counted(first, room), counted(second, room)
    heaviest.merge(other)
    true = Counter(name for name, _ in [*first, *second])
    for name in range(41):
        tally = heaviest[name]
        assert tally.total <= true[name] <= tally.total + tally.more
    assert len(heaviest.tallies) <= 2 * room


@given(NAMES)
def test_with_room_it_is_exact(names: list[tuple[int, int]]) -> None:
    """While all names fit, there is no uncertainty."""
    heaviest = counted(names, 41)
    true = Counter(name for name, _ in names)
    assert true == {name: tally.total for name, tally in heaviest.top(100)}
    assert all(tally.more == 0 for _, tally in heaviest.top(100))


def test_the_heavy_stay() -> None:
    """A name that is a tenth of all is there at the end, whatever else comes between."""
    names = [(number if number % 10 else -1, 1) for number in range(1, 5000)]
    assert [name for name, _ in counted(names, 20).top(1)] == [-1]
