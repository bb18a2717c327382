"""`lmdb:`: an LMDB file, as Postfix's postmap makes it or any other program, asked in place.

No lock file is used, since a reader may not be allowed to write one. Readers do as Postfix's do: each look-up has a
shared fcntl() lock, which postmap waits for. And it counts only if nothing was committed during it, so it is right with
any writer. LMDB believes what it reads: a file that was cut off is noticed by its size, but one that is damaged
elsewhere, or cut off during the very look-up, may end the worker. So files are to be replaced by mv, and not by cp.
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
from typing import Any

from relaymilter.files.safety import require_safe
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.table import TableError

try:
    import lmdb
except ImportError:
    raise TableError(
        "tables of type lmdb need python3-lmdb: apt install python3-lmdb, or pip install 'relaymilter[lmdb]'"
    ) from None

LOOK_AGAIN = 1.0
"""Seconds for which a file at its path is believed to be the same."""
ATTEMPTS = 10
"""At one answer while another program writes."""
MAPPED = 16 << 20
"""Bytes of a file that may be in memory by our asking; pages in use count in the size of every worker."""
TOUCHED = 128 << 10
"""Bytes that one look-up may add to these: Linux maps 64 KiB around a page that is needed."""
METAS = 2
"""Pages that every file begins with."""

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
"""By path: several tables, and those of before a reload, share one, for LMDB opens no file twice."""


def open_table(kind: str, name: str) -> LmdbTable:
    """The table in the file `name`, or `name`.lmdb as Postfix calls it. Raises TableError."""
    path = name if name.endswith((".lmdb", ".mdb")) or not Path(f"{name}.lmdb").exists() else f"{name}.lmdb"
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(found.st_mode):
        raise TableError(f"{path}: no file")
    require_safe(Path(path))
    return LmdbTable(f"{kind}:{name}", _files.setdefault(os.path.abspath(path), _File(path)))


class _File:
    """A file and what is open of it. One thread at a time: closing what another reads would end the process."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._owner = 0

    def get(self, key: bytes) -> bytes | None:
        """The value of a key. Raises LookupFailed."""
        with self._lock:
            problem: Exception = lmdb.Error("always written to")
            for _ in range(ATTEMPTS):
                try:
                    sure, value = self._current().get(key)
                except lmdb.Error as error:  # a writer made it larger, or has just used a page again that was read
                    problem = error
                    self._close()
                except OSError as error:
                    self._close()
                    raise LookupFailed(error.strerror or str(error)) from error
                else:
                    if sure:
                        return value
        raise LookupFailed(str(problem).removeprefix(f"{self._path}: "))

    def _current(self) -> "_Open":
        opened, now = self._open, time.monotonic()
        if opened and self._owner == os.getpid() and not opened.has_touched_enough():
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


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


class _Open:
    """An LMDB environment, and a descriptor of its file for the size and the lock."""

    def __init__(self, path: str, look_again: float) -> None:
        """Raises OSError and lmdb.Error."""
        self.look_again = look_again
        self._asked = 0
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(self._descriptor)
            self.identity = _identity(found)
            if not stat.S_ISREG(found.st_mode) or not found.st_size:
                raise OSError(errno.EINVAL, "empty, or no file")
            self._environment: Any = lmdb.open(
                path, subdir=False, readonly=True, create=False, lock=False, readahead=False
            )
            try:
                self._page = self._environment.stat()["psize"]
                if _identity(os.stat(path)) != self.identity:
                    raise lmdb.Error("replaced while it was opened")
            except BaseException:
                self._environment.close()
                raise
        except BaseException:
            os.close(self._descriptor)
            raise

    def close(self) -> None:
        """Unmap it."""
        self._environment.close()
        os.close(self._descriptor)

    def has_touched_enough(self) -> bool:
        """Is it time to unmap what look-ups have left in memory?"""
        return self._asked * TOUCHED > MAPPED

    def get(self, key: bytes) -> tuple[bool, bytes | None]:
        """Whether the answer is sure, and the value of a key. Raises OSError and lmdb.Error."""
        self._asked += 1
        locked = self._set_lock(_SHARED)
        try:
            self._demand_all_pages()
            with self._environment.begin() as transaction:
                committed = transaction.id()
                value = transaction.get(key + b"\0")
                value = transaction.get(key) if value is None else value.removesuffix(b"\0")
            return self._environment.info()["last_txnid"] == committed, value
        except lmdb.BadValsizeError:  # no key is so long
            return True, None
        finally:
            if locked:
                self._set_lock(_UNLOCKED)

    def _set_lock(self, lock: bytes) -> bool:
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, lock)
        except OSError:  # a writer has it for a moment, or the file system has no locks
            return False
        return True

    def _demand_all_pages(self) -> None:
        """What is beyond the end of a file ends the process that reads it there.

        LMDB writes the last page that it has counted, but for values of kilobytes deleted in the transaction that put
        them; such a file counts as cut off, too, until the next commit.
        """
        size = os.fstat(self._descriptor).st_size
        if size < METAS * self._page or size < (self._environment.info()["last_pgno"] + 1) * self._page:
            raise lmdb.Error("the file is cut off")  # or was made larger between the two numbers
