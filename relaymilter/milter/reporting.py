"""The worker's end of the socket between it and its parent: what the parent says, and what the worker reports.

Each message is a packet. The parent says S (the listening sockets may be shut for all who share them), D (drain: take
no more connections) and ? (report). The worker says R (ready), D (it takes no more connections), and a report in JSON,
when it is asked and once more before it ends. Where the parent is gone, that is D. Nothing is sent for a decision.
"""

import contextlib
import json
import socket
from collections.abc import Callable

from relaymilter.milter.session import Service


class Reporter:
    """Hears the parent, and answers it; used by one thread."""

    def __init__(self, parent: socket.socket, service: Service, connections: Callable[[], int]) -> None:
        """`connections` counts those that are open."""
        self._parent = parent
        self._service = service
        self._connections = connections
        self.draining = False
        """No more connections are to be taken."""
        self.shut = False
        """The sockets may be shut for all who share them."""
        self.alone = False
        """The parent is gone."""

    def ready(self) -> None:
        """The worker serves."""
        self._say(b"R")

    def takes_none(self) -> None:
        """The worker takes no more connections."""
        self._say(b"D")

    def hear(self) -> None:
        """Read one packet, if there is one, and do what it says."""
        try:
            words = self._parent.recv(64)
        except (BlockingIOError, TimeoutError):
            return
        except ConnectionError:  # the parent died before it read that we are ready
            words = b""
        self.alone = not words
        self.draining = self.draining or self.alone or b"D" in words
        self.shut = self.shut or b"S" in words
        if b"?" in words:
            self.report()

    def report(self) -> None:
        """Send the counts, and how things stand."""
        self._say(json.dumps(report(self._service, self._connections())).encode())

    def end(self) -> None:
        """The last report."""
        self.report()
        self._parent.close()

    def _say(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):  # the parent is gone, or reads nothing
            self._parent.send(packet)


def report(service: Service, connections: int) -> dict[str, object]:
    """`counts` only grow, and the parent adds them up, also for workers that have ended; `now` is of this moment.

    A new section is a key in either: numbers are added, lists joined, mappings merged.
    """
    counts = service.counts
    return {
        "counts": {"sessions": counts.sessions, "decisions": counts.decisions},
        "now": {"connections": connections, **{name: section() for name, section in service.sections.items()}},
    }
