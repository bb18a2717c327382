"""The parent: owns what was opened, keeps the workers alive, and does nothing else.

It waits for signals alone, all of which are blocked from the first moment on (libmilter has a signal thread of its own
in the worker, whom SIGHUP would stop), and looks at the files now and then; also a request on the control socket
announces itself by a signal. A reload reads the settings aside and replaces the workers one after the other: when a new
one serves, the old one drains. A worker that dies is replaced.
"""

import logging
import os
import signal
import time
from collections.abc import Callable

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Reading
from relaymilter.daemon import worker
from relaymilter.daemon.exporter import Exporter
from relaymilter.daemon.failures import WorkerFailed
from relaymilter.daemon.in_force import AtStart, InForce, Outcome, words
from relaymilter.daemon.log import reopen_log
from relaymilter.daemon.memory import collect
from relaymilter.daemon.notifier import Notifier
from relaymilter.daemon.notify import notify
from relaymilter.daemon.opened import Opened
from relaymilter.daemon.shared_memory import SharedMemory
from relaymilter.daemon.signals import RELOAD, REOPEN, SIGNALS, STOP
from relaymilter.daemon.status import State, status
from relaymilter.daemon.watch import Watch, read_steadily
from relaymilter.daemon.worker import Worker
from relaymilter.daemon.workers import Workers
from relaymilter.policy.shared_addresses import shared
from relaymilter.policy.sketches import SIZE, Sketches

log = logging.getLogger(__name__)

_KILL_AFTER = 3.0
_RESTLESS = 12
"""So many looks in a row at files that keep changing are worth a word."""


class Supervisor:
    """Runs until it is told to stop."""

    def __init__(
        self,
        reading: Reading,
        read: Callable[[], Reading],
        opened: Opened,
        watch: Watch,
        serving: Callable[[], None] = lambda: None,
    ) -> None:
        """`serving` is called once it serves."""
        self.at_start = AtStart(reading.settings, len(opened.listeners))
        self.in_force = self.at_start.take(reading)
        self.read = read
        self.opened = opened
        self.watch = watch
        self.serving = serving
        self.started = time.time()
        self.look_at = time.monotonic() + reading.settings.daemon.watch
        self.notifier = Notifier()
        self.sketches = Sketches(SharedMemory(SIZE))
        self.exporter = Exporter(opened.metrics)
        self.workers = Workers(
            opened.listeners, reading.settings, self.sketches, self.forget, self.notifier.entry, self.exporter.tallies
        )
        self.refused: tuple[str, ...] = ()

    def run(self) -> None:
        """Serve, and leave nothing behind. Raises WorkerFailed if no worker serves."""
        try:
            self.notifier.serve(self.in_force.settings, self.leave)
            self.exporter.serve(self.in_force.settings, self.leave_all)
            self.workers.fill(self.in_force.settings)
            self.exporter.record(self.in_force, self.started, self.workers)
            for listener in self.opened.listeners:
                log.info("serving on %s %s", listener.endpoint, words(self.in_force.settings))
            for remark in worker.remarks(self.in_force.settings):
                log.warning("%s", remark)
            notify("READY=1")
            self.serving()
            self.wait_for_signals()
        finally:
            self.stop()

    def wait_for_signals(self) -> None:
        """Until SIGTERM or SIGINT."""
        while True:
            self.exporter.record(self.in_force, self.started, self.workers)
            caught = self.next_signal()
            if caught in STOP:
                log.info("stopping")
                return
            if caught in RELOAD:
                self.reload()
            if caught == REOPEN:
                reopen_log(self.in_force.settings)
            self.look()
            self.notifier.look(self.in_force.settings, self.leave)
            self.exporter.look(self.in_force.settings, self.leave_all)
            self.workers.reap()
            self.workers.restart_due(self.in_force.settings)
            if self.opened.control is not None:
                self.opened.control.answer({"status": self.status, "reload": self.reload_now, "trust": self.trust})

    def next_signal(self) -> int | None:
        times = [*self.workers.restarts(), *self.notifier.restarts(), *self.exporter.restarts()]
        if self.in_force.settings.daemon.watch:
            times.append(self.look_at)
        if not times:
            return signal.sigwaitinfo(SIGNALS).si_signo
        info = signal.sigtimedwait(SIGNALS, max(0.0, min(times) - time.monotonic()))
        return info.si_signo if info else None

    def look(self) -> None:
        """At the files, if it is time, and read them if they have changed."""
        if not self.in_force.settings.daemon.watch or time.monotonic() < self.look_at:
            return
        if changed := self.watch.changed():
            log.info("%s changed", ", ".join(map(str, changed)))
            self.reload()
        if self.watch.unsettled == _RESTLESS:
            log.warning("files change at every look, and are not read before they have settled: replace them by mv")
        self.look_at = time.monotonic() + self.in_force.settings.daemon.watch

    def forget(self) -> None:
        """In a worker: its settings are its own, and those of before a reload are not to stay in its memory."""
        del self.in_force
        self.opened.forget()
        self.notifier.forget()
        self.exporter.forget()

    def leave(self) -> None:
        """In the process that sends notices: nothing of this is its own."""
        self.opened.forget()
        self.workers.forget()
        self.exporter.forget()

    def leave_all(self) -> None:
        """In the process that shows metrics: nor is the way to the other one."""
        self.leave()
        self.notifier.forget()
        self.notifier.entry.close()

    def status(self) -> object:
        """What `relaymilter status` is answered."""
        self.workers.reap()
        report, silent = self.workers.report()
        draining = len(self.workers.draining)
        return status(
            State(
                in_force=self.in_force,
                listeners=self.opened.listeners,
                slots=self.workers.slots,
                silent=silent,
                draining=draining,
                report=report,
                started=self.started,
                shared=tuple(shared(self.sketches, int(time.time()))),
                refused=self.refused,
            )
        )

    def reload_now(self) -> object:
        """What `relaymilter reload` is answered, once the new policy serves, or is refused."""
        outcome = self.reload()
        return {
            "status": outcome.status,
            "problems": outcome.problems,
            "waiting": outcome.waiting,
            "warnings": self.in_force.warnings,
            "fingerprint": self.in_force.fingerprint,
        }

    def trust(self) -> object:
        """What `relaymilter trust` is answered: the addresses that are local again; what they showed is forgotten."""
        trusted = [str(each.address) for each in shared(self.sketches, int(time.time())) if each.distrusted]
        with self.sketches.memory.locked():
            self.sketches.forget()
        log.info("trusted again: %s", ", ".join(trusted) or "no address had lost its trust")
        return {"trusted": trusted}

    def reload(self) -> Outcome:
        """Read everything anew; keep what we have if any of it is wrong."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        begun = time.time()
        self.watch.tried()
        try:
            outcome = self.try_anew(begun)
        except ConfigError as error:
            self.watch.add(error.files, begun)
            for problem in error.problems:
                log.error("%s", problem)
            log.error("reload: refused; the old policy stays")
            outcome = Outcome(tuple(error.problems), os.EX_CONFIG)
        except (WorkerFailed, OSError) as error:
            log.error("reload: %s; the old policy stays", error)
            outcome = Outcome((str(error),), os.EX_UNAVAILABLE)
        except Exception as error:
            log.exception("reload: failed; the old policy stays")
            outcome = Outcome((f"{type(error).__name__}: {error}",), os.EX_SOFTWARE)
        self.refused = outcome.problems
        self.exporter.reloaded(not outcome.problems)
        notify("READY=1")
        return outcome

    def try_anew(self, begun: float) -> Outcome:
        """Read, and serve by it. Raises ConfigError, WorkerFailed and OSError."""
        reading, seen = read_steadily(self.read, self.watch.files)
        self.watch.add(reading.files, begun)
        new = self.at_start.take(reading)
        first = self.workers.start(self.workers.slots[0], new.settings)
        self.watch = Watch(seen)
        self.adopt(new, first)
        return Outcome(waiting=new.waiting)

    def adopt(self, new: InForce, first: Worker) -> None:
        """The settings are good, and a worker serves with them: so shall the others."""
        for warning in new.warnings:
            log.warning("%s", warning)
        for key in new.waiting:
            log.warning("reload: %s has changed, and stays as it was until a restart", key)
        if new.settings.log != self.in_force.settings.log:
            reopen_log(new.settings)
        self.in_force = new
        collect()
        self.notifier.serve(new.settings, self.leave)
        self.workers.replace(self.workers.slots[0], first)
        for slot in self.workers.slots[1:]:
            self.workers.restart(slot, new.settings)
        log.info("reloaded, %s", words(new.settings))

    def stop(self) -> None:
        """No new connections; sessions in flight are answered, within the stop timeout; nothing is left behind."""
        notify("STOPPING=1")
        self.opened.stop_taking()
        self.workers.drain_all()
        deadline = time.monotonic() + self.in_force.settings.daemon.stop_timeout + _KILL_AFTER
        self.workers.reap()
        while self.workers.draining:
            info = signal.sigtimedwait(SIGNALS, max(0.0, deadline - time.monotonic()))
            if info is None or info.si_signo in STOP:
                self.workers.kill()
            self.workers.reap()
        self.notifier.end()
        self.exporter.end()
        self.opened.remove()
