"""The parent's side of metrics: it keeps the process alive that Prometheus scrapes, where that is wanted.

A process of its own, so that whoever asks it delays no supervisor and no worker; what it shows is in memory that it
shares with them. It ends when the parent closes its end of a socket, or dies.
"""

import importlib
import socket
from collections.abc import Callable
from functools import partial

from relaymilter.config.model import Settings
from relaymilter.daemon.companion import Companion, settle
from relaymilter.daemon.in_force import InForce
from relaymilter.daemon.listener import Listener
from relaymilter.daemon.tallies import Tallies
from relaymilter.daemon.workers import Workers


class Exporter:
    """The process, and what it shows; without a listener there is none."""

    def __init__(self, listener: Listener | None) -> None:
        self.listener = listener
        self.tallies = None if listener is None else Tallies()
        self._process = Companion("the process that shows metrics")

    def serve(self, settings: Settings, leave: Callable[[], None]) -> None:
        """Start it; `leave` drops, in the new process, what is the parent's. Raises OSError."""
        if self.listener is None or self.tallies is None:
            return
        served = self.listener.socket.dup()
        self._process.start(leave, partial(_live, settings, served, self.tallies))
        served.close()

    def look(self, settings: Settings, leave: Callable[[], None]) -> None:
        """Replace it if it has died."""
        self._process.look(lambda: self.serve(settings, leave))

    def restarts(self) -> list[float]:
        """When the next try is, by the monotonic clock."""
        return self._process.restarts()

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
        self._process.forget()

    def end(self) -> None:
        """It ends by itself."""
        self._process.dismiss()


def _live(settings: Settings, listener: socket.socket, tallies: Tallies, parent: socket.socket) -> None:
    # Of those that have no metrics nobody carries these, and not all have what they need.
    shown = importlib.import_module("relaymilter.observe.exposition")
    scraping = importlib.import_module("relaymilter.observe.scraping")
    settle(settings)
    scraping.scraped(listener, parent, partial(shown.exposition, tallies.all), shown.CONTENT_TYPE)
