"""The pid file: locked for as long as the daemon that it names serves, and removed only by that one.

The lock (fcntl(2), F_SETLK, which only those have who may write the file) is what tells a daemon that lives from one
that was killed: a number in a file may be that of another process by now. A second daemon with the same pid file
refuses to start. Once the first one stops it lets go of the lock, but not of the file, so that another may start while
the last sessions are served. No worker inherits the lock, and opening and closing the file once more would lose it.
"""

import contextlib
import errno
import fcntl
import os
import time
from dataclasses import dataclass

from relaymilter.daemon.failures import CannotServe

_BUSY_SECONDS = 2.0
"""How long one that is on its way out is waited for."""
_LONGEST = 32


class Taken(Exception):
    """Another process holds the lock."""


@dataclass(slots=True)
class PidFile:
    """A pid file that is ours; in a worker only close() may be called."""

    path: str
    descriptor: int

    def release(self) -> None:
        """Another daemon may take it from now on."""
        with contextlib.suppress(OSError):
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN)

    def remove(self) -> None:
        """Let go of it, and remove it if it names this process."""
        with contextlib.suppress(OSError):
            if _is(self.path, self.descriptor) and os.pread(self.descriptor, _LONGEST, 0) == _own_line():
                os.unlink(self.path)
        self.close()

    def close(self) -> None:
        """Keep nothing open."""
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def claim(path: str) -> PidFile:
    """Lock the file, and write this process's id into it. Raises CannotServe."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return _claim(path)
        except Taken:
            if time.monotonic() > deadline:
                raise CannotServe(f"{path}: the pid file of a relaymilter that runs, process {_holder(path)}") from None
        except OSError as error:
            reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise CannotServe(f"{path}: cannot write the pid file: {reason}", os.EX_CANTCREAT) from None
        time.sleep(0.05)


def _claim(path: str) -> PidFile:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is(path, descriptor):  # removed by its owner between open(2) and the lock
            raise Taken
        os.pwrite(descriptor, _own_line(), 0)
        os.ftruncate(descriptor, len(_own_line()))
    except (OSError, Taken) as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError | PermissionError):  # EAGAIN or EACCES: it is locked
            raise Taken from None
        raise
    return PidFile(path, descriptor)


def _is(path: str, descriptor: int) -> bool:
    """The file at this path is the open one."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _own_line() -> bytes:
    return b"%d\n" % os.getpid()


def _holder(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_LONGEST).decode("ascii", "backslashreplace").strip()
    except OSError:
        return "?"
