"""What waits to be sent is bounded, and no step is lost by count."""

from __future__ import annotations

from relaymilter.notices.outbox import BURST, FIRST_PAUSE, INTERVAL, LONGEST_PAUSE, MOST, Outbox
from relaymilter.notices.step import Notice

from .steps import notice, step


def drained(outbox: Outbox, now: float) -> list[Notice]:
    """All that is to be sent now."""
    return list(iter(lambda: outbox.take(now), None))


def test_one_by_one() -> None:
    """As long as there are few."""
    outbox = Outbox(0.0)
    assert (None, None) == (outbox.take(0.0), outbox.due(0.0))
    for login in ("a", "b", "c"):
        outbox.add(step(login))
    assert 0.0 == outbox.due(0.0)
    assert [notice("a"), notice("b"), notice("c")] == drained(outbox, 0.0)


def test_a_flood_is_summed_up() -> None:
    """After a burst there is one notice a minute, with all that came meanwhile; of very many only the number."""
    outbox, sent = Outbox(0.0), list[Notice]()
    for number in range(1000):
        outbox.add(step(f"l{number}"))
        sent += drained(outbox, 0.0)
    assert BURST == len(sent)
    assert INTERVAL == outbox.due(0.0)
    assert [] == drained(outbox, INTERVAL - 1)
    [rest] = drained(outbox, INTERVAL)
    assert (MOST, 1000 - BURST - MOST) == (len(rest.steps), rest.more)
    outbox.add(step("later"))
    assert [] == drained(outbox, INTERVAL)
    assert [notice("later")] == drained(outbox, 2 * INTERVAL)


def test_a_flood_at_once() -> None:
    """Where more wait than may be sent one by one, they go together at once."""
    outbox = Outbox(0.0)
    for number in range(BURST + 1):
        outbox.add(step(f"l{number}"))
    [all_of_them] = drained(outbox, 0.0)
    assert BURST + 1 == len(all_of_them.steps)


def test_tried_again() -> None:
    """With what came meanwhile, after pauses that grow to an hour, and from the first one after it has worked."""
    outbox = Outbox(0.0)
    outbox.add(step("a"))
    now, pauses = 0.0, []
    for _ in range(9):
        found = outbox.take(now)
        assert found is not None
        pauses.append(outbox.put_back(found, now))
        assert outbox.take(now + pauses[-1] - 1) is None
        assert pauses[-1] == outbox.due(now)
        now += pauses[-1]
    assert [FIRST_PAUSE, 2 * FIRST_PAUSE] == pauses[:2]
    assert LONGEST_PAUSE == pauses[-1]
    outbox.add(step("b"))
    assert [notice("a"), notice("b")] == drained(outbox, now)
    outbox.sent()
    assert FIRST_PAUSE == outbox.put_back(notice("b"), now)


def test_what_is_put_back_is_bounded_too() -> None:
    """A server that is down for days fills no memory."""
    outbox = Outbox(0.0)
    for number in range(MOST):
        outbox.add(step(f"l{number}"))
    outbox.put_back(notice("first", "second", more=5), 0.0)
    rest = outbox.rest()
    assert rest is not None
    assert ("first", MOST, 7) == (rest.steps[0].login, len(rest.steps), rest.more)
    assert outbox.rest() is None
