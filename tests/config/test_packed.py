"""Very many names, packed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relaymilter.config.packed import MANY, PackedNames, name_set

NAMES = st.sets(st.text(st.sampled_from("ab.\u00fc")))
ANYTHING = st.text(st.sampled_from("ab.\u00fc\n"))


@given(names=NAMES, asked=ANYTHING)
def test_as_a_set(names: set[str], asked: str) -> None:
    """Every name is there and nothing else is: no part of one, and no two of them."""
    packed = PackedNames(names)
    assert all(name in packed for name in names)
    assert (asked in names) == (asked in packed)


def test_neighbours() -> None:
    """Two names that lie side by side are not one name; many names, so that some do."""
    names = [str(number) for number in range(200_000)]
    packed = PackedNames(names)
    assert all(name in packed for name in names)
    sides = packed._text.split("\n\n")
    pairs = [side for side in sides if "\n" in side]
    assert pairs
    assert not any(pair in packed for pair in pairs)
    assert None not in packed


def test_few_names_are_a_frozenset() -> None:
    """Few names, however often they are said, stay a frozenset; one more than that are packed."""
    names = [f"{number}.test" for number in range(MANY)]
    assert frozenset(names) == name_set([*names, *names])
    packed = name_set([*names, "a.test"])
    assert isinstance(packed, PackedNames)
    assert all(name in packed for name in [*names, "a.test"])
    assert "b.test" not in packed
