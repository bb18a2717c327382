"""A turn of the event loop: answers wait for one commit, and hear whether it was made."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from relaymilter.lookups import turns
from relaymilter.lookups.turns import Turn


@pytest.fixture
def later() -> list[Callable[[], None]]:
    """What is to be called in the next turn of the loop."""
    return []


@pytest.fixture
def turn(later: list[Callable[[], None]]) -> Turn:
    """Nothing has begun in it."""
    return Turn(later.append)


@pytest.mark.parametrize("made", [True, False])
def test_those_who_wait_hear_of_the_commit(made: bool, turn: Turn, later: list[Callable[[], None]]) -> None:
    """In their order, once, and not before it."""
    heard: list[object] = []

    def commit() -> bool:
        heard.append("commit")
        return made

    turn.begin(commit)
    turn.wait(lambda made: heard.append(("first", made)))
    turn.wait(lambda made: heard.append(("second", made)))
    assert turn.open
    assert [] == heard
    later.pop()()
    assert ["commit", ("first", made), ("second", made)] == heard
    assert not turn.open
    turn.end()
    assert 3 == len(heard)


def test_without_a_commit_nothing_was_made(turn: Turn, later: list[Callable[[], None]]) -> None:
    """Who waits where nothing was begun hears that nothing was, in the next turn, and not only when another begins."""
    heard: list[bool] = []
    turn.wait(heard.append)
    turn.wait(heard.append)
    later.pop()()
    assert ([False, False], []) == (heard, later)


def test_no_more_than_so_many_wait_for_one_commit(turn: Turn) -> None:
    """The turn ends with the last of them."""
    heard: list[bool] = []
    turn.begin(lambda: True)
    for _ in range(turns.MOST):
        assert [] == heard
        turn.wait(heard.append)
    assert [True] * turns.MOST == heard
    assert not turn.open


def test_one_that_fails_keeps_no_other_from_its_answer(turn: Turn, caplog: pytest.LogCaptureFixture) -> None:
    """The log has it."""
    heard: list[bool] = []

    def fail(made: bool) -> None:
        raise ZeroDivisionError

    turn.begin(lambda: True)
    turn.wait(fail)
    turn.wait(heard.append)
    with caplog.at_level(logging.ERROR):
        turn.end()
    assert [True] == heard
    assert "ZeroDivisionError" in caplog.text


def test_says_once_that_something_changed(turn: Turn) -> None:
    """Whoever asks next has changed nothing."""
    assert not turn.changed()
    turn.change()
    assert [True, False] == [turn.changed(), turn.changed()]
