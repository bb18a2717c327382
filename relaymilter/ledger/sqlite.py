"""The ledger in an SQLite file: the embedded default, which survives restarts and serves every worker of a host.

Each change is a transaction of its own, so counts are exact however many processes share the file, and what was charged
stays charged when one of them is killed: a commit is in the page cache at once, and on the disk at the next checkpoint
(`synchronous = NORMAL` with a write-ahead log, https://www.sqlite.org/wal.html). A power cut may lose the last seconds.

The event loop's thread, which may not wait, changes the ledger itself, since that takes some tens of microseconds. Only
where another process holds the lock does it raise MustWait; and for a while after a change that took long, since a disk
that stalls is to be waited for in the pool.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TypeAlias, TypeVar

from relaymilter.ledger import schema
from relaymilter.ledger.housekeeping import Housekeeping
from relaymilter.lookups import waiting
from relaymilter.policy.ports import MOST_REMEMBERED, Change, Hash, LookupFailed, MustWait, Past

T = TypeVar("T")
_Row: TypeAlias = tuple[int, bytes | None, int, int, int]
"""id, record, until, kept, day."""

log = logging.getLogger(__name__)

LOCKED = 1.0
"""Seconds to wait for other writers, who hold the file for microseconds, in a thread that may wait."""
BRIEF = 0.001
"""Seconds for one that may not."""
LONG = 0.05
"""Seconds: where a change took so long,"""
PAUSE = 5.0
"""for so many seconds only threads that may wait make others."""

_FIND = "SELECT id, record, until, kept, day FROM subjects WHERE name = ?"
_SEEN = "SELECT until FROM hashes WHERE subject = ? AND hash = ?"
_CHANGE = "UPDATE subjects SET record = ?, until = ?, kept = ? WHERE id = ?"
_MOVE = "UPDATE subjects SET day = ? WHERE id = ?"
_ADD = "INSERT INTO subjects (record, until, kept, day, name) VALUES (?, ?, ?, ?, ?) RETURNING id"
_REMEMBER = (
    "INSERT INTO hashes (subject, hash, until) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until"
)
_THIN = (
    "DELETE FROM hashes WHERE subject = ?1 "
    "AND hash IN (SELECT hash FROM hashes WHERE subject = ?1 ORDER BY until LIMIT ?2)"
)
_COUNT = "SELECT count(*) FROM hashes WHERE subject = ?"
_VALID = (
    "SELECT count(*) FROM subjects JOIN hashes ON hashes.subject = subjects.id "
    "WHERE name = ?1 AND subjects.until > ?2 AND hashes.until > ?2"
)
_LAST = b"\xff"
"""After whatever a name goes on with: no octet of UTF-8 is as large."""


class _OfThread(threading.local):
    connection: sqlite3.Connection | None = None
    timeout: float = -1.0


class SqliteLedger:
    """A Ledger."""

    waits = True

    def __init__(self, path: str, most_remembered: int = MOST_REMEMBERED) -> None:
        """`path` is made by the first change, with its tables; the folder is there already."""
        self.path = path
        self._most_remembered = most_remembered
        self._here = _OfThread()
        self._slow_until = 0.0
        self.turn = threading.Lock()  # SQLite's own lock is unfair, and some threads would wait for seconds
        self._housekeeping = Housekeeping(path)

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """As Ledger has it."""
        name = _name(subject)
        with self._connected() as connection, _Transaction(connection):
            row = connection.execute(_FIND, (name,)).fetchone()
            if row is not None and now >= row[2]:
                connection.execute("DELETE FROM hashes WHERE subject = ?", row[:1])
                row = (row[0], None, 0, 0, row[4])
            changed = change(_past(connection, row, now, asks))
            if changed.record is not None:
                self._write(connection, name, row, changed, now)
        self._housekeeping.begin(now)
        return changed.result

    def _write(
        self, connection: sqlite3.Connection, name: bytes, row: _Row | None, changed: Change[T], now: int
    ) -> None:
        """`kept` counts every hash that was remembered, also one that was there already; it is put right by _thin."""
        kept, day = len(changed.remember), changed.until // schema.DAY
        if row is None:
            values = (changed.record, changed.until, kept, day, name)
            [number] = connection.execute(_ADD, values).fetchone()
        else:
            number, kept = row[0], kept + row[3]
            connection.execute(_CHANGE, (changed.record, changed.until, kept, number))
            if day != row[4]:
                connection.execute(_MOVE, (day, number))
        for ask, until in changed.remember:
            connection.execute(_REMEMBER, (number, ask, until))
        if kept > self._most_remembered:
            self._thin(connection, number, now)

    def _thin(self, connection: sqlite3.Connection, subject: int, now: int) -> None:
        """Down to nine tenths, so that it does not have to be done again at once."""
        connection.execute("DELETE FROM hashes WHERE subject = ? AND until <= ?", (subject, now))
        [kept] = connection.execute(_COUNT, (subject,)).fetchone()
        if kept > self._most_remembered:
            spare = kept - self._most_remembered * 9 // 10
            connection.execute(_THIN, (subject, spare))
            kept -= spare
        connection.execute("UPDATE subjects SET kept = ? WHERE id = ?", (kept, subject))

    def read(self, subject: str, now: int, /) -> bytes | None:
        """As Ledger has it."""
        with self._connected() as connection:
            row = connection.execute(_FIND, (_name(subject),)).fetchone()
        record: bytes | None = row[1] if row is not None and now < row[2] else None
        return record

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it."""
        begin = _name(prefix)
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT name FROM subjects WHERE name >= ?1 AND name < ?2 AND until > ?3", (begin, begin + _LAST, now)
            ).fetchall()
        return (name.decode("utf-8", "surrogatepass") for (name,) in rows)

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        with self._connected() as connection:
            [kept] = connection.execute(_VALID, (_name(subject), now)).fetchone()
        return int(kept)

    def forget(self, subject: str, /) -> bool:
        """As Ledger has it."""
        with self._connected() as connection, _Transaction(connection):
            row = connection.execute(_FIND, (_name(subject),)).fetchone()
            if row is not None:
                connection.execute("DELETE FROM hashes WHERE subject = ?", row[:1])
                connection.execute("DELETE FROM subjects WHERE id = ?", row[:1])
        return row is not None

    def close(self) -> None:
        """End what runs beside, and this thread's connection."""
        self._housekeeping.end()
        if self._here.connection is not None:
            self._here.connection.close()
            self._here.connection = None

    def _connected(self) -> "_Connected":
        """The connection of this thread, while it is used. Raises MustWait where that is not now."""
        may_wait = waiting.allowed()
        if not may_wait and (not waiting.brief_allowed() or monotonic() < self._slow_until):
            raise MustWait(self.path)
        return _Connected(self, may_wait)

    def connection(self, may_wait: bool) -> sqlite3.Connection:
        """That of this thread, which waits for a lock so long. Raises sqlite3.Error."""
        here = self._here
        if here.connection is None:
            here.connection, here.timeout = schema.connect(self.path), -1.0
        timeout = min(LOCKED, waiting.left()) if may_wait else BRIEF
        if here.timeout != timeout:
            here.connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")
            here.timeout = timeout
        return here.connection

    def took(self, seconds: float) -> None:
        """So long a thread was held up that may not wait."""
        if seconds > LONG:
            self._slow_until = monotonic() + PAUSE
            log.warning("%s: a change took %.0f ms; for a while others wait in the pool", self.path, 1000 * seconds)


class _Connected:
    """Turns what SQLite raises into LookupFailed and MustWait. Contexts of generators would cost more than a change."""

    __slots__ = ("_begun", "_ledger", "_may_wait")

    def __init__(self, ledger: SqliteLedger, may_wait: bool) -> None:
        self._ledger = ledger
        self._may_wait = may_wait

    def __enter__(self) -> sqlite3.Connection:
        self._take_turn()
        try:
            connection = self._ledger.connection(self._may_wait)
        except sqlite3.Error as error:
            self._ledger.turn.release()
            raise self._problem(error) from error
        self._begun = monotonic()  # a connection is made once
        return connection

    def _take_turn(self) -> None:
        if not self._ledger.turn.acquire(timeout=min(LOCKED, waiting.left()) if self._may_wait else 0):
            raise LookupFailed(f"{self._ledger.path}: locked") if self._may_wait else MustWait(self._ledger.path)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self._ledger.turn.release()
        if isinstance(error, sqlite3.Error):
            raise self._problem(error) from error
        if not self._may_wait:
            self._ledger.took(monotonic() - self._begun)

    def _problem(self, error: sqlite3.Error) -> Exception:
        locked = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        if locked and not self._may_wait:
            return MustWait(self._ledger.path)
        return LookupFailed(f"{self._ledger.path}: {error}")


class _Transaction:
    """Nobody else writes meanwhile; whatever is raised undoes what was written."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _past(connection: sqlite3.Connection, row: _Row | None, now: int, asks: tuple[Hash, ...]) -> Past:
    if row is None or row[1] is None:
        return Past(None, (None,) * len(asks))
    seen = [connection.execute(_SEEN, (row[0], ask)).fetchone() for ask in asks]
    return Past(row[1], tuple([until[0] if until is not None and now < until[0] else None for until in seen]))


def _name(subject: str) -> bytes:
    """Octets, which SQLite compares as they are: a text could not hold a NUL."""
    return subject.encode("utf-8", "surrogatepass")
