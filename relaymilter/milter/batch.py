"""Log lines of a moment, written together: under load one write(2) serves many sessions.

The log is behind the replies by no more than DELAY; a worker that is killed takes with it what it had not written.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from relaymilter.milter.session import Service

DELAY = 0.01
"""Seconds."""
MOST = 4096
"""Octets in one write: more would not be atomic on a pipe (PIPE_BUF, pipe(7))."""


class Batch:
    """Collects lines, and writes them when they are enough or old enough."""

    def __init__(self, write: Callable[[str], None], loop: asyncio.AbstractEventLoop) -> None:
        self._write = write
        self._loop = loop
        self._lines: list[str] = []
        self._size = 0

    def write(self, line: str) -> None:
        """Take one line, without its end."""
        if self._size + len(line) >= MOST:
            self.flush()
        if not self._lines:
            self._loop.call_later(DELAY, self.flush)
        self._lines.append(line)
        self._size += len(line) + 1

    def flush(self) -> None:
        """Write what there is."""
        if self._lines:
            lines, self._lines, self._size = self._lines, [], 0
            self._write("\n".join(lines))


def batching(service: Service, loop: asyncio.AbstractEventLoop) -> tuple[Service, Callable[[], None]]:
    """The service with its decision log batched, if its sink takes batches; and what flushes it at the end."""
    if service.decisions is None or not service.decisions.batches:
        return service, lambda: None
    batch = Batch(service.decisions.write, loop)
    return replace(service, decisions=replace(service.decisions, write=batch.write)), batch.flush
