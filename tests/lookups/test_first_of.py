"""Values in memory and in tables: the first that is there, parsed."""

from __future__ import annotations

import pytest

from relaymilter.lookups.first_of import FirstOf
from relaymilter.policy.ports import LookupFailed
from tests.policy.maps import FailingMap, Known

FOUND = FirstOf({"a": 1}, int, (Known({"a": "2", "b": "3"}), Known({"b": "4", "c": "5", "broken": "x"})))


@pytest.mark.parametrize(("key", "value"), [("a", 1), ("b", 3), ("c", 5), ("d", None)])
def test_first(key: str, value: int | None) -> None:
    """What is in memory counts before the tables, and these in their order."""
    assert value == FOUND.find(key)


def test_no_value() -> None:
    """What a table has and is no value is no answer, which names its key."""
    with pytest.raises(LookupFailed, match="the value of broken: invalid literal"):
        FOUND.find("broken")


def test_down() -> None:
    """A table that cannot be asked ends the search."""
    with pytest.raises(LookupFailed, match="down"):
        FirstOf({}, int, (FailingMap(), Known({"a": "1"}))).find("a")
