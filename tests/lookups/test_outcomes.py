"""What is said of look-ups, each once, and of breakers, by the names of what is asked."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

import pytest

from relaymilter.lookups import outcomes, waiting
from relaymilter.lookups.guard import GuardedTable, KeyFailed, Limits, ReadyTable
from relaymilter.policy.ports import LookupFailed, MustWait

Heard = Counter[tuple[str, str, str]]


class Table:
    """Knows `known`; for other keys it does as they say."""

    name = "sqlite:/x"
    waits = True

    def find(self, key: str, /) -> str | None:
        """Raises what the key names."""
        if key == "down":
            raise LookupFailed("down")
        if key == "odd":
            raise KeyFailed("odd")
        return "yes" if key == "known" else None


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What was said, and how often."""
    found: Heard = Counter()

    def hear(of: str, name: str, outcome: str, more: int) -> None:
        found[of, name, outcome] += more

    outcomes.listen(hear)
    yield found
    outcomes.listen(None)


def ask(table: GuardedTable | ReadyTable, *keys: str) -> None:
    """Each of these, in a thread that may wait."""
    with waiting.allowing():
        for key in keys:
            with contextlib.suppress(LookupFailed):
                table.find(key)


def of_table(heard: Heard) -> dict[str, int]:
    """What came of its look-ups."""
    return {outcome: count for (of, name, outcome), count in heard.items() if (of, name) == ("lookups", Table.name)}


def test_a_table_that_is_waited_for(heard: Heard) -> None:
    """Asked, from the cache, and not asked, for a key that failed or since the whole table does."""
    table = GuardedTable(Table(), Limits())
    ask(table, "known", "known", "none", "odd", "odd", "down", "down", "down")
    assert {"found": 1, "missing": 1, "cached": 1, "failed": 4, "not-asked": 1} == of_table(heard)
    assert 1 == heard["breaker", Table.name, ""]
    ask(table, "down", "other", "known")
    with pytest.raises(LookupFailed):
        table.find("other")
    assert {"found": 1, "missing": 1, "cached": 2, "failed": 4, "not-asked": 4} == of_table(heard)


def test_who_must_wait_asks_again(heard: Heard) -> None:
    """Nothing has come of it yet."""
    with pytest.raises(MustWait):
        GuardedTable(Table(), Limits()).find("known")
    assert {} == of_table(heard)


def test_a_table_that_answers_at_once(heard: Heard) -> None:
    """Nothing of it is cached."""
    ask(ReadyTable(Table()), "known", "known", "none", "down")
    assert {"found": 2, "missing": 1, "failed": 1} == of_table(heard)


def test_a_breaker_closes(heard: Heard) -> None:
    """It has opened once, however often it failed since, and closes once."""
    now = 0.0
    table = GuardedTable(Table(), Limits(), lambda: now)
    ask(table, "down", "down", "down")
    now = 100.0
    ask(table, "down")
    assert 1 == heard["breaker", Table.name, ""]
    now = 1000.0
    ask(table, "none", "known")
    assert 0 == heard["breaker", Table.name, ""]


def test_nobody_listens() -> None:
    """Then nothing is said, and look-ups go on."""
    outcomes.listen(None)
    ask(GuardedTable(Table(), Limits()), "known", "down", "down", "down")
