"""Thefts that the ledger contained, each with its time line."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from relaymilter.report.counting import BUCKET, Summary, network_of
from relaymilter.report.times import Series, series

_MOST = 30
_REASONS = 3


class Step(NamedTuple):
    """What happened when."""

    time: str
    what: str


class Theft(NamedTuple):
    """A login that was held for what looks like theft; every text is harmless."""

    login: str
    throttled: str
    suspended: str
    permitted: int
    """From two hours before the first refusal on."""
    deferred: int
    rejected: int
    networks: tuple[str, ...]
    reasons: tuple[str, ...]
    steps: tuple[Step, ...]
    series: Series


def thefts(summary: Summary, harmless: Callable[[str], str]) -> list[Theft]:
    """The gravest first: those suspended, then those with the most refusals."""
    found = [(login, each) for login, each in summary.contained.items() if each.theft]
    found.sort(key=lambda item: (not item[1].suspended, -item[1].deferred - item[1].rejected, item[0]))
    evidence = {(each.name, each.what): each.evidence for each in summary.said}
    made = []
    for login, each in found[:_MOST]:
        window = _window(summary, login, each.since, each.last)
        steps = [Step(each.throttled, "throttled"), Step(each.suspended, "suspended"), Step(each.last, "last attempt")]
        told = sorted((step for step in steps if step.time), key=lambda step: step.time)
        words = [Step(harmless(step.time), _words(step, evidence.get((login, step.what), ""))) for step in told]
        networks = sorted({*map(network_of, each.networks)})
        made.append(
            Theft(
                harmless(login), harmless(each.throttled), harmless(each.suspended),
                sum(counts[0] for counts in window.values()), each.deferred, each.rejected,
                tuple(map(harmless, networks)), tuple(map(harmless, sorted(each.reasons)[:_REASONS])),
                tuple(words), series(window, 48),
            )
        )  # fmt: skip
    return made


def _words(step: Step, evidence: str) -> str:
    return f"{step.what}: {evidence[:200]}" if evidence and evidence.isascii() and evidence.isprintable() else step.what


def _window(summary: Summary, login: str, since: str, last: str) -> dict[str, list[int]]:
    """What it did in each ten minutes, from two hours before; two days at most."""
    try:
        begin = datetime.fromisoformat(since) - timedelta(hours=2)
        end = min(datetime.fromisoformat(last), begin + timedelta(days=2))
    except ValueError:
        return {}
    first, final = begin.strftime("%Y-%m-%dT%H:%M")[:BUCKET], end.strftime("%Y-%m-%dT%H:%M")[:BUCKET]
    window = {first: [0, 0, 0], final: [0, 0, 0]}
    for (name, bucket), tally in summary.busy.tallies.items():
        if name == login and first <= bucket <= final:
            window[bucket] = tally[:3]
    return window
