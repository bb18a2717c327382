"""The parent's side of notices: it keeps the process alive that sends them (notices/courier.py), where any are wanted.

One pair of sockets, on which workers send steps, lives as long as the parent, who has both ends: whatever becomes of a
worker or of the courier, what was sent before waits there for the next courier.
"""

import importlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial

from relaymilter.config.model import Settings
from relaymilter.daemon.companion import Companion, ended, settle
from relaymilter.notices.outbox import LAST_SECONDS

log = logging.getLogger(__name__)


class Notifier:
    """The courier, and the way to it."""

    def __init__(self) -> None:
        self.entry, self._exit = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.entry.setblocking(False)
        self._serves: object = None
        self._process = Companion("the process that sends notices")

    def serve(self, settings: Settings, leave: Callable[[], None]) -> None:
        """By these settings from now on; `leave` drops, in the new process, what is the parent's. Raises OSError.

        Where they are as before, so is the courier, with what it has still to send.
        """
        wanted = settings.notices, settings.log, settings.daemon.account
        if wanted == self._serves:
            return
        self._process.dismiss()
        self._serves = wanted
        if settings.notices.any:
            self._start(settings, leave)

    def look(self, settings: Settings, leave: Callable[[], None]) -> None:
        """Replace it if it has died."""
        self._process.look(lambda: self._start(settings, leave))

    def restarts(self) -> list[float]:
        """When the next try is, by the monotonic clock."""
        return self._process.restarts()

    def end(self) -> None:
        """No step comes any more: wait until all notices are sent, but not for long."""
        pid = self._process.pid
        self._process.dismiss()
        deadline = time.monotonic() + LAST_SECONDS + 1
        while pid is not None and ended(pid) is None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def forget(self) -> None:
        """In a worker: it has no part in this but the entry."""
        self._exit.close()
        self._process.forget()

    def _start(self, settings: Settings, leave: Callable[[], None]) -> None:
        self._process.start(partial(self._leave, leave), partial(_live, settings, self._exit))

    def _leave(self, leave: Callable[[], None]) -> None:
        self.entry.close()
        leave()


def _live(settings: Settings, notices: socket.socket, parent: socket.socket) -> None:
    courier = importlib.import_module("relaymilter.notices.courier")  # of those that have no notices nobody carries it
    settle(settings)
    for remark in courier.remarks(settings.notices):
        log.warning("%s", remark)
    courier.Courier(settings.notices).serve(notices, parent)
