"""The line of the log that says that a login stands worse than before, with what it is known by."""

import logging

from relaymilter.observe.printable import printable_text, quoted
from relaymilter.policy.guard.standing import Judgement

log = logging.getLogger(__name__)


def report(subject: str, judgement: Judgement) -> None:
    """Once for each step: `subject` is as the ledger has it, such as `login alice`."""
    kind, _, name = subject.partition(" ")
    log.warning(
        "%s %s is %s: %s; %s",
        kind,
        quoted(printable_text(name)),
        judgement.standing.name.lower(),
        printable_text(judgement.reason),
        evidence(judgement),
    )


def evidence(judgement: Judgement) -> str:
    """In words; empty where there is none."""
    measured = judgement.evidence
    if measured is None:
        return ""
    return (
        f"new recipients in a day: {measured.recipients}, strange: {measured.strange} % of the room, "
        f"networks in an hour: {measured.networks}, refused in a day: {measured.refused}"
    )
