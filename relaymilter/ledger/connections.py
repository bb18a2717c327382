"""Connections to the ledger's file, one for each thread, and the transactions in which it is changed.

A thread that may wait makes each change in a transaction of its own. The event loop's thread, which may not, makes all
changes of a turn in one (lookups/turns.py), since they take some tens of microseconds. Only where another process holds
the lock does it raise MustWait; and for a while after a turn that the disk held up, since a disk that stalls is to be
waited for in the pool.
"""

import logging
import resource
import sqlite3
import threading
from time import monotonic

from relaymilter.ledger import schema
from relaymilter.ledger.rows import Rows
from relaymilter.lookups import waiting
from relaymilter.lookups.turns import Turn
from relaymilter.policy.ports import LookupFailed, MustWait

log = logging.getLogger(__name__)

LOCKED = 1.0
"""Seconds to wait for other writers, who hold the file for microseconds, in a thread that may wait."""
BRIEF = 0.001
"""Seconds for one that may not."""
LONG = 0.05
"""Seconds: where a turn of changes took so long, and the thread slept in it,"""
PAUSE = 5.0
"""for so many seconds only threads that may wait make others."""


class _OfThread(threading.local):
    connection: sqlite3.Connection | None = None
    timeout: float = -1.0

    def __init__(self) -> None:
        self.rows = Rows()


class Connections:
    """Of this process to one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.writing = threading.Lock()  # SQLite's own lock is unfair, and some threads would wait for seconds
        self._here = _OfThread()
        self._slow_until = 0.0
        self._in_turn: sqlite3.Connection | None = None
        self._begun = 0.0, 0

    def waiting(self) -> "_Connected":
        """This thread's connection, while it is used. Raises MustWait where the thread may not wait."""
        if not waiting.allowed():
            raise MustWait(self.path)
        return _Connected(self)

    def changing(self) -> "_Transaction":
        """The same in a transaction: nobody else writes meanwhile, and whatever is raised undoes what was written."""
        if not waiting.allowed():
            raise MustWait(self.path)
        return _Transaction(self)

    def in_turn(self, turn: Turn) -> sqlite3.Connection:
        """The loop's connection, in the transaction of this turn. Raises LookupFailed and MustWait."""
        if not turn.open:
            turn.begin(self._commit)  # one that cannot be had is not tried for again in this turn
            self._in_turn = self._begin()
        if self._in_turn is None:
            raise MustWait(self.path)
        turn.change()
        return self._in_turn

    @property
    def rows(self) -> Rows:
        """What is kept of the file by this thread, for its turn alone."""
        return self._here.rows

    def _begin(self) -> sqlite3.Connection:
        if monotonic() < self._slow_until or not self.writing.acquire(blocking=False):
            raise MustWait(self.path)
        try:
            connection = self.connection(BRIEF)
            self._begun = monotonic(), _slept()  # a connection is made once
            connection.execute("BEGIN IMMEDIATE")
            self.rows.begin(connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            self.writing.release()
            if _is_locked(error):
                raise MustWait(self.path) from error
            raise self.failed(error) from error
        return connection

    def _commit(self) -> bool:
        connection = self._in_turn
        if connection is None:
            return False
        try:
            connection.execute("COMMIT")
        except sqlite3.Error:  # they are made again elsewhere, and fail there in words
            self.undo()
            return False
        self._in_turn = None
        self.writing.release()
        self._took(monotonic() - self._begun[0])
        return True

    def undo(self) -> None:
        """Of this turn nothing is changed, and nothing more is."""
        connection, self._in_turn = self._in_turn, None
        if connection is None:
            return
        self.rows.clear()
        try:
            _roll_back(connection)
        finally:
            self.writing.release()

    def _took(self, seconds: float) -> None:
        """One that did not sleep was only kept from its core by others: that is no fault of the disk."""
        if seconds > LONG and _slept() > self._begun[1]:
            self._slow_until = monotonic() + PAUSE
            log.warning("%s: changes took %.0f ms; for a while others wait in the pool", self.path, 1000 * seconds)

    def connection(self, timeout: float) -> sqlite3.Connection:
        """That of this thread, which waits for a lock so long. Raises sqlite3.Error."""
        here = self._here
        if here.connection is None:
            here.connection, here.timeout = schema.connect(self.path), -1.0
        if here.timeout != timeout:
            here.connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")
            here.timeout = timeout
        return here.connection

    def failed(self, error: sqlite3.Error) -> LookupFailed:
        """What SQLite raised, in our words."""
        return LookupFailed(f"{self.path}: {error}")

    def close(self) -> None:
        """That of this thread."""
        if self._here.connection is not None:
            self._here.connection.close()
            self._here.connection = None


class _Connected:
    """Turns what SQLite raises into LookupFailed. Contexts of generators would cost more than a change."""

    __slots__ = ("_connections", "connection")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def __enter__(self) -> sqlite3.Connection:
        seconds = min(LOCKED, waiting.left())
        if not self._connections.writing.acquire(timeout=seconds):
            raise LookupFailed(f"{self._connections.path}: locked")
        try:
            self.connection = self._connections.connection(seconds)
            self._begin()
        except sqlite3.Error as error:
            self._connections.writing.release()
            raise self._connections.failed(error) from error
        return self.connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        try:
            self._end(undo=error is not None)
        except sqlite3.Error as problem:
            raise self._connections.failed(problem) from problem
        finally:
            self._connections.writing.release()
        if isinstance(error, sqlite3.Error):
            raise self._connections.failed(error) from error

    def _begin(self) -> None:
        """Nothing is written."""

    def _end(self, undo: bool) -> None:
        """Nothing was written."""


class _Transaction(_Connected):
    __slots__ = ()

    def _begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def _end(self, undo: bool) -> None:
        try:
            if not undo:
                self.connection.execute("COMMIT")
        finally:
            _roll_back(self.connection)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _is_locked(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _slept() -> int:
    """How often this thread has waited for something, other than for a core."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
