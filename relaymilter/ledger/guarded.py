"""A ledger that others hold, made safe to ask: a breaker, so that one that is down costs microseconds.

It says LookupFailed then, at once; what is decided without it is policy's to say. The log has an alarm when the first
answer does not come, and a line when one comes again.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, ParamSpec, TypeVar

from relaymilter.lookups import outcomes, waiting
from relaymilter.lookups.breaker import Breaker
from relaymilter.policy.ports import Change, Hash, Ledger, LookupFailed, MustWait, Past

T = TypeVar("T")
P = ParamSpec("P")

log = logging.getLogger(__name__)


class State(NamedTuple):
    """How a ledger stands."""

    since: float
    """Unix time."""
    problem: str = ""
    """Why it does not answer; empty: it does."""


def state_of(ledger: Ledger) -> dict[str, list[float] | list[str]]:
    """How it stands, for a report of a worker: reports are joined, so each of these is a list.

    `up` and `down` have a time each, `problems` why it does not answer.
    """
    if not isinstance(ledger, GuardedLedger):
        return {}
    state = ledger.state
    return {"down" if state.problem else "up": [state.since], "problems": [state.problem] if state.problem else []}


class GuardedLedger:
    """A Ledger."""

    waits = True

    def __init__(
        self, ledger: Ledger, name: str, clock: Callable[[], float] = time.monotonic, patient: bool = False
    ) -> None:
        """`name` is for the log. `patient`: it is asked only where a thread may wait, however quick it mostly is.

        That is for who makes several changes for one decision, all or none: the second one must not be left to be made
        elsewhere, together with the first one again.
        """
        self._ledger = ledger
        self._name = name
        self._patient = patient
        self.breaker = Breaker(name, clock)
        self.state = State(time.time())

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """As Ledger has it."""
        return self._asked(self._ledger.update, subject, now, asks, change)

    def read(self, subject: str, now: int, /) -> bytes | None:
        """As Ledger has it."""
        return self._asked(self._ledger.read, subject, now)

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it."""
        return self._asked(self._ledger.subjects, prefix, now)

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        return self._asked(self._ledger.remembered, subject, now)

    def forget(self, subject: str, /) -> bool:
        """As Ledger has it."""
        return self._asked(self._ledger.forget, subject)

    def _asked(self, ask: Callable[P, T], *of: P.args, **names: P.kwargs) -> T:
        failing = self.breaker.failing
        if failing and (refused := self.breaker.refuses()) is not None:
            outcomes.asked_ledger(self._name, outcomes.NOT_ASKED)
            raise LookupFailed(f"{self._name}: {refused}")
        if (failing or self._patient) and not waiting.allowed():
            raise MustWait(self._name)  # whoever may wait finds out whether it works again
        ticket = self.breaker.enter()
        if isinstance(ticket, str):
            outcomes.asked_ledger(self._name, outcomes.NOT_ASKED)
            raise LookupFailed(f"{self._name}: {ticket}")
        try:
            answer = ask(*of, **names)
        except LookupFailed as failure:
            outcomes.asked_ledger(self._name, outcomes.FAILED)
            self.breaker.failed(ticket, str(failure))
            self._stands(str(failure))
            raise
        outcomes.asked_ledger(self._name, outcomes.ANSWERED)
        if self.breaker.failing:
            self.breaker.worked()
        if self.state.problem:
            self._stands("")
        return answer

    def _stands(self, problem: str) -> None:
        """An answer has come, or has not: said once for each change."""
        before = self.state
        if bool(problem) == bool(before.problem):
            return
        self.state = State(time.time(), problem)
        if problem:
            log.error(
                "%s does not answer: %s; until it does, small limits in memory hold for everyone", self._name, problem
            )
        else:
            log.warning("%s answers again after %.0f s", self._name, self.state.since - before.since)
