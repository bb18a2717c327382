"""A log file that others may put aside: lines go to the file of its name, whichever that is now.

Whoever writes looks before each write whether the file has been renamed, so no signal is needed, and every process
follows by itself. Until there is another one that can be opened, lines go to the one that was: none is lost. Only
whoever opens it first makes it; logrotate makes the next one, or else a signal to the parent.
"""

import os
import stat
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MODE = 0o640
_Identity = tuple[int, int]


class LogFile:
    """The file, open at its end; several processes and threads may write to it at once."""

    def __init__(self, path: str, owner: int = -1) -> None:
        """One that is not there is made, and given to this user id. Raises OSError."""
        self._path = path
        self._file = os.fdopen(_opened(path, owner), "ab", buffering=0)
        self._identity = _identity(os.fstat(self._file.fileno()))
        self._refused: tuple[int, ...] = ()

    def write(self, octets: bytes) -> int:
        """One write(2) at the end of the file of this name. Raises OSError."""
        remark = self._follow()
        return os.write(self._file.fileno(), remark + octets) - len(remark)

    def _follow(self) -> bytes:
        """Go on in another file, if it is there; a line on why not, once for each."""
        try:
            there = os.lstat(self._path)
        except OSError:  # it has just been renamed
            return b""
        if _identity(there) == self._identity or _rights(there) == self._refused:
            return b""
        try:
            new = _open(self._path)
        except FileNotFoundError:  # now
            return b""
        except OSError as error:
            self._refused = _rights(there)
            return f"ERROR: {self._path}: {error.strerror}; lines go on in the file that was there\n".encode()
        os.dup2(new, self._file.fileno(), inheritable=False)  # at once, for all threads
        self._identity = _identity(os.fstat(new))
        os.close(new)
        return b""


def _opened(path: str, owner: int) -> int:
    try:
        return _open(path)
    except FileNotFoundError:
        Path(path).parent.stat()  # to be named, if it is what is missing
        made = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, _MODE)
        os.fchown(made, owner, -1)
        return made


def _open(path: str) -> int:
    number = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(0, "it is no regular file")
    return number


def _rights(status: os.stat_result) -> tuple[int, ...]:
    """What must change for another try, as an inode's number may be taken again."""
    return status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino
