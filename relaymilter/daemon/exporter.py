"""The parent's side of metrics: it keeps the process alive that Prometheus scrapes, where that is wanted.

A process of its own, so that whoever asks it delays no supervisor and no worker; what it shows is in memory that it
shares with them. It ends when the parent closes its end of a socket, or dies.
"""

import importlib
import logging
import os
import socket
import time
from collections.abc import Callable
from functools import partial

from relaymilter.config.model import Settings
from relaymilter.daemon.forking import forked
from relaymilter.daemon.in_force import InForce
from relaymilter.daemon.listener import Listener
from relaymilter.daemon.privileges import become
from relaymilter.daemon.slot import ending
from relaymilter.daemon.tallies import Tallies
from relaymilter.daemon.workers import Workers
from relaymilter.observe.scraping import scraped
from relaymilter.observe.sink import log_to

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before one that died is replaced."""


class Exporter:
    """The process, and what it shows; without a listener there is none."""

    def __init__(self, listener: Listener | None) -> None:
        self.listener = listener
        self.tallies = None if listener is None else Tallies()
        self._pid: int | None = None
        self._control: socket.socket | None = None
        self._restart_at: float | None = None

    def serve(self, settings: Settings, leave: Callable[[], None]) -> None:
        """Start it; `leave` drops, in the new process, what is the parent's. Raises OSError."""
        self._restart_at = None
        if self.listener is None or self.tallies is None:
            return
        self._control, theirs = socket.socketpair()
        served = self.listener.socket.dup()
        live = partial(_live, settings, served, theirs, self.tallies)
        self._pid = forked(partial(self._leave, leave), live, "the process that shows metrics")
        theirs.close()
        served.close()

    def look(self, settings: Settings, leave: Callable[[], None]) -> None:
        """Replace it if it has died."""
        if self._pid is not None and (status := _ended(self._pid)) is not None:
            log.error("the process that shows metrics %s; a new one starts in %.1f s", status, _PAUSE)
            self.end()
            self._restart_at = time.monotonic() + _PAUSE
        if self._restart_at is not None and time.monotonic() >= self._restart_at:
            self.serve(settings, leave)

    def restarts(self) -> list[float]:
        """When the next try is, by the monotonic clock."""
        return [] if self._restart_at is None else [self._restart_at]

    def record(self, in_force: InForce, started: float, workers: Workers) -> None:
        """What is in force, and how many serve by it."""
        if self.tallies is not None:
            self.tallies.record(in_force, started)
            workers.record()

    def reloaded(self, succeeded: bool) -> None:
        """One reload more."""
        if self.tallies is not None:
            self.tallies.reloaded(succeeded)

    def forget(self) -> None:
        """In a worker, or a process beside them: it has no part in this."""
        if self._control is not None:
            self._control.close()

    def end(self) -> None:
        """It ends by itself."""
        self.forget()
        self._pid = self._control = self._restart_at = None

    def _leave(self, leave: Callable[[], None]) -> None:
        self.forget()
        leave()


def _live(settings: Settings, listener: socket.socket, parent: socket.socket, tallies: Tallies) -> None:
    os.setpgid(0, 0)  # a terminal's ^C is for the parent
    log_to(settings.log.syslog, settings.log.verbose, settings.log.file)
    shown = importlib.import_module("relaymilter.observe.exposition")  # needs what only its users have
    if settings.daemon.account is not None:
        become(settings.daemon.account)
    scraped(listener, parent, partial(shown.exposition, tallies.all), shown.CONTENT_TYPE)


def _ended(pid: int) -> str | None:
    """How a child has ended; None: it has not."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # somebody else has waited for it
        return "ended"
    return ending(status) if ended else None
