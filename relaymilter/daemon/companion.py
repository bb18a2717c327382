"""A process beside the workers that the parent keeps alive; it ends when the parent closes its socket, or dies."""

import logging
import os
import socket
import time
from collections.abc import Callable
from functools import partial

from relaymilter.config.model import Settings
from relaymilter.daemon.forking import forked
from relaymilter.daemon.privileges import become
from relaymilter.daemon.slot import ending
from relaymilter.observe.sink import log_to

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before one that died is replaced."""


class Companion:
    """The parent's side of it."""

    def __init__(self, name: str) -> None:
        """`name` is for the log."""
        self._name = name
        self.pid: int | None = None
        self._control: socket.socket | None = None
        self._restart_at: float | None = None

    def start(self, leave: Callable[[], None], live: Callable[[socket.socket], None]) -> None:
        """Begin `live` in a new process, with its end of the socket; `leave` drops there what is the parent's.

        Raises OSError.
        """
        self._restart_at = None
        self._control, theirs = socket.socketpair()
        self.pid = forked(partial(self._leave, leave), partial(live, theirs), self._name)
        theirs.close()

    def look(self, start: Callable[[], None]) -> None:
        """Replace it by `start` if it has died, after a pause."""
        if self.pid is not None and (status := ended(self.pid)) is not None:
            log.error("%s %s; a new one starts in %.1f s", self._name, status, _PAUSE)
            self.dismiss()
            self._restart_at = time.monotonic() + _PAUSE
        if self._restart_at is not None and time.monotonic() >= self._restart_at:
            start()

    def restarts(self) -> list[float]:
        """When the next try is, by the monotonic clock."""
        return [] if self._restart_at is None else [self._restart_at]

    def forget(self) -> None:
        """In another process than the parent: that has no part in this."""
        if self._control is not None:
            self._control.close()

    def dismiss(self) -> None:
        """It ends by itself, with what it has at hand."""
        self.forget()
        self.pid = self._control = self._restart_at = None

    def _leave(self, leave: Callable[[], None]) -> None:
        self.forget()
        leave()


def settle(settings: Settings) -> None:
    """In the new process: be deaf to a terminal's ^C, which is for the parent, log as it does, and drop rights."""
    os.setpgid(0, 0)
    log_to(settings.log.syslog, settings.log.verbose, settings.log.file)
    if settings.daemon.account is not None:
        become(settings.daemon.account)


def ended(pid: int) -> str | None:
    """How a child has ended; None: it has not."""
    try:
        gone, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # somebody else has waited for it
        return "ended"
    return ending(status) if gone else None
