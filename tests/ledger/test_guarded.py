"""A ledger that is down costs microseconds, and is tried again by a thread that may wait."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from relaymilter.ledger.guarded import GuardedLedger, state_of
from relaymilter.ledger.memory import MemoryLedger
from relaymilter.lookups import breaker, waiting
from relaymilter.policy.ports import Change, LookupFailed, MustWait, Past

NOW = 1_800_000_000


class Failing(MemoryLedger):
    """A ledger that is down until it is told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.down = True
        self.asked = 0

    def update(self, *arguments: object) -> object:  # type: ignore[override]
        self.asked += 1
        if self.down:
            raise LookupFailed("no route to host")
        return super().update(*arguments)  # type: ignore[arg-type, call-overload]


@pytest.fixture(autouse=True)
def _waiting() -> Iterator[None]:
    with waiting.allowing():
        yield


def touch(ledger: GuardedLedger) -> None:
    """Change it."""
    ledger.update("login alice", NOW, (), lambda past: Change(None, b"", NOW + 1))


def test_down_is_not_asked_for_a_while() -> None:
    """After some failures each further question fails at once; after the pause one is asked, and then all again."""
    now = 0.0
    failing = Failing()
    ledger = GuardedLedger(failing, "redis:x", lambda: now)
    for _ in range(breaker.FAILURES + 5):
        with pytest.raises(LookupFailed, match="no route to host"):
            touch(ledger)
    assert breaker.FAILURES == failing.asked
    failing.down, now = False, breaker.FIRST_PAUSE
    touch(ledger)
    touch(ledger)
    assert breaker.FAILURES + 2 == failing.asked
    assert b"" == ledger.read("login alice", NOW)
    assert ["login alice"] == list(ledger.subjects("login", NOW))
    assert 0 == ledger.remembered("login alice", NOW)
    assert ledger.forget("login alice")


def test_whoever_may_not_wait_does_not_try() -> None:
    """While it fails, or may fail again, only threads that may wait find out whether it works."""
    failing = Failing()
    ledger = GuardedLedger(failing, "redis:x")
    with pytest.raises(LookupFailed):
        touch(ledger)
    with ThreadPoolExecutor(1) as threads, pytest.raises(MustWait):
        threads.submit(touch, ledger).result()
    assert 1 == failing.asked


def test_mistake_of_a_change_is_no_failure() -> None:
    """What a change raises is no fault of the store, however often."""
    ledger = GuardedLedger(MemoryLedger(), "redis:x")

    def change(past: Past) -> Change[None]:
        raise ZeroDivisionError

    for _ in range(breaker.FAILURES + 1):
        with pytest.raises(ZeroDivisionError):
            ledger.update("login alice", NOW, (), change)
    touch(ledger)


def test_says_once_that_it_is_down_and_once_that_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    """An alarm, and a line when it is over; `status` is given the same."""
    inner = Failing()
    ledger = GuardedLedger(inner, "redis:x")
    for _ in range(2):
        with pytest.raises(LookupFailed):
            touch(ledger)
    assert {"down": [ledger.state.since], "problems": ["no route to host"]} == state_of(ledger)
    alarm = "redis:x does not answer: no route to host; until it does, small limits in memory hold for everyone"
    assert [("ERROR", alarm)] == [(record.levelname, record.getMessage()) for record in caplog.records]
    inner.down = False
    touch(ledger)
    touch(ledger)
    assert {"up": [ledger.state.since], "problems": []} == state_of(ledger)
    assert "redis:x answers again after 0 s" == caplog.records[-1].getMessage()
    assert 2 == len(caplog.records)
    assert {} == state_of(MemoryLedger())


def test_a_patient_one_is_asked_only_by_who_may_wait() -> None:
    """So that of several changes of one decision none is made twice."""
    inner = Failing()
    inner.down = False
    ledger = GuardedLedger(inner, "sqlite:/x", patient=True)
    with waiting.forbidding(), pytest.raises(MustWait):
        touch(ledger)
    touch(ledger)
    assert 1 == inner.asked
