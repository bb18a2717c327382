"""What became of an attempt, and of all of them: by family, in lines, and for JSON."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from relaymilter.audit.hostile.envelopes import Envelope


class Outcome(Enum):
    """What was said to the recipient that must not get through."""

    OPENED = "opened"
    """Taken."""
    HELD = "held"
    """Refused for good."""
    DEFERRED = "deferred"
    """Refused for now: held, too, but what comes of it later is not known."""
    UNSEEN = "unseen"
    """Taken, but the message that was sent did not come: not held, and not proved open either."""


class Trial(NamedTuple):
    """One attempt."""

    envelope: Envelope
    outcome: Outcome
    said: str
    """The reply, or the rule that permitted and why."""
    mark: str = ""
    """Of the message that was sent and taken."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {
            "family": self.envelope.family,
            "outcome": self.outcome.value,
            "envelope": str(self.envelope),
            "said": self.said,
        }


class Row(NamedTuple):
    """A family, or all: how many were tried, and how many held; of those some were but deferred."""

    family: str
    tried: int
    held: int
    deferred: int


def outcome_of(code: int) -> Outcome:
    """Of the code of an SMTP reply to RCPT."""
    if code < 400:
        return Outcome.OPENED
    return Outcome.HELD if code >= 500 else Outcome.DEFERRED


def rows(trials: Sequence[Trial]) -> Iterator[Row]:
    """One for each family, in the order of the trials, and their sum."""
    for family in dict.fromkeys(trial.envelope.family for trial in trials):
        yield _row(family, [trial for trial in trials if trial.envelope.family == family])
    yield _row("all", trials)


def _row(family: str, trials: Sequence[Trial]) -> Row:
    outcomes = [trial.outcome for trial in trials]
    taken = outcomes.count(Outcome.OPENED) + outcomes.count(Outcome.UNSEEN)
    return Row(family, len(trials), len(trials) - taken, outcomes.count(Outcome.DEFERRED))


def opened(trials: Iterable[Trial]) -> list[Trial]:
    """Those that got through."""
    return [trial for trial in trials if trial.outcome is Outcome.OPENED]


def table(trials: Sequence[Trial]) -> Iterator[str]:
    """The rows, in lines."""
    yield f"{'family':<16}{'tried':>7}{'held':>7}{'deferred':>10}"
    for row in rows(trials):
        mark = f"  {_word(row, trials)}" if row.held < row.tried else ""
        yield f"{row.family:<16}{row.tried:>7}{row.held:>7}{row.deferred:>10}{mark}"


def _word(row: Row, trials: Sequence[Trial]) -> str:
    is_open = any(trial.envelope.family == row.family or row.family == "all" for trial in opened(trials))
    return "OPEN" if is_open else "unseen"


_MOST = 20


def open_lines(trials: Sequence[Trial]) -> Iterator[str]:
    """Those that got through, in lines; of many the first."""
    got_through = [trial for trial in trials if trial.outcome in (Outcome.OPENED, Outcome.UNSEEN)]
    if not got_through:
        yield f"None of {len(trials)} envelopes got through."
    for trial in got_through[:_MOST]:
        yield f"{trial.outcome.value} ({trial.envelope.family}): {trial.envelope}"
        yield f"  {trial.said}"
    if len(got_through) > _MOST:
        yield f"and {len(got_through) - _MOST} more, which --json has all"


def as_dict(trials: Sequence[Trial]) -> dict[str, object]:
    """For JSON: the rows, and every attempt that was not refused for good."""
    return {
        "open": bool(opened(trials)),
        "families": [row._asdict() for row in rows(trials)],
        "not_refused": [trial.as_dict() for trial in trials if trial.outcome is not Outcome.HELD],
    }
