"""Questions that strangers choose: any number of quick ones, and not too many slow ones."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from relaymilter.lookups import waiting
from relaymilter.lookups.crowd import MOST, MOST_SLOW, SLOW, Crowd
from relaymilter.policy.ports import LookupFailed


@pytest.fixture(autouse=True)
def _waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """This thread may wait."""
    monkeypatch.setattr(waiting, "allowed", lambda: True)


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("slow", "quick", "refused"),
    [
        pytest.param(0, 0, False, id="none"),
        pytest.param(0, 100, False, id="a burst of quick ones"),
        pytest.param(MOST_SLOW - 1, 100, False, id="not many slow ones"),
        pytest.param(MOST - 1, 0, False, id="not many"),
        pytest.param(MOST_SLOW, MOST - MOST_SLOW, True, id="many, half of them slow"),
        pytest.param(MOST, 0, True, id="many slow ones"),
    ],
)
def test_room(slow: int, quick: int, refused: bool) -> None:
    """One more is let in, unless there are many, and many of them slow; when one ends there is room again."""
    clock = Clock()
    crowd = Crowd("DNS", clock)
    with ExitStack() as others:
        first = others.enter_context(ExitStack())
        for _ in range(slow):
            first.enter_context(crowd.joined())
        clock.now += 2 * SLOW
        for _ in range(quick):
            others.enter_context(crowd.joined())
        if refused:
            with pytest.raises(LookupFailed, match=r"^DNS: 12 questions are under way, and slow$"), crowd.joined():
                pass
            first.close()
        with crowd.joined():
            pass


def test_ends_with_an_exception() -> None:
    """A question that fails has ended, too."""
    clock = Clock()
    crowd = Crowd("DNS", clock)
    for _ in range(MOST + 1):
        with pytest.raises(LookupFailed, match="down"), crowd.joined():
            raise LookupFailed("down")
        clock.now += 2 * SLOW


def test_where_nothing_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """There questions do not count, and answers that are kept serve however many are under way."""
    clock = Clock()
    crowd = Crowd("DNS", clock)
    with ExitStack() as others:
        for _ in range(MOST):
            others.enter_context(crowd.joined())
        clock.now += 2 * SLOW
        monkeypatch.setattr(waiting, "allowed", lambda: False)
        with crowd.joined():
            pass
