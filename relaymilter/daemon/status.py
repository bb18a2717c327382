"""What `relaymilter status` is answered: sections, and what is not as it should be.

A section is a line of SECTIONS and a function of State; its value is anything that JSON has, which the command prints
without knowing it. What workers know comes with their reports (milter/reporting.py).
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from relaymilter import __version__
from relaymilter.daemon.in_force import InForce
from relaymilter.daemon.listener import Listener
from relaymilter.daemon.reports import Report
from relaymilter.daemon.slot import Slot
from relaymilter.observe.shared_addresses import evidence
from relaymilter.policy.shared_addresses import Alarm

FINE, WARNING, CRITICAL, UNKNOWN = range(4)
"""Exit statuses of monitoring plug-ins (the Nagios plug-in guidelines)."""
Value: TypeAlias = Any
"""Anything that JSON has."""


@dataclass(frozen=True, slots=True)
class State:
    """All that a section may look at."""

    in_force: InForce
    listeners: tuple[Listener, ...]
    slots: list[Slot]
    silent: list[int]
    """Numbers of places whose worker does not answer."""
    draining: int
    report: Report
    started: float
    shared: tuple[Alarm, ...] = ()
    """Addresses that look shared, or have lost their trust for it."""
    refused: tuple[str, ...] = ()
    """What was wrong at the last reload, if it was refused."""
    now: float = field(default_factory=time.time)


class Section(NamedTuple):
    """What there is to say on one matter."""

    value: Value
    problems: tuple[str, ...] = ()
    """What of it is worth a warning."""
    critical: bool = False


def _process(state: State) -> Section:
    value = {"pid": os.getpid(), "since": _time(state.started), "seconds": _age(state.started, state.now)}
    dry_run = {"dry_run": True} if state.in_force.settings.daemon.dry_run else {}
    return Section(value | dry_run)


def _listeners(state: State) -> Section:
    return Section([str(listener.endpoint) for listener in state.listeners])


def _policy(state: State) -> Section:
    ours = state.in_force
    value = {
        "since": _time(ours.since),
        "seconds": _age(ours.since, state.now),
        "fingerprint": ours.fingerprint,
        "files": len(ours.files),
    }
    problems = [f"the last reload was refused: {problem}" for problem in state.refused]
    problems += [f"{key} has changed and needs a restart" for key in ours.waiting]
    return Section(value, tuple(problems))


def _workers(state: State) -> Section:
    settings = state.in_force.settings
    serving = sum(slot.worker is not None for slot in state.slots)
    value = {"serving": serving, "of": len(state.slots), "draining": state.draining, "runtime": settings.daemon.runtime}
    missing = [f"worker {slot.number} is not there" for slot in state.slots if slot.worker is None]
    silent = [f"worker {number} does not answer" for number in state.silent]
    return Section(value, (*missing, *silent), critical=serving == len(state.silent))


def _sessions(state: State) -> Section:
    return Section(
        {"open": state.report.now.get("connections", 0), "since the start": state.report.counts.get("sessions", 0)}
    )


def _decisions(state: State) -> Section:
    return Section(state.report.counts.get("decisions", {}))


def _breakers(state: State) -> Section:
    breakers = state.report.now.get("breakers", [])
    return Section(breakers, tuple(f"not asked for a while: {each}" for each in breakers))


def _ledger(state: State) -> Section:
    """The worst of what the workers say: each has its own connection."""
    guard = state.in_force.settings.policy.guard
    if guard is None:
        return Section({})
    said = state.report.now.get("ledger", {})
    down = said.get("down", [])
    value: dict[str, Value] = {"name": guard.name, "state": "down" if down else "up"}
    since = min(down) if down else max(said.get("up", []), default=None)
    if since is not None:
        value |= {"since": _time(since), "seconds": _age(since, state.now)}
    return Section(value, tuple(f"the ledger does not answer: {problem}" for problem in said.get("problems", ())))


def _shared(state: State) -> Section:
    said = [
        f"{each.address} {'is local no more' if each.distrusted else 'looks shared'}: {evidence(each)}"
        for each in state.shared
    ]
    return Section(said, tuple(said))


def _warnings(state: State) -> Section:
    return Section(list(state.in_force.warnings))


SECTIONS: Mapping[str, Callable[[State], Section]] = {
    "process": _process,
    "listeners": _listeners,
    "policy": _policy,
    "workers": _workers,
    "sessions": _sessions,
    "decisions": _decisions,
    "breakers": _breakers,
    "ledger": _ledger,
    "shared": _shared,
    "warnings": _warnings,
}
"""In the order in which they are printed."""


def status(state: State) -> dict[str, Value]:
    """The answer: `version`, `status` (as the exit status), `problems`, and a key for each section."""
    sections = {name: section(state) for name, section in SECTIONS.items()}
    problems = [problem for section in sections.values() for problem in section.problems]
    worst = CRITICAL if any(section.critical for section in sections.values()) else WARNING if problems else FINE
    head = {"version": __version__, "status": worst, "problems": problems}
    return head | {name: section.value for name, section in sections.items()}


def _time(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def _age(since: float, now: float) -> int:
    return max(0, int(now - since))
