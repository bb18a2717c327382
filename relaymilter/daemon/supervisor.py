"""The parent: owns the socket and the pid file, keeps a worker alive, and does nothing else.

It waits for signals alone, all of which are blocked from the first moment on (libmilter has a signal thread of its own
in the worker, whom SIGHUP would stop). A reload reads the settings aside and starts a worker with them; when that one
serves, the old one drains. A worker that dies is replaced, after a pause that grows.
"""

import logging
import os
import signal
import time
from collections.abc import Callable

from relaymilter.config.model import Settings
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Reading
from relaymilter.daemon import pidfile, worker
from relaymilter.daemon.listener import Listener
from relaymilter.daemon.notify import notify
from relaymilter.daemon.worker import Worker

log = logging.getLogger(__name__)

SIGNALS = {signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
_READY_SECONDS = 20.0
_KILL_AFTER = 3.0
_PAUSES = (0.0, 0.1, 0.5, 2.0, 5.0, 15.0, 30.0)
_STEADY_SECONDS = 60.0


class WorkerFailed(Exception):
    """A worker ended before it served."""


def block_signals() -> None:
    """To be the first thing in the process: what is blocked here stays blocked in every thread and worker."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS | {signal.SIGUSR2})


class Supervisor:
    """Runs until it is told to stop."""

    def __init__(self, settings: Settings, read: Callable[[], Reading], listener: Listener) -> None:
        self.settings = settings
        self.read = read
        self.listener = listener
        self.current: Worker | None = None
        self.draining: list[Worker] = []
        self.failures = 0
        self.started = 0.0
        self.restart_at: float | None = None

    def run(self) -> None:
        """Serve, and leave nothing behind. Raises OSError for the pid file, WorkerFailed if no worker serves."""
        try:
            if self.settings.listen.pidfile:
                pidfile.write(self.settings.listen.pidfile)
            self.current = self.start(self.settings)
            log.info("serving on %s", self.listener.endpoint)
            notify("READY=1")
            self.wait_for_signals()
        finally:
            self.stop()

    def wait_for_signals(self) -> None:
        """Until SIGTERM or SIGINT."""
        while True:
            caught = self.next_signal()
            if caught in (signal.SIGTERM, signal.SIGINT):
                log.info("stopping")
                return
            if caught in (signal.SIGHUP, signal.SIGUSR1):
                self.reload()
            self.reap()
            self.restart_if_due()

    def next_signal(self) -> int | None:
        if self.restart_at is None:
            return signal.sigwaitinfo(SIGNALS).si_signo
        found = signal.sigtimedwait(SIGNALS, max(0.0, self.restart_at - time.monotonic()))
        return found.si_signo if found else None

    def start(self, settings: Settings) -> Worker:
        """A worker that serves. Raises WorkerFailed."""
        others = [*self.draining, *([self.current] if self.current else [])]
        # Which core does not matter, but two daemons, or a worker and its successor, should not always share one.
        new = worker.start(settings, self.listener.socket, os.getpid() + len(others), others)
        new.control.settimeout(_READY_SECONDS)
        try:
            new.ready = new.control.recv(1) == b"R"
        except TimeoutError:
            os.kill(new.pid, signal.SIGKILL)
        if not new.ready:
            new.control.close()
            os.waitpid(new.pid, 0)
            raise WorkerFailed("a worker ended before it served")
        self.started = time.monotonic()
        return new

    def reload(self) -> None:
        """Read everything anew; keep what we have if any of it is wrong."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            reading = self.read()
            if reading.settings.listen != self.settings.listen:
                log.warning("reload: the socket and the pid file stay as they are until a restart")
            new = self.start(reading.settings)
        except ConfigError as error:
            for problem in error.problems:
                log.error("%s", problem)
            log.error("reload: refused; the old policy stays")
        except (WorkerFailed, OSError) as error:
            log.error("reload: %s; the old policy stays", error)
        else:
            for warning in reading.warnings:
                log.warning("%s", warning)
            self.settings = reading.settings
            self.replace(new)
            log.info("reloaded")
        notify("READY=1")

    def replace(self, new: Worker) -> None:
        old, self.current = self.current, new
        self.restart_at = None
        if old is not None:
            old.drain()
            self.draining.append(old)

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
            if self.current is not None and self.current.pid == pid:
                self.current.control.close()
                self.current = None
                self.lost(status)

    def lost(self, status: int) -> None:
        if time.monotonic() - self.started > _STEADY_SECONDS:
            self.failures = 0
        pause = _PAUSES[min(self.failures, len(_PAUSES) - 1)]
        self.failures += 1
        code = os.waitstatus_to_exitcode(status)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        log.error("the worker %s; a new one starts in %.1f s", how, pause)
        self.restart_at = time.monotonic() + pause

    def restart_if_due(self) -> None:
        if self.restart_at is None or time.monotonic() < self.restart_at:
            return
        self.restart_at = None
        try:
            self.current = self.start(self.settings)
            log.info("a new worker serves")
        except (WorkerFailed, OSError) as error:
            pause = _PAUSES[min(self.failures, len(_PAUSES) - 1)]
            self.failures += 1
            log.error("%s; the next try is in %.1f s", error, pause)
            self.restart_at = time.monotonic() + pause

    def stop(self) -> None:
        """No new connections; sessions in flight are answered, within the stop timeout; nothing is left behind."""
        notify("STOPPING=1")
        self.listener.close()
        if self.current is not None:
            self.current.drain()
            self.draining.append(self.current)
            self.current = None
        deadline = time.monotonic() + self.settings.stop_timeout + _KILL_AFTER
        self.reap()
        while self.draining:
            found = signal.sigtimedwait(SIGNALS, max(0.0, deadline - time.monotonic()))
            if found is None or found.si_signo in (signal.SIGTERM, signal.SIGINT):
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
