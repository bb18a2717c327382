"""The parent: owns the socket and the pid file, keeps the workers alive, and does nothing else.

It waits for signals alone, all of which are blocked from the first moment on (libmilter has a signal thread of its own
in the worker, whom SIGHUP would stop), and looks at the files now and then. A reload reads the settings aside and
replaces the workers one after the other: when a new one serves, the old one drains. A worker that dies is replaced.
"""

import logging
import os
import signal
import time
from collections.abc import Callable

from relaymilter.config.endpoint import FdEndpoint
from relaymilter.config.model import Settings
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Reading
from relaymilter.daemon import pidfile, worker
from relaymilter.daemon.listener import Listener
from relaymilter.daemon.memory import collect
from relaymilter.daemon.notify import notify
from relaymilter.daemon.slot import Slot, ending
from relaymilter.daemon.watch import Watch, read_steadily
from relaymilter.daemon.worker import Worker

log = logging.getLogger(__name__)

SIGNALS = {signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
_STOP = (signal.SIGTERM, signal.SIGINT)
_READY_SECONDS = 20.0
_KILL_AFTER = 3.0
_RESTLESS = 12
"""So many looks in a row at files that keep changing are worth a word."""


class WorkerFailed(Exception):
    """A worker ended before it served."""


def block_signals() -> None:
    """To be the first thing in the process: what is blocked here stays blocked in every thread and worker."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS | {signal.SIGUSR2})


class Supervisor:
    """Runs until it is told to stop."""

    def __init__(self, settings: Settings, read: Callable[[], Reading], listener: Listener, watch: Watch) -> None:
        self.settings = settings
        self.read = read
        self.listener = listener
        self.watch = watch
        self.look_at = time.monotonic() + settings.daemon.watch
        self.slots = [Slot(number) for number in range(settings.daemon.workers)]
        self.draining: list[Worker] = []

    def run(self) -> None:
        """Serve, and leave nothing behind. Raises OSError for the pid file, WorkerFailed if no worker serves."""
        try:
            if self.settings.listen.pidfile:
                pidfile.write(self.settings.listen.pidfile)
            for slot in self.slots:
                slot.fill(self.start(slot, self.settings))
            dry = ", in a dry run: nothing is refused" if self.settings.daemon.dry_run else ""
            log.info("serving on %s%s", self.listener.endpoint, dry)
            for remark in worker.remarks(self.settings):
                log.warning("%s", remark)
            notify("READY=1")
            self.wait_for_signals()
        finally:
            self.stop()

    def wait_for_signals(self) -> None:
        """Until SIGTERM or SIGINT."""
        while True:
            caught = self.next_signal()
            if caught in _STOP:
                log.info("stopping")
                return
            if caught in (signal.SIGHUP, signal.SIGUSR1):
                self.reload()
            self.look()
            self.reap()
            for slot in self.slots:
                if slot.due:
                    self.restart(slot)

    def next_signal(self) -> int | None:
        times = [slot.restart_at for slot in self.slots if slot.restart_at is not None]
        if self.settings.daemon.watch:
            times.append(self.look_at)
        if not times:
            return signal.sigwaitinfo(SIGNALS).si_signo
        found = signal.sigtimedwait(SIGNALS, max(0.0, min(times) - time.monotonic()))
        return found.si_signo if found else None

    def look(self) -> None:
        """At the files, if it is time, and read them if they have changed."""
        if not self.settings.daemon.watch or time.monotonic() < self.look_at:
            return
        if changed := self.watch.changed():
            log.info("%s changed", ", ".join(map(str, changed)))
            self.reload()
        if self.watch.unsettled == _RESTLESS:
            log.warning("files change at every look, and are not read before they have settled: replace them by mv")
        self.look_at = time.monotonic() + self.settings.daemon.watch

    def start(self, slot: Slot, settings: Settings) -> Worker:
        """A worker for this slot, once it serves. Raises WorkerFailed."""
        # The first core is another with every daemon, so that two of them do not share one while others idle.
        core = os.getpid() + slot.number
        new = worker.start(settings, self.listener.socket, core, self.workers(), self.forget)
        new.control.settimeout(_READY_SECONDS)
        try:
            ready = new.control.recv(1) == b"R"
        except TimeoutError:
            ready = False
        if not ready:
            os.kill(new.pid, signal.SIGKILL)
            new.control.close()
            _, status = os.waitpid(new.pid, 0)
            raise WorkerFailed(f"a worker {ending(status)} before it served")
        return new

    def forget(self) -> None:
        """In a worker: its settings are its own, and those of before a reload are not to stay in its memory."""
        del self.settings

    def workers(self) -> list[Worker]:
        return [*self.draining, *(slot.worker for slot in self.slots if slot.worker is not None)]

    def reload(self) -> None:
        """Read everything anew; keep what we have if any of it is wrong."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        begun = time.time()
        self.watch.tried()
        try:
            reading, seen = read_steadily(self.read, self.watch.files)
            self.watch.add(reading.files, begun)
            first = self.start(self.slots[0], reading.settings)
        except ConfigError as error:
            self.watch.add(error.files, begun)
            for problem in error.problems:
                log.error("%s", problem)
            log.error("reload: refused; the old policy stays")
        except (WorkerFailed, OSError) as error:
            log.error("reload: %s; the old policy stays", error)
        except Exception:
            log.exception("reload: failed; the old policy stays")
        else:
            self.watch = Watch(seen)
            self.adopt(reading, first)
        notify("READY=1")

    def adopt(self, reading: Reading, first: Worker) -> None:
        """The settings are good, and a worker serves with them: so shall the others."""
        for warning in reading.warnings:
            log.warning("%s", warning)
        new, old = reading.settings, self.settings
        if (new.listen, new.daemon.workers) != (old.listen, old.daemon.workers):
            log.warning("reload: socket, pid file and number of workers stay as they are until a restart")
        self.settings = reading.settings
        collect()
        self.replace(self.slots[0], first)
        for slot in self.slots[1:]:
            self.restart(slot)
        log.info("reloaded")

    def replace(self, slot: Slot, new: Worker) -> None:
        old = slot.fill(new)
        if old is not None:
            old.drain()
            self.draining.append(old)

    def restart(self, slot: Slot) -> None:
        """A new worker with the settings of now, or another try later."""
        try:
            new = self.start(slot, self.settings)
        except (WorkerFailed, OSError) as error:
            log.error("%s; the next try is in %.1f s", error, slot.postpone())
        else:
            self.replace(slot, new)

    def reap(self) -> None:
        """Take note of workers that ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.draining = [old for old in self.draining if old.pid != pid]
            for slot in self.slots:
                if slot.worker is not None and slot.worker.pid == pid:
                    slot.lost(status)

    def stop(self) -> None:
        """No new connections; sessions in flight are answered, within the stop timeout; nothing is left behind."""
        notify("STOPPING=1")
        self.listener.close()
        for slot in self.slots:
            if slot.worker is not None:
                # A socket that was handed down is only let go: it is its owner's to shut.
                slot.worker.drain(shut=not isinstance(self.listener.endpoint, FdEndpoint))
                self.draining.append(slot.worker)
                slot.worker = None
        deadline = time.monotonic() + self.settings.daemon.stop_timeout + _KILL_AFTER
        self.reap()
        while self.draining:
            found = signal.sigtimedwait(SIGNALS, max(0.0, deadline - time.monotonic()))
            if found is None or found.si_signo in _STOP:
                self.kill()
            self.reap()
        if self.settings.listen.pidfile:
            pidfile.remove(self.settings.listen.pidfile)

    def kill(self) -> None:
        """Told twice, or too late: sessions are cut, which the MTA answers with 4xx."""
        for old in self.draining:
            os.kill(old.pid, signal.SIGKILL)
        for old in self.draining:
            os.waitpid(old.pid, 0)
        self.draining = []
