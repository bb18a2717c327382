"""A notice by a command of the administrator's: no shell, JSON on its standard input, a bounded time.

It is killed, with all that it has started, when its time is over, and what it has left is killed when it ends. What it
prints is thrown away, but for the beginning of its standard error, which is logged where it fails.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from threading import Lock
from typing import BinaryIO

from relaymilter.notices.step import Notice, document
from relaymilter.observe.printable import printable

SECONDS = 20.0
_KEPT = 200
"""Octets of standard error that are kept;"""
_READ = 1 << 16
"""and so many are read. Who writes more has nobody to read it."""


class Command:
    """Runs in several threads at once."""

    def __init__(self, argv: tuple[str, ...], seconds: float = SECONDS) -> None:
        self._argv = argv
        self._seconds = seconds
        self._running: set[int] = set()
        self._lock = Lock()

    def __call__(self, notice: Notice) -> None:
        """Run it for this notice, to its end. Raises OSError and ValueError, in words, where it fails."""
        deadline = time.monotonic() + self._seconds
        with (
            _said(document(notice)) as said,
            _complaints() as (heard, complaints),
            self._started(said, complaints) as process,
        ):
            complaints.close()
            try:
                complaint = _watched(process.pid, heard, deadline)
            finally:
                self._end(process)
        if complaint is None:
            raise ValueError(f"did not end within {self._seconds:g} s, and was killed")
        if process.returncode:
            raise ValueError(f"{_ending(process.returncode)}{complaint and ': ' + complaint}")

    def kill(self) -> None:
        """Whatever runs now."""
        with self._lock:
            for pid in self._running:
                _kill(pid)

    def _started(self, said: int, complaints: BinaryIO) -> subprocess.Popen[bytes]:
        with self._lock:
            process = subprocess.Popen(
                self._argv,
                stdin=said,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                cwd="/",
                env={name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ},
                start_new_session=True,
            )
            self._running.add(process.pid)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            _kill(process.pid)  # before it is reaped, so that it is no other's number
            self._running.discard(process.pid)
        process.wait()


@contextlib.contextmanager
def _said(text: bytes) -> Iterator[int]:
    """The descriptor of a file in memory with this text: a pipe would have to be waited for."""
    file = os.memfd_create("notice")
    try:
        os.write(file, text)
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


@contextlib.contextmanager
def _complaints() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Both ends of a pipe; whoever gets the second one closes it."""
    heard, said = os.pipe()
    with open(heard, "rb", buffering=0) as reader, open(said, "wb", buffering=0) as writer:
        yield reader, writer


def _watched(pid: int, heard: BinaryIO, deadline: float) -> str | None:
    """Wait for its end: what it has complained of; None where it has not ended in time."""
    complaint, count, ended = b"", 0, os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(heard, select.POLLIN)
    try:
        while ready := poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            if [(ended, select.POLLIN)] == ready:
                return printable(complaint.strip().split(b"\n")[0])
            if any(number != ended for number, _ in ready):
                octets = heard.read(4096)
                complaint, count = (complaint + octets)[:_KEPT], count + len(octets)
                if not octets or count > _READ:
                    poll.unregister(heard)
                    heard.close()
        return None
    finally:
        os.close(ended)


def _kill(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
