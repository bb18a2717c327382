"""What must be waited for is safe to ask: cached for its time, asked no more while it fails, and never guessed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from relaymilter.lookups import breaker, guard, waiting
from relaymilter.lookups.any_of import AnyOf
from relaymilter.lookups.guard import Guard, GuardedTable, KeyFailed, Limits, ReadyTable
from relaymilter.policy.ports import LookupFailed, MustWait, Names
from tests.rig.waiting import wait_for


class Clock:
    """Goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        """Later."""
        self.now += seconds


@dataclass
class Source:
    """A table whose answers a test sets; what is an exception is raised."""

    answers: dict[str, str | BaseException | None] = field(default_factory=lambda: {"here": "value", "empty": ""})
    fails: BaseException | None = None
    asked: list[str] = field(default_factory=list)
    name: str = "test:source"
    waits: bool = True

    def find(self, key: str) -> str | None:
        """The answer."""
        self.asked.append(key)
        answer = self.fails or self.answers.get(key)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def source() -> Source:
    """A source that works."""
    return Source()


@pytest.fixture
def _may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """This thread, and all others, may wait."""
    monkeypatch.setattr(waiting, "allowed", lambda: True)


@pytest.fixture
def table(source: Source, clock: Clock, _may_wait: None) -> GuardedTable:
    """The source, guarded, in a thread that may wait."""
    return GuardedTable(source, Limits(positive=60, negative=20, size=4), clock)


def outcome(table: GuardedTable, key: str) -> str | None:
    """The answer, or `failed`."""
    try:
        return table.find(key)
    except LookupFailed:
        return "failed"


def fail(table: GuardedTable, source: Source, times: int, reason: str = "down") -> None:
    """Let the source fail so often, for keys that were never asked before."""
    source.fails = LookupFailed(reason)
    assert ["failed"] * times == [outcome(table, f"new{len(source.asked)}-{n}") for n in range(times)]


# The cache.


@pytest.mark.parametrize(
    ("key", "answer", "lifetime"), [("here", "value", 60), ("empty", "", 60), ("absent", None, 20)]
)
def test_an_answer_is_kept_for_its_time(
    table: GuardedTable, source: Source, clock: Clock, key: str, answer: str | None, lifetime: int
) -> None:
    """A yes, an empty one too, for one time, a no for another; then it is asked again."""
    assert [answer] * 2 == [table.find(key) for _ in range(2)]
    clock.go(lifetime - 0.01)
    assert (answer, [key]) == (table.find(key), source.asked)
    clock.go(0.02)
    assert (answer, [key, key]) == (table.find(key), source.asked)


def test_a_key_is_in_it_if_it_has_a_value(table: GuardedTable) -> None:
    """An empty value is one."""
    assert [True, True, False, False] == [key in table for key in ("here", "empty", "absent", 7)]


def test_an_answer_that_changed_replaces_the_old_one(table: GuardedTable, source: Source, clock: Clock) -> None:
    """Yes to no, and no to yes."""
    for answer in ("value", None, "other", None):
        source.answers["here"] = answer
        assert answer == table.find("here")
        clock.go(61)


def test_the_cache_is_bounded(table: GuardedTable, source: Source) -> None:
    """The oldest answer goes first."""
    source.answers = {str(n): "value" for n in range(10)}
    for n in range(10):
        table.find(str(n))
    source.asked.clear()
    assert (["value"] * 5, ["5"]) == ([table.find(str(n)) for n in (9, 8, 7, 6, 5)], source.asked)


def test_what_is_not_there_takes_no_room_from_what_is(table: GuardedTable, source: Source) -> None:
    """A stranger who asks for thousands of names does not empty the cache of the good ones."""
    table.find("here")
    for n in range(100):
        table.find(f"absent{n}")
    source.asked.clear()
    assert ("value", []) == (table.find("here"), source.asked)
    assert (None, []) == (table.find("absent99"), source.asked)


def test_a_failure_is_not_kept_as_an_answer(table: GuardedTable, source: Source) -> None:
    """Neither as no nor as yes: the next one who asks asks the source."""
    source.fails = LookupFailed("down")
    assert "failed" == outcome(table, "here")
    source.fails = None
    assert "value" == table.find("here")


# Stale answers.


@pytest.mark.parametrize(("after", "expected"), [(60.0, "value"), (159.0, "value"), (161.0, "failed")])
def test_a_yes_may_serve_on_while_the_source_fails(
    source: Source, clock: Clock, _may_wait: None, after: float, expected: str
) -> None:
    """For the time that is configured, asked or not."""
    table = GuardedTable(source, Limits(stale=100), clock)
    table.find("here")
    source.fails = LookupFailed("down")
    clock.go(after)
    assert [expected] * 5 == [outcome(table, "here") for _ in range(5)]


def test_without_leave_no_answer_is_stale(table: GuardedTable, source: Source, clock: Clock) -> None:
    """By default what is over is over."""
    table.find("here")
    source.fails = LookupFailed("down")
    clock.go(60)
    assert "failed" == outcome(table, "here")


def test_a_no_is_never_stale(source: Source, clock: Clock, _may_wait: None) -> None:
    """It may have become a yes; for what answers by tuples, an empty one is a no."""
    table = GuardedTable(source, Limits(stale=100), clock)
    table.find("absent")
    tuples: Guard[tuple[str, ...]] = Guard("test", lambda key: source.find(key) and () or (), Limits(stale=100), clock)
    assert () == tuples.find("absent")
    source.fails = LookupFailed("down")
    clock.go(21)
    assert "failed" == outcome(table, "absent")
    with pytest.raises(LookupFailed):
        tuples.find("absent")


# The breaker.


def test_failures_in_a_row_open_the_breaker(table: GuardedTable, source: Source) -> None:
    """Then nothing is asked, and whoever asks is told the reason."""
    fail(table, source, breaker.FAILURES, "no route to host")
    source.asked.clear()
    with pytest.raises(LookupFailed, match="^test:source: not asked for a while: no route to host$"):
        table.find("here")
    assert [] == source.asked


def test_an_answer_between_starts_the_count_anew(table: GuardedTable, source: Source) -> None:
    """Two failures, an answer, two failures do not open it."""
    for n in range(3):
        fail(table, source, breaker.FAILURES - 1)
        source.fails = None
        assert None is table.find(f"absent{n}")


def test_a_cached_answer_is_given_while_it_is_open(table: GuardedTable, source: Source) -> None:
    """Yes and no."""
    assert ("value", None) == (table.find("here"), table.find("absent"))
    fail(table, source, breaker.FAILURES)
    assert ("value", None) == (table.find("here"), table.find("absent"))


def test_after_the_pause_one_answer_closes_it(table: GuardedTable, source: Source, clock: Clock) -> None:
    """And the count begins anew."""
    fail(table, source, breaker.FAILURES)
    source.fails = None
    clock.go(breaker.FIRST_PAUSE - 0.01)
    assert "failed" == outcome(table, "here")
    clock.go(0.02)
    assert "value" == table.find("here")
    fail(table, source, breaker.FAILURES - 1)
    source.fails = None
    assert "" == table.find("empty")


def test_pauses_double_up_to_the_longest(table: GuardedTable, source: Source, clock: Clock) -> None:
    """1, 2, 4, 8, 16, 30, 30 s, with one question after each; and 1 s again after an answer."""
    fail(table, source, breaker.FAILURES)
    source.asked.clear()
    pauses = [1, 2, 4, 8, 16, 30, 30]
    for number, pause in enumerate(pauses, 1):
        clock.go(pause - 0.01)
        assert ("failed", number - 1) == (outcome(table, "here"), len(source.asked))
        clock.go(0.02)
        assert (["failed"] * 3, number) == ([outcome(table, "here") for _ in range(3)], len(source.asked))
    source.fails = None
    clock.go(30)
    assert "value" == table.find("here")
    fail(table, source, breaker.FAILURES)
    source.fails = None
    clock.go(1.01)
    assert "" == table.find("empty")


def test_a_key_that_alone_fails_does_not_close_the_table(table: GuardedTable, source: Source, clock: Clock) -> None:
    """It is not asked for a while; all others are."""
    source.answers["bad"] = KeyFailed("no such encoding")
    assert ["failed"] * 5 == [outcome(table, "bad") for _ in range(5)]
    assert ["bad"] == source.asked
    assert "value" == table.find("here")
    clock.go(guard.KEY_PAUSE + 0.01)
    source.answers["bad"] = "good"
    assert "good" == table.find("bad")


@dataclass
class Gate:
    """A source that answers when it is let: each question waits for one of `outcomes`."""

    open: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    fails: bool = True
    asked: int = 0
    name: str = "test:gate"
    waits: bool = True

    def find(self, key: str) -> str | None:
        """Waits."""
        self.asked += 1
        self.entered.release()
        assert self.open.acquire(timeout=20)
        if self.fails:
            raise LookupFailed("down")
        return key


@pytest.fixture
def gate() -> Gate:
    """A closed one."""
    return Gate()


@pytest.fixture
def threads(gate: Gate) -> Iterator[ThreadPoolExecutor]:
    """Sixteen, none of which stays behind."""
    with ThreadPoolExecutor(16) as pool:
        yield pool
        gate.open.release(100)


def entered(gate: Gate, times: int) -> None:
    """Wait until so many questions have come to the source."""
    for _ in range(times):
        assert gate.entered.acquire(timeout=20)


def test_many_threads_that_fail_at_once_open_it_once(
    gate: Gate, threads: ThreadPoolExecutor, clock: Clock, _may_wait: None
) -> None:
    """All were asked before it opened: the pause is the first one, whether they fail before it is over or after."""
    table = GuardedTable(gate, Limits(), clock)
    waiting_for = [threads.submit(outcome, table, str(n)) for n in range(16)]
    entered(gate, 16)
    gate.open.release(8)
    wait_for(lambda: sum(future.done() for future in waiting_for) >= 8, "half of them have failed")
    clock.go(0.5)
    gate.open.release(8)
    assert ["failed"] * 16 == [future.result(20) for future in waiting_for]
    clock.go(0.51)
    gate.fails = False
    gate.open.release()
    assert "here" == table.find("here")


def test_after_a_pause_one_thread_asks_alone(
    gate: Gate, threads: ThreadPoolExecutor, clock: Clock, _may_wait: None
) -> None:
    """The others are told at once; a late failure from before neither ends the probe nor counts as one."""
    table = GuardedTable(gate, Limits(), clock)
    early = [threads.submit(outcome, table, str(n)) for n in range(breaker.FAILURES + 1)]
    entered(gate, breaker.FAILURES + 1)
    gate.open.release(breaker.FAILURES)
    wait_for(lambda: sum(future.done() for future in early) >= breaker.FAILURES, "the breaker is open")
    clock.go(1.01)
    probes = [threads.submit(outcome, table, f"probe{n}") for n in range(2)]
    entered(gate, 1)
    assert ["failed"] * 8 == [outcome(table, f"other{n}") for n in range(8)]
    gate.open.release()  # either the late one or the probe
    assert ["failed"] * 8 == [outcome(table, f"another{n}") for n in range(8)]
    gate.open.release()
    assert {"failed"} == {future.result(20) for future in (*early, *probes)}
    assert breaker.FAILURES + 2 == gate.asked
    clock.go(1.99)
    assert "failed" == outcome(table, "here")
    gate.fails = False
    gate.open.release()
    clock.go(0.02)
    assert "here" == outcome(table, "here")


def test_a_probe_that_never_ends_is_given_up(
    gate: Gate, threads: ThreadPoolExecutor, clock: Clock, _may_wait: None
) -> None:
    """Another one is made, so that a thread that is lost does not close the table for ever."""
    table = GuardedTable(gate, Limits(), clock)
    gate.open.release(breaker.FAILURES)
    assert ["failed"] * breaker.FAILURES == [outcome(table, str(n)) for n in range(breaker.FAILURES)]
    entered(gate, breaker.FAILURES)
    clock.go(1.01)
    lost = threads.submit(outcome, table, "lost")
    entered(gate, 1)
    clock.go(breaker.LONGEST_PROBE - 0.01)
    assert "failed" == outcome(table, "here")
    clock.go(0.02)
    gate.fails = False
    gate.open.release(2)
    assert ("here", "lost") == (table.find("here"), lost.result(20))


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_thread_that_dies_as_it_asks_lets_others_ask(
    table: GuardedTable, source: Source, clock: Clock, error: type[BaseException]
) -> None:
    """What ends a thread is no answer, passes through, and counts as a failure."""
    fail(table, source, breaker.FAILURES)
    clock.go(1.01)
    source.fails = error()
    with pytest.raises(error):
        table.find("here")
    source.fails = None
    assert "failed" == outcome(table, "here")
    clock.go(2.01)
    assert "value" == table.find("here")


@pytest.mark.parametrize("error", [ValueError("odd"), OSError("odd"), RecursionError("odd"), MemoryError("odd")])
def test_whatever_a_source_raises_is_no_answer(table: GuardedTable, source: Source, error: Exception) -> None:
    """Its kind is told."""
    source.fails = error
    with pytest.raises(LookupFailed, match=f"^test:source: {type(error).__name__}: odd$"):
        table.find("here")


def test_a_reason_is_one_line_of_text(table: GuardedTable, source: Source) -> None:
    """Whatever the server says, or the client has made it say: no forged line, no escape, no novel."""
    source.fails = LookupFailed("no\nentry \x1b[2J\x00 \u2028 for " + "x" * 1000)
    with pytest.raises(LookupFailed) as caught:
        table.find("here")
    text = str(caught.value)
    assert text.isprintable()
    assert text.startswith(r"test:source: no entry \x1b[2J\x00 for xxx")
    assert len(text) < 400


# A thread that may not wait: a callback of a milter.


@pytest.fixture
def both(source: Source, clock: Clock) -> tuple[GuardedTable, Callable[[str], str | None]]:
    """The guarded source, to be asked here, where nothing may wait; and a way to ask in a thread that may."""
    table = GuardedTable(source, Limits(), clock)

    def elsewhere(key: str) -> str | None:
        with ThreadPoolExecutor(1, initializer=waiting.allow) as pool:
            return pool.submit(outcome, table, key).result(20)

    return table, elsewhere


Both = tuple[GuardedTable, Callable[[str], str | None]]


def test_a_callback_never_asks(both: Both, source: Source) -> None:
    """What is not in the cache must be waited for, elsewhere."""
    table, _ = both
    with pytest.raises(MustWait):
        table.find("here")
    assert [] == source.asked


def test_a_callback_has_what_is_cached(both: Both, source: Source) -> None:
    """Yes and no."""
    table, elsewhere = both
    assert ("value", None) == (elsewhere("here"), elsewhere("absent"))
    assert ("value", None) == (table.find("here"), table.find("absent"))


def test_a_callback_is_told_at_once_while_the_breaker_is_open(both: Both, source: Source, clock: Clock) -> None:
    """Until the pause is over: then it must wait for the question that is due."""
    table, elsewhere = both
    source.fails = LookupFailed("down")
    assert ["failed"] * 3 == [elsewhere(str(n)) for n in range(breaker.FAILURES)]
    with pytest.raises(LookupFailed):
        table.find("here")
    clock.go(1.01)
    with pytest.raises(MustWait):
        table.find("here")


# Several tables together.


class Says:
    """Names of which all are in it, or none, or that raise."""

    def __init__(self, answer: bool | Exception) -> None:
        self.answer = answer

    def __contains__(self, name: object) -> bool:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


YES, NO, DOWN, WAIT = True, False, LookupFailed("down"), MustWait("x")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param((), False, id="no tables"),
        pytest.param((NO, NO), False, id="none has it"),
        pytest.param((NO, YES), True, id="the second has it"),
        pytest.param((DOWN, YES), True, id="one is down, another has it"),
        pytest.param((WAIT, YES), True, id="one must be waited for, another has it"),
        pytest.param((YES, DOWN), True, id="the first has it"),
        pytest.param((DOWN, NO), LookupFailed, id="one is down, the other has it not"),
        pytest.param((NO, DOWN), LookupFailed, id="one has it not, the other is down"),
        pytest.param((DOWN, WAIT), MustWait, id="one is down, the other may have it"),
        pytest.param((WAIT, DOWN, NO), MustWait, id="one may have it, the others do not help"),
    ],
)
def test_any_of(answers: tuple[bool | Exception, ...], expected: bool | type[Exception]) -> None:
    """A yes is a yes whatever the others say; a no needs the no of all."""
    parts: tuple[Names, ...] = tuple(Says(answer) for answer in answers)
    if isinstance(expected, bool):
        assert expected is ("here" in AnyOf(parts))
    else:
        with pytest.raises(expected):
            "here" in AnyOf(parts)  # noqa: B015


# A table that answers at once.


def test_a_ready_table_is_asked_every_time(source: Source) -> None:
    """There is no cache, and no thread to wait in."""
    table = ReadyTable(source)
    assert [True, True, False, False] == ["here" in table, "empty" in table, "absent" in table, 7 in table]
    assert ("value", ["here", "empty", "absent", "here"]) == (table.find("here"), source.asked)


@pytest.mark.parametrize("error", [LookupFailed("locked"), OSError("locked")])
def test_a_ready_table_that_fails_gives_no_answer(source: Source, error: Exception) -> None:
    """Its name is told, so that its administrator knows which."""
    source.fails = error
    with pytest.raises(LookupFailed, match=r"^test:source: .*locked$"):
        ReadyTable(source).find("here")


def test_no_time_left(source: Source, clock: Clock) -> None:
    """A source that a decision comes to when its time is over is not asked, and not blamed."""
    table = GuardedTable(source, Limits(), clock)
    with waiting.allowing(time.monotonic() - 1):
        for number in range(9):
            with pytest.raises(LookupFailed, match="the time for the decision is over"):
                table.find(f"k{number}")
    with waiting.allowing():
        table.find("k")
    assert source.asked == ["k"]


def test_a_source_asked_late_is_not_blamed_for_the_time(source: Source, clock: Clock) -> None:
    """Where others took the decision's time its failure says nothing: nobody closes a source by being slow before."""
    source.fails = LookupFailed("no answer in time")

    def fail(whole: float) -> None:
        table = GuardedTable(source, Limits(), clock)
        source.asked.clear()
        for number in range(9):
            with waiting.allowing(time.monotonic() + 0.04, whole), pytest.raises(LookupFailed):
                table.find(f"k{number}")

    fail(whole=2.0)
    assert len(source.asked) == 9
    fail(whole=0.04)
    assert len(source.asked) == breaker.FAILURES


def test_a_trial_that_comes_late_lets_another_follow(source: Source, clock: Clock) -> None:
    """After a pause one question is asked alone; where that had no time the next one is asked, at once."""
    table = GuardedTable(source, Limits(), clock)
    source.fails = LookupFailed("down")
    with waiting.allowing():
        for number in range(breaker.FAILURES):
            with pytest.raises(LookupFailed):
                table.find(f"k{number}")
    clock.go(breaker.LONGEST_PAUSE + 1)
    with waiting.allowing(time.monotonic() + 0.04, 2.0), pytest.raises(LookupFailed):
        table.find("late")
    source.fails = None
    with waiting.allowing():
        assert table.find("here") == "value"
