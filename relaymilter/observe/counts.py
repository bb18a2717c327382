"""What a worker counts: sessions, and decisions by verdict."""

from dataclasses import dataclass, field

from relaymilter.policy.verdict import Decision


@dataclass(slots=True)
class Counts:
    """Since the worker began. To count one is a dict look-up: in CPython no other thread runs in the midst of it."""

    sessions: int = 0
    decisions: dict[str, int] = field(default_factory=lambda: {"permit": 0, "reject": 0, "defer": 0})

    def decided(self, decision: Decision) -> None:
        """One decision more, also in a dry run."""
        self.decisions[decision.word] += 1
