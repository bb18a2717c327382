"""A place for one worker: who serves in it, and when a lost one is replaced.

A worker that has served for STEADY_SECONDS is replaced at once. The pause grows with every one that has not, so that a
worker that cannot live does not burn the machine, but never beyond the last of PAUSES: whoever can kill a worker by
what he sends does not stop mail. Meanwhile the parent holds the socket, where connections wait: an MTA sees a delay,
which is far from its time limits (30 s in Postfix, milter_connect_timeout), and no failure.
"""

import logging
import os
import signal
import time
from dataclasses import dataclass

from relaymilter.daemon.listener import Listener
from relaymilter.daemon.worker import Worker

log = logging.getLogger(__name__)

PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0)
"""Seconds before the first replacement, the second, ..."""
STEADY_SECONDS = 0.5
"""A worker that lived this long begins the pauses anew; a start takes some hundredths of it."""


@dataclass(slots=True)
class Slot:
    """One of the places; `number` is its core, too."""

    number: int
    listeners: tuple[Listener, ...] = ()
    """Where its worker listens."""
    worker: Worker | None = None
    losses: int = 0
    since: float = 0.0
    restart_at: float | None = None

    def fill(self, worker: Worker) -> Worker | None:
        """This worker serves here from now on; the one that did is returned."""
        old, self.worker = self.worker, worker
        self.since = time.monotonic()
        self.restart_at = None
        return old

    def lost(self, status: int) -> None:
        """The worker ended by itself, with this wait status."""
        if self.worker is not None:
            self.worker = None
        if time.monotonic() - self.since >= STEADY_SECONDS:
            self.losses = 0
        log.error("worker %d %s; a new one starts in %.1f s", self.number, ending(status), self.postpone())

    def postpone(self) -> float:
        """Set the time of the next try; returns the pause until then, in seconds."""
        pause = PAUSES[min(self.losses, len(PAUSES) - 1)]
        self.losses += 1
        self.restart_at = time.monotonic() + pause
        return pause

    @property
    def due(self) -> bool:
        """It is time for a new worker."""
        return self.restart_at is not None and time.monotonic() >= self.restart_at


def ending(status: int) -> str:
    """How a process ended, in words."""
    code = os.waitstatus_to_exitcode(status)
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
