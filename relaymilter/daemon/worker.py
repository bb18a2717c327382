"""A worker: one process with one policy for all its life.

It is forked with listening sockets and one end of a socket to its parent, on which it says that it serves, is told to
drain, and reports (milter/reporting.py). Told to drain, or where the parent is gone, it takes no new connections and
ends after the sessions in flight.
"""

import importlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from relaymilter.config.log import LogSettings
from relaymilter.config.model import Settings
from relaymilter.config.wiring import Sight, wired
from relaymilter.daemon.forking import forked
from relaymilter.daemon.privileges import become, stay_on_core
from relaymilter.daemon.reports import Report, parse_report
from relaymilter.ledger.guarded import state_of
from relaymilter.lookups import outcomes
from relaymilter.lookups.breaker import open_breakers
from relaymilter.milter.session import Service
from relaymilter.notices.giving import give_notice
from relaymilter.observe import shared_addresses
from relaymilter.observe.counts import Counts
from relaymilter.observe.decisions import DecisionLog
from relaymilter.observe.meter import Meter
from relaymilter.observe.sink import Sink, log_to
from relaymilter.observe.tally import Tally
from relaymilter.policy.sketches import Sketches

log = logging.getLogger(__name__)


_DRAIN_SECONDS = 1.0
_LONGEST = 1 << 18
"""Octets of a report: no more go into the send buffer (net.core.wmem_default)."""
_REPORT = b"{"


@dataclass(slots=True)
class Worker:
    """What the parent knows of a worker."""

    pid: int
    control: socket.socket
    report: Report = field(default_factory=Report)
    """The last one that came."""
    tally: Tally | None = None
    """Where it counts."""

    def serves(self, seconds: float) -> bool:
        """Wait until it does; False where it does not within these seconds, or has ended."""
        return self._wait(b"R", seconds)

    def drain(self, shut: bool = False) -> None:
        """Tell it to take no more connections, and wait until it takes none.

        `shut`: nor shall any other worker, so it may shut the sockets.
        """
        if self._tell(b"SD" if shut else b"D"):
            self._wait(b"D", _DRAIN_SECONDS)

    def ask(self) -> bool:
        """Ask for a report; False where it has ended."""
        return self._tell(b"?")

    def answers(self, seconds: float) -> bool:
        """Wait for the report that was asked for."""
        return self._wait(_REPORT, seconds)

    def ended(self) -> None:
        """It is dead: read what it said last."""
        self._wait(b"", 0.0)
        self.control.close()

    def _tell(self, word: bytes) -> bool:
        try:
            self.control.settimeout(0)
            self.control.send(word)
        except OSError:  # it is dead already, or reads nothing
            return False
        return True

    def _wait(self, word: bytes, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.control.settimeout(max(0.0, deadline - time.monotonic()))
                packet = self.control.recv(_LONGEST)
            except OSError:
                return False
            if packet.startswith(_REPORT):
                self.report = parse_report(packet)
            if not packet or (word and packet.startswith(word)):
                return bool(packet)


def start(
    settings: Settings,
    listeners: Sequence[socket.socket],
    core: int,
    others: Sequence[Worker],
    sketches: Sketches,
    forget: Callable[[], None] = lambda: None,
    notices: socket.socket | None = None,
    tally: Tally | None = None,
) -> Worker:
    """Fork a worker; `others` are those whose control sockets it must not keep open; it calls `forget`.

    `sketches` are shared with the other workers; `notices` takes the notices that it gives; in `tally` it counts.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def leave() -> None:
        ours.close()
        for other in others:
            other.control.close()
        forget()

    pid = forked(leave, partial(_live, settings, listeners, theirs, core, sketches, notices, tally), "a worker")
    theirs.close()
    return Worker(pid, ours, tally=tally)


def remarks(settings: Settings) -> list[str]:
    """What there is to say of the runtime, once at the start."""
    if settings.daemon.runtime != "loop":
        return []
    from relaymilter.milter import loop  # libmilter's workers have no use for asyncio

    return [] if loop.uvloop else [loop.WITHOUT_UVLOOP]


def _live(
    settings: Settings,
    listeners: Sequence[socket.socket],
    control: socket.socket,
    core: int,
    sketches: Sketches,
    notices: socket.socket | None,
    tally: Tally | None,
) -> None:
    os.setpgid(0, 0)  # a terminal's ^C is for the parent
    sink = log_to(settings.log.syslog, settings.log.verbose, settings.log.file)
    if settings.daemon.pin:
        stay_on_core(core)
    runtime = importlib.import_module(f"relaymilter.milter.{settings.daemon.runtime}")
    if settings.daemon.account is not None:
        become(settings.daemon.account)  # who may not be allowed to read our files
    runtime.serve(
        service(settings, sink, sketches, notices if settings.notices.any else None, _meter(tally)),
        listeners,
        control,
        settings.daemon.stop_timeout,
    )


def _meter(tally: Tally | None) -> Meter | None:
    if tally is None:
        return None
    meter = Meter(tally)
    outcomes.listen(meter.heard)
    return meter


def service(
    settings: Settings,
    sink: Sink,
    sketches: Sketches,
    notices: socket.socket | None = None,
    meter: Meter | None = None,
) -> Service:
    """What sessions share: `sketches` with those of other workers, too; `notices` takes notices; `meter` counts."""
    notice = partial(give_notice, notices, socket.gethostname())
    policy = wired(settings.policy, notice=notice, sight=Sight(sketches, shared_addresses.warn))
    rules = policy.ruleset
    if meter is not None:
        names = (rule.name for rule in rules.rules), (each.name for each in rules.restrictions)
        meter.expect(*names, ledger=policy.charges is not None)
    return Service(
        ruleset=rules,
        charges=policy.charges,
        lookup_timeout=settings.policy.lookups.timeout,
        needs=rules.needs,
        decisions=decision_log(settings.log, sink),
        dry_run=settings.daemon.dry_run,
        prefix=f"{secrets.token_hex(3)}-",
        counts=Counts(meter),
        sections=_sections(settings),
    )


def _sections(settings: Settings) -> dict[str, Callable[[], object]]:
    guard = settings.policy.guard
    ledger = {"ledger": partial(state_of, guard.ledger)} if guard is not None else {}
    return {"breakers": open_breakers, **ledger}


def decision_log(settings: LogSettings, sink: Sink) -> DecisionLog | None:
    """The log that was asked for, or None."""
    if settings.decisions == "none":
        return None
    return DecisionLog(
        write=sink,
        as_json=settings.format == "json",
        permits=settings.decisions == "all",
        trail=settings.verbose,
        batches=not settings.syslog,
    )
