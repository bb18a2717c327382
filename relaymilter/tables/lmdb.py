"""`lmdb:`: an LMDB file, as Postfix's postmap makes it or any other program, asked in place.

No lock file is used, since a reader may not be allowed to write one. Readers do as Postfix's do: each look-up has a
shared fcntl() lock, which postmap waits for. And it counts only if nothing was committed during it: LMDB does not use a
page of a state again before the next one is committed, so it is right with any writer. LMDB's own library maps the
file, and ends the process when that is cut off meanwhile; here pages are read (lmdb_file.py): one that is gone fails.
"""

import errno
import fcntl
import os
import stat
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from relaymilter.files.safety import require_safe
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables import lmdb_file
from relaymilter.tables.lmdb_file import BadFile, State
from relaymilter.tables.table import TableError

LOOK_AGAIN = 1.0
"""Seconds for which a file at its path is believed to be the same."""
ATTEMPTS = 10
"""At one answer from what is no sound file: another program may be writing it."""
WRITTEN = 0.1
"""Seconds for which an answer is sought between two commits, while there are always more; one takes some 10 us."""

_SHARED, _UNLOCKED = (struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0) for kind in (fcntl.F_RDLCK, fcntl.F_UNLCK))


@dataclass(frozen=True, slots=True)
class LmdbTable:
    """The main database of a file."""

    name: str
    file: "_File"
    waits: bool = False

    def find(self, key: str) -> str | None:
        """The value of a key with or without the NUL that Postfix puts after keys and values. Raises LookupFailed."""
        wanted = key.encode("utf-8", "surrogateescape")
        if not wanted or b"\0" in wanted:
            return None
        value = self.file.get(wanted)
        return None if value is None else value.decode("utf-8", "replace")


_files: "dict[str, _File]" = {}
"""By path: several tables, and those of before a reload, share one."""


def open_table(kind: str, name: str) -> LmdbTable:
    """The table in the file `name`, or `name`.lmdb as Postfix calls it. Raises TableError."""
    path = name if name.endswith((".lmdb", ".mdb")) or not Path(f"{name}.lmdb").exists() else f"{name}.lmdb"
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise TableError(f"{path}: no file")
    require_safe(Path(path))
    return LmdbTable(f"{kind}:{name}", _files.setdefault(os.path.abspath(path), _File(path)))


class _File:
    """A file and what is open of it, for one thread at a time, as another might close what this one reads."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._owner = 0

    def get(self, key: bytes) -> bytes | None:
        """The value of a key. Raises LookupFailed."""
        with self._lock:
            problem: Exception = BadFile("always written to")
            attempts, until = ATTEMPTS, time.monotonic() + WRITTEN
            while attempts and time.monotonic() < until:
                try:
                    sure, value = self._current().get(key)
                except BadFile as error:  # a writer has just used a page again that was read, or it was replaced
                    problem, attempts = error, attempts - 1
                    self._close()
                except OSError as error:
                    self._close()
                    raise LookupFailed(error.strerror or str(error)) from error
                else:
                    if sure:
                        return value
        raise LookupFailed(str(problem))

    def _current(self) -> "_Open":
        opened, now = self._open, time.monotonic()
        if opened and self._owner == os.getpid():
            if now < opened.look_again:
                return opened
            if _identity(os.stat(self._path)) == opened.identity:
                opened.look_again = now + LOOK_AGAIN
                return opened
        self._close()
        self._open, self._owner = _Open(self._path, now + LOOK_AGAIN), os.getpid()
        return self._open

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened and self._owner == os.getpid():
            opened.close()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


class _Open:
    """A descriptor of a file, for what is in it and for the lock."""

    def __init__(self, path: str, look_again: float) -> None:
        """Raises OSError and BadFile."""
        self.look_again = look_again
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(self._descriptor)
            self.identity = _identity(status)
            if not stat.S_ISREG(status.st_mode) or not status.st_size:
                raise OSError(errno.EINVAL, "empty, or no file")
            self._page_size = lmdb_file.page_size(self._descriptor)
            self._metas = b""
            self._state: State | None = None
        except BaseException:
            os.close(self._descriptor)
            raise

    def close(self) -> None:
        """It is not read any more."""
        os.close(self._descriptor)

    def get(self, key: bytes) -> tuple[bool, bytes | None]:
        """Whether the answer is sure, and the value of a key. Raises OSError and BadFile."""
        locked = self._set_lock(_SHARED)
        try:
            value = self._latest().find(key)
            return lmdb_file.metas(self._descriptor, self._page_size) == self._metas, value
        finally:
            if locked:
                self._set_lock(_UNLOCKED)

    def _latest(self) -> State:
        metas = lmdb_file.metas(self._descriptor, self._page_size)
        if self._state is None or metas != self._metas:
            self._state = State(self._descriptor, lmdb_file.latest(metas, self._page_size))
            self._metas = metas
        return self._state

    def _set_lock(self, lock: bytes) -> bool:
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, lock)
        except OSError:  # a writer has it for a moment, or the file system has no locks
            return False
        return True
