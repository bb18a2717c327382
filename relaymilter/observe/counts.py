"""What a worker counts: sessions, and decisions by verdict; and more of them where there is a meter."""

import time
from dataclasses import dataclass, field

from relaymilter.observe.meter import Meter
from relaymilter.policy.verdict import WORDS, Decision


@dataclass(slots=True)
class Counts:
    """Since the worker began. To count one is a dict look-up: in CPython no other thread runs in the midst of it."""

    meter: Meter | None = None
    sessions: int = 0
    decisions: dict[str, int] = field(default_factory=lambda: {"permit": 0, "reject": 0, "defer": 0})

    def opened(self) -> None:
        """One session more."""
        self.sessions += 1
        if self.meter is not None:
            self.meter.opened()

    def closed(self) -> None:
        """One of them is over."""
        if self.meter is not None:
            self.meter.closed()

    def asked(self) -> int:
        """When a decision begins; 0 where nobody wants to know."""
        return 0 if self.meter is None else time.perf_counter_ns()

    def decided(self, decision: Decision, began: int) -> None:
        """One decision more, also in a dry run; it began as asked() said."""
        self.decisions[WORDS[type(decision.verdict)]] += 1
        if self.meter is not None:
            self.meter.decided(decision, began)
