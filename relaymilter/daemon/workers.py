"""All workers: those that serve, each in its place, and those that drain; they are started, replaced and reaped here.

With the event loop a worker serves all listening sockets. libmilter has one in a process and can be started only once
there, so each socket has workers of its own, as many as are configured.
"""

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

from relaymilter.config.model import Settings
from relaymilter.daemon import worker
from relaymilter.daemon.failures import WorkerFailed
from relaymilter.daemon.listener import Listener
from relaymilter.daemon.reports import Report, Values, total
from relaymilter.daemon.slot import Slot, ending
from relaymilter.daemon.tallies import Tallies
from relaymilter.daemon.worker import Worker
from relaymilter.policy.sketches import Sketches

log = logging.getLogger(__name__)

_READY_SECONDS = 20.0
_ANSWER_SECONDS = 1.0


class Workers:
    """The workers of this daemon. Those that start get settings; none is kept here."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        settings: Settings,
        sketches: Sketches,
        forget: Callable[[], None],
        notices: socket.socket,
        tallies: Tallies | None = None,
    ) -> None:
        """`sketches` are shared by all; `forget` is called in each new worker, and drops what is the parent's.

        `notices` takes their notices; in `tallies` they count.
        """
        self._forget = forget
        self._sketches = sketches
        self._notices = notices
        self._tallies = tallies
        self.lost = 0
        shares = _shares(listeners, settings.daemon.runtime) * settings.daemon.workers
        self.slots = [Slot(number, listeners=share) for number, share in enumerate(shares)]
        self.draining: list[Worker] = []
        self._gone: Values = {}

    def fill(self, settings: Settings) -> None:
        """A worker in every place. Raises WorkerFailed and OSError."""
        for slot in self.slots:
            slot.fill(self.start(slot, settings))

    def start(self, slot: Slot, settings: Settings) -> Worker:
        """A worker for this place, once it serves. Raises WorkerFailed and OSError."""
        # The first core is another with every daemon, so that two of them do not share one while others idle.
        core = os.getpid() + slot.number
        sockets = [listener.socket for listener in slot.listeners]
        tally = self._tallies.take() if self._tallies is not None else None
        others = self._alive()
        new = worker.start(settings, sockets, core, others, self._sketches, self._forget, self._notices, tally)
        if not new.serves(_READY_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                os.kill(new.pid, signal.SIGKILL)
            new.control.close()
            _, status = os.waitpid(new.pid, 0)
            self._give_back(new)
            code = os.waitstatus_to_exitcode(status)
            raise WorkerFailed(
                f"a worker {ending(status)} before it served", os.EX_NOPERM if code == os.EX_NOPERM else None
            )
        return new

    def replace(self, slot: Slot, new: Worker) -> None:
        """The new one serves in this place; the old one, if any, drains."""
        old = slot.fill(new)
        if old is not None:
            old.drain()
            self.draining.append(old)

    def restart(self, slot: Slot, settings: Settings) -> None:
        """A new worker, or another try later."""
        try:
            new = self.start(slot, settings)
        except (WorkerFailed, OSError) as error:
            log.error("%s; the next try is in %.1f s", error, slot.postpone())
        else:
            self.replace(slot, new)

    def restart_due(self, settings: Settings) -> None:
        """Where it is time for a new worker."""
        for slot in self.slots:
            if slot.due:
                self.restart(slot, settings)

    def restarts(self) -> list[float]:
        """When the next tries are, by the monotonic clock."""
        return [slot.restart_at for slot in self.slots if slot.restart_at is not None]

    def reap(self) -> None:
        """Take note of workers that ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended(pid, status)

    def _ended(self, pid: int, status: int) -> None:
        for old in self._alive():
            if old.pid == pid:
                old.ended()
                self._gone = total((self._gone, old.report.counts))
                self._give_back(old)
        self.draining = [old for old in self.draining if old.pid != pid]
        for slot in self.slots:
            if slot.worker is not None and slot.worker.pid == pid:
                slot.lost(status)
                self.lost += 1

    def _give_back(self, old: Worker) -> None:
        if self._tallies is not None and old.tally is not None:
            self._tallies.give_back(old.tally)

    def record(self) -> None:
        """How many there are, for metrics."""
        if self._tallies is not None:
            serving = sum(slot.worker is not None for slot in self.slots)
            self._tallies.workers(serving, len(self.slots), len(self.draining), self.lost)

    def forget(self) -> None:
        """In a process that is none of them: it has no part in their sockets."""
        for slot in self.slots:
            for listener in slot.listeners:
                listener.socket.close()
        for old in self._alive():
            old.control.close()

    def report(self) -> tuple[Report, list[int]]:
        """What all of them report, and the numbers of the places whose worker does not answer within a second."""
        asked = [old for old in self._alive() if old.ask()]
        deadline = time.monotonic() + _ANSWER_SECONDS
        answered = [old for old in asked if old.answers(max(0.0, deadline - time.monotonic()))]
        reports = [old.report for old in self._alive()]
        silent = [slot.number for slot in self.slots if slot.worker is not None and slot.worker not in answered]
        return Report(
            total([self._gone, *(report.counts for report in reports)]), total(report.now for report in reports)
        ), silent

    def drain_all(self) -> None:
        """No place has a worker any more."""
        for slot in self.slots:
            if slot.worker is not None:
                # A socket that was handed down is only let go: it is its owner's to shut.
                slot.worker.drain(shut=not any(listener.handed_down for listener in slot.listeners))
                self.draining.append(slot.worker)
                slot.worker = None

    def kill(self) -> None:
        """Told twice, or too late: sessions are cut, which the MTA answers with 4xx."""
        for old in self.draining:
            os.kill(old.pid, signal.SIGKILL)
        for old in self.draining:
            os.waitpid(old.pid, 0)
        self.draining = []

    def _alive(self) -> list[Worker]:
        return [*self.draining, *(slot.worker for slot in self.slots if slot.worker is not None)]


def _shares(listeners: Sequence[Listener], runtime: str) -> list[tuple[Listener, ...]]:
    return [(listener,) for listener in listeners] if runtime == "libmilter" else [tuple(listeners)]
