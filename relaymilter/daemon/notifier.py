"""The parent's side of notices: it keeps the process alive that sends them (notices/courier.py), where any are wanted.

One pair of sockets, on which workers send steps, lives as long as the parent, who has both ends: whatever becomes of a
worker or of the courier, what was sent before waits there for the next courier.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial

from relaymilter.config.model import Settings
from relaymilter.daemon.forking import forked
from relaymilter.daemon.privileges import become
from relaymilter.daemon.slot import ending
from relaymilter.notices import courier
from relaymilter.notices.courier import LAST_SECONDS, Courier
from relaymilter.observe.sink import log_to

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before a courier that died is replaced."""


class Notifier:
    """The courier, and the way to it."""

    def __init__(self) -> None:
        self.entry, self._exit = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.entry.setblocking(False)
        self._serves: object = None
        self._pid: int | None = None
        self._control: socket.socket | None = None
        self._restart_at: float | None = None

    def serve(self, settings: Settings, leave: Callable[[], None]) -> None:
        """By these settings from now on; `leave` drops, in the new process, what is the parent's. Raises OSError.

        Where they are as before, so is the courier, with what it has still to send.
        """
        wanted = settings.notices, settings.log, settings.daemon.account
        if wanted == self._serves:
            return
        self._dismiss()
        self._serves = wanted
        if settings.notices.any:
            self._start(settings, leave)

    def look(self, settings: Settings, leave: Callable[[], None]) -> None:
        """Replace it if it has died."""
        if self._pid is not None and (status := _ended(self._pid)) is not None:
            log.error("the process that sends notices %s; a new one starts in %.1f s", status, _PAUSE)
            self._dismiss()
            self._restart_at = time.monotonic() + _PAUSE
        if self._restart_at is not None and time.monotonic() >= self._restart_at:
            self._start(settings, leave)

    def restarts(self) -> list[float]:
        """When the next try is, by the monotonic clock."""
        return [] if self._restart_at is None else [self._restart_at]

    def end(self) -> None:
        """No step comes any more: wait until all notices are sent, but not for long."""
        pid = self._pid
        self._dismiss()
        deadline = time.monotonic() + LAST_SECONDS + 1
        while pid is not None and _ended(pid) is None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def forget(self) -> None:
        """In a worker: it has no part in this but the entry."""
        self._exit.close()
        if self._control is not None:
            self._control.close()

    def _dismiss(self) -> None:
        """Whoever serves now sends what it has, and ends."""
        if self._control is not None:
            self._control.close()
        self._pid = self._control = self._restart_at = None

    def _start(self, settings: Settings, leave: Callable[[], None]) -> None:
        self._control, theirs = socket.socketpair()
        self._restart_at = None
        live = partial(_live, settings, self._exit, theirs)
        self._pid = forked(partial(self._leave, leave), live, "the process that sends notices")
        theirs.close()

    def _leave(self, leave: Callable[[], None]) -> None:
        if self._control is not None:
            self._control.close()
        self.entry.close()
        leave()


def _live(settings: Settings, notices: socket.socket, parent: socket.socket) -> None:
    os.setpgid(0, 0)  # a terminal's ^C is for the parent
    log_to(settings.log.syslog, settings.log.verbose, settings.log.file)
    if settings.daemon.account is not None:
        become(settings.daemon.account)
    for remark in courier.remarks(settings.notices):
        log.warning("%s", remark)
    Courier(settings.notices).serve(notices, parent)


def _ended(pid: int) -> str | None:
    """How a child has ended; None: it has not."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # somebody else has waited for it
        return "ended"
    return ending(status) if ended else None
