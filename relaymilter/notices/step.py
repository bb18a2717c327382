"""A step: a login stands worse than before, with the evidence; as a packet between processes, as JSON, in words.

Who makes a step is said by the ledger's atomic update (policy.guard.standing.Judgement.evidence), so that of all
workers and all hosts on one ledger only one gives notice of it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from relaymilter.observe.moment import utc
from relaymilter.observe.printable import printable_text
from relaymilter.policy.guard.standing import Judgement

_LONGEST = 400
"""Characters of a text: a login in a ledger has fewer."""


class Step(NamedTuple):
    """Downward; upward goes an administrator, who knows, and time."""

    time: int
    """Unix time."""
    host: str
    """That has made it."""
    login: str
    """As `relaymilter logins` takes it."""
    standing: str
    """`throttled` or `suspended`."""
    reason: str
    evidence: Mapping[str, int]


class Notice(NamedTuple):
    """What is sent at once: one step as a rule; after a flood of them all that have come meanwhile."""

    steps: tuple[Step, ...]
    more: int = 0
    """So many steps more, of which nothing is kept but their number."""


def step_of(subject: str, judgement: Judgement, now: int, host: str) -> Step:
    """The step that this judgement is; it has evidence."""
    measured = judgement.evidence
    evidence = {} if measured is None else {name.replace("_", "-"): value for name, value in measured._asdict().items()}
    login = subject.partition(" ")[2][:_LONGEST]
    return Step(now, host, login, judgement.standing.name.lower(), judgement.reason[:_LONGEST], evidence)


def packet(step: Step) -> bytes:
    """For another process: a few hundred octets, at most some KiB."""
    return json.dumps(step).encode()


def parse_packet(octets: bytes) -> Step:
    """As packet() made it."""
    moment, host, login, standing, reason, evidence = json.loads(octets)
    return Step(moment, host, login, standing, reason, evidence)


def document(notice: Notice) -> bytes:
    """The JSON that a command reads: always the same form, for one step and for many."""
    steps = [step._asdict() | {"time": utc(step.time)} for step in notice.steps]
    return json.dumps({"steps": steps, "more": notice.more}).encode() + b"\n"


def in_words(step: Step) -> str:
    """One line of ASCII, for the log and for mail."""
    evidence = ", ".join(f"{name} {value}" for name, value in step.evidence.items())
    return f"login {printable_text(step.login)} is {step.standing}: {step.reason} ({evidence})"


def subject_line(notice: Notice) -> str:
    """What it is about, in a few words."""
    count = len(notice.steps) + notice.more
    if count == 1:
        return f"login {_beginning(notice.steps[0].login)} is {notice.steps[0].standing}"
    return f"{count} steps of logins: {', '.join(sorted(set(_standings(notice.steps))))}"


def _beginning(login: str) -> str:
    text = printable_text(login)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _standings(steps: Iterable[Step]) -> list[str]:
    return [step.standing for step in steps]
