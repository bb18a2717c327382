"""Decisions that may block: bounded in number and in time, and never a permit by default."""

import threading
import time

import pytest

from relaymilter.lookups import deadline, waiting
from relaymilter.milter.pool import LookupPool
from relaymilter.milter.session import Service, Session
from relaymilter.policy.envelope import client, request
from relaymilter.policy.rules import RelayRule
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Defer, NoOpinion, Permit

ASKED = request(client("203.0.113.7", 1), b"<a@b.test>")


class Gate:
    """A rule that answers once it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked = threading.Semaphore(0)

    def ask(self, _request: object) -> Permit | NoOpinion:
        """Blocks."""
        self.asked.release()
        self.open.wait(10)
        return NoOpinion("opened")


@pytest.fixture
def gate() -> Gate:
    """A closed one."""
    return Gate()


@pytest.fixture
def session(gate: Gate) -> Session:
    """A session whose only rule is the gate."""
    rules = Ruleset((RelayRule("gate", gate.ask),))
    return Session(Service(rules, decisions=None))


def test_a_decision_in_time_is_what_the_rules_say(gate: Gate, session: Session) -> None:
    """The pool adds nothing to it."""
    gate.open.set()
    assert LookupPool().wait(session, ASKED).rule == "no-rule"


def test_a_missed_deadline_is_uncertain(gate: Gate, session: Session) -> None:
    """451, and the log says why."""
    decision = LookupPool(deadline=0.05).wait(session, ASKED)
    gate.open.set()
    assert isinstance(decision.verdict, Defer)
    assert (decision.verdict.reply.code, decision.verdict.reason) == (451, "no answer within 0.05 s")


def test_a_question_ends_with_the_decision() -> None:
    """Its time in the queue counts, too, and a question that may take longer by itself takes no longer."""
    seen: list[float] = []

    def ask(_request: object) -> NoOpinion:
        began = time.monotonic()
        seen.extend((waiting.end(), deadline.begin(5.0), began + waiting.left()))
        return NoOpinion("asked")

    session = Session(Service(Ruleset((RelayRule("slow", ask),)), decisions=None))
    before = time.monotonic()
    assert LookupPool(deadline=3.0).start(session, ASKED).result(5).rule == "no-rule"
    assert before + 3.0 <= seen[0] <= time.monotonic() + 3.0
    assert seen[1] == seen[0] == pytest.approx(seen[2], abs=0.01)


def test_a_full_pool_is_uncertain_at_once(gate: Gate, session: Session) -> None:
    """No queue without end behind a table that hangs."""
    pool = LookupPool(threads=1, queue=1, deadline=10)
    under_way = [pool.start(session, ASKED) for _ in range(2)]
    assert gate.asked.acquire(timeout=5)
    refused = pool.start(session, ASKED)
    assert refused.done()
    assert refused.result().verdict == Defer(
        session.service.ruleset.refusals.uncertain, "too many look-ups are under way"
    )
    gate.open.set()
    assert [future.result(5).rule for future in under_way] == ["no-rule", "no-rule"]


def test_room_comes_back(gate: Gate, session: Session) -> None:
    """A decision that is made makes room for another, many times over."""
    gate.open.set()
    pool = LookupPool(threads=1, queue=0)
    assert {pool.start(session, ASKED).result(5).rule for _ in range(50)} <= {"no-rule"}


def test_a_look_up_that_has_not_begun_is_not_made_after_its_deadline(gate: Gate, session: Session) -> None:
    """It gives its room back, too."""
    pool = LookupPool(threads=1, queue=1, deadline=0.05)
    first = pool.start(session, ASKED)
    assert gate.asked.acquire(timeout=5)
    assert [pool.wait(session, ASKED).rule for _ in range(3)] == ["broken"] * 3
    gate.open.set()
    assert first.result(5).rule == "no-rule"
    assert not gate.asked.acquire(blocking=False)
