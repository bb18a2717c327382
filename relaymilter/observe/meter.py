"""What a worker counts for Prometheus, in a tally that its parent and the exporter share.

A cell is named by what is counted and its labels: words of ours, and names from the configuration. Nothing that a
client says is among them.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable

from relaymilter.lookups import outcomes
from relaymilter.observe.tally import Tally
from relaymilter.policy.verdict import Decision

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Of the times of decisions, in seconds; what takes longer than the last one has a cell of its own."""
SESSIONS, OPEN, DECISIONS, SECONDS, NANOSECONDS = "sessions", "open", "decisions", "seconds", "nanoseconds"
BREAKER = outcomes.BREAKER
OF_NO_RULE = ("no-rule", "bad-path", "uncertain", "broken")
"""What a decision that no rule and no restriction made is said to be by."""
OF_NOW = (OPEN, BREAKER)
"""Kinds of cells that say how things stand in a process: they end with it."""

_BOUNDS = tuple(int(seconds * 1e9) for seconds in BOUNDS)


class Meter:
    """Counts; a new one of a worker that died goes on where that ended."""

    __slots__ = ("_nanoseconds", "_open", "_seconds", "_sessions", "_tally", "_values")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._values = tally.values
        tally.drop(*OF_NOW)
        self._sessions = tally.cell((SESSIONS,))
        self._open = tally.cell((OPEN,))
        self._seconds = [tally.cell((SECONDS, str(bound))) for bound in (*BOUNDS, "+Inf")]
        self._nanoseconds = tally.cell((NANOSECONDS,))

    def expect(self, rules: Iterable[str], restrictions: Iterable[str], ledger: bool) -> None:
        """These will decide: their counts are there, and zero, from the beginning, so that each step shows."""
        refusals = *restrictions, *OF_NO_RULE
        for verdict, names in {"permit": rules, "reject": refusals, "defer": refusals}.items():
            for name in names:
                self._tally.cell((DECISIONS, verdict, name))
        if ledger:
            self._tally.cell((outcomes.SPARE, "", ""))

    def opened(self) -> None:
        """A session has begun."""
        self._values[self._sessions] += 1
        self._values[self._open] += 1

    def closed(self) -> None:
        """It has ended."""
        self._values[self._open] -= 1

    def decided(self, decision: Decision, began: int) -> None:
        """A decision that was begun at this time of time.perf_counter_ns()."""
        taken = time.perf_counter_ns() - began
        self._values[self._seconds[bisect_left(_BOUNDS, taken)]] += 1
        self._values[self._nanoseconds] += taken
        self._tally.count((DECISIONS, decision.word, decision.rule))

    def heard(self, of: str, name: str, outcome: str, more: int) -> None:
        """As lookups.outcomes says it."""
        self._tally.count((of, name, outcome), more)
