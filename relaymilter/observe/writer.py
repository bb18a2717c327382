"""A thread that writes to a descriptor on which write(2) may block: a pipe of another user, or a terminal that is held.

Such a pipe can neither be opened anew, so as not to block for us alone, nor made so for all who share it; and poll(2)
says nothing of what other processes will have written until we do. So only this thread ever waits, what it has not
written yet is bounded, and whoever logs goes on.
"""

import collections
import contextlib
import os
import select
import threading
import weakref
from collections.abc import Iterator

ROOM = 1 << 20
"""Octets that wait to be written."""
FINISH_SECONDS = 1.0
"""How long a process that ends waits for them."""

_all: "weakref.WeakSet[Writer]" = weakref.WeakSet()


class Writer:
    """Of one process: after a fork, a child that uses it gets a thread of its own, and none of the parent's lines."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._begin()
        _all.add(self)

    def write(self, octets: bytes) -> int:
        """As write(2), but at once. Raises BlockingIOError where there is no room."""
        if self._pid != os.getpid():
            self._begin()
        with self._changed:
            if self._held + len(octets) > ROOM:
                raise BlockingIOError
            self._waiting.append(octets)
            self._held += len(octets)
            self._changed.notify_all()
        return len(octets)

    def finish(self, seconds: float = FINISH_SECONDS) -> None:
        """Wait until all is written, but not for long: nobody may be reading."""
        if self._pid == os.getpid():
            with self._changed:
                self._changed.wait_for(lambda: not self._held, seconds)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()  # another process may have held the one before when it forked us
        self._waiting: collections.deque[bytes] = collections.deque()
        self._held = 0
        threading.Thread(target=self._go_on, name="log", daemon=True).start()

    def _go_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                octets = self._waiting.popleft()
            with contextlib.suppress(OSError):  # who read it is gone: nobody could be told what is lost
                for piece in _pieces(octets):
                    _write(self._fd, piece)
            with self._changed:
                self._held -= len(octets)
                self._changed.notify_all()


def finish_all() -> None:
    """Wait for what this process has still to write."""
    for writer in [*_all]:
        writer.finish()


def _pieces(octets: bytes) -> Iterator[bytes]:
    """Whole lines, so many as are written in one, and not mixed with those of other processes (pipe(7), PIPE_BUF)."""
    while octets:
        end = len(octets)
        if end > select.PIPE_BUF:
            end = octets.rfind(b"\n", 0, select.PIPE_BUF) + 1 or end
        yield octets[:end]
        octets = octets[end:]


def _write(fd: int, octets: bytes) -> None:
    while octets:
        try:
            octets = octets[os.write(fd, octets) :]
        except BlockingIOError:  # another process has made it so for all
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()
