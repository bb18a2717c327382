"""The ledger in an SQLite file: the embedded default, which survives restarts and serves every worker of a host.

Each change is in a transaction that is committed before it is answered, so counts are exact however many processes
share the file, and what was charged stays charged when one of them is killed: a commit is in the page cache at once,
and on the disk at the next checkpoint (`synchronous = NORMAL` with a write-ahead log, https://www.sqlite.org/wal.html).
A power cut may lose the last seconds. Who waits for what, and which changes share a transaction: connections.py; what
the event loop need not read again: rows.py.
"""

import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

from relaymilter.ledger import schema
from relaymilter.ledger.connections import Connections
from relaymilter.ledger.housekeeping import Housekeeping
from relaymilter.ledger.rows import MOST_HASHES, Row, Rows
from relaymilter.lookups import waiting
from relaymilter.policy.ports import MOST_REMEMBERED, Change, Hash, MustWait, Past

T = TypeVar("T")
_SUBJECT = "SELECT id, record, until, kept, day"
_SEEN = ", (SELECT until FROM hashes WHERE subject = id AND hash = ?)"
_NAMED = " FROM subjects WHERE name = ?"
_HASHES = "SELECT hash, until FROM hashes WHERE subject = ? AND hash IN ("
_AT_ONCE = 100
"""Hashes asked for in one query; SQLite has an upper limit."""
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


class SqliteLedger:
    """A Ledger."""

    waits = True

    def __init__(self, path: str, most_remembered: int = MOST_REMEMBERED) -> None:
        """`path` is made by the first change, with its tables; the folder is there already."""
        self._most_remembered = most_remembered
        self.connections = Connections(path)
        self._housekeeping = Housekeeping(path)

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """As Ledger has it; in the event loop's thread it is made when the turn is committed."""
        turn = waiting.turn()
        if turn is None:
            with self.connections.changing() as connection:
                result = self._update(connection, None, subject, now, asks, change)
        else:
            connection = self.connections.in_turn(turn)
            try:
                result = self._update(connection, self.connections.rows, subject, now, asks, change)
            except sqlite3.Error as error:
                self.connections.undo()
                raise MustWait(self.connections.path) from error
        self._housekeeping.begin(now)
        return result

    def _update(
        self,
        connection: sqlite3.Connection,
        rows: Rows | None,
        subject: str,
        now: int,
        asks: tuple[Hash, ...],
        change: Callable[[Past], Change[T]],
    ) -> T:
        name = _name(subject)
        row = _kept(connection, rows, name, asks)
        if row is None:
            changed = change(_nothing(len(asks)))
        elif now < row.until:
            changed = change(_past(row, asks, now))
        else:
            connection.execute("DELETE FROM hashes WHERE subject = ?", (row.number,))
            row.hashes, row.kept = {}, 0
            changed = change(_nothing(len(asks)))
        if changed.record is not None:
            self._write(connection, rows, name, row, changed, now)
        return changed.result

    def _write(
        self,
        connection: sqlite3.Connection,
        rows: Rows | None,
        name: bytes,
        row: Row | None,
        changed: Change[T],
        now: int,
    ) -> None:
        """`kept` counts every hash that was remembered, also one that was there already; it is put right by _thin."""
        record = changed.record or b""
        kept, day = len(changed.remember), changed.until // schema.DAY
        if row is None:
            [number] = connection.execute(_ADD, (record, changed.until, kept, day, name)).fetchone()
            row = Row(number, record, changed.until, kept, day, {})
            if rows is not None:
                rows.keep(name, row)
        else:
            kept += row.kept
            connection.execute(_CHANGE, (record, changed.until, kept, row.number))
            if day != row.day:
                connection.execute(_MOVE, (day, row.number))
            if rows is not None:
                rows.grow(len(record) - len(row.record))
            row.record, row.until, row.kept, row.day = record, changed.until, kept, day
        for ask, until in changed.remember:
            connection.execute(_REMEMBER, (row.number, ask, until))
            row.hashes[ask] = until
        if kept > self._most_remembered:
            self._thin(connection, row.number, now)
            if rows is not None:
                rows.drop(name)

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
        with self.connections.waiting() as connection:
            row = connection.execute(_find(0), (_name(subject),)).fetchone()
        record: bytes | None = row[1] if row is not None and now < row[2] else None
        return record

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it."""
        begin = _name(prefix)
        with self.connections.waiting() as connection:
            rows = connection.execute(
                "SELECT name FROM subjects WHERE name >= ?1 AND name < ?2 AND until > ?3", (begin, begin + _LAST, now)
            ).fetchall()
        return (name.decode("utf-8", "surrogatepass") for (name,) in rows)

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        with self.connections.waiting() as connection:
            [kept] = connection.execute(_VALID, (_name(subject), now)).fetchone()
        return int(kept)

    def forget(self, subject: str, /) -> bool:
        """As Ledger has it."""
        with self.connections.changing() as connection:
            row = connection.execute(_find(0), (_name(subject),)).fetchone()
            if row is not None:
                connection.execute("DELETE FROM hashes WHERE subject = ?", row[:1])
                connection.execute("DELETE FROM subjects WHERE id = ?", row[:1])
        return row is not None

    def close(self) -> None:
        """End what runs beside, and this thread's connection."""
        self._housekeeping.end()
        self.connections.close()


def _kept(connection: sqlite3.Connection, rows: Rows | None, name: bytes, asks: tuple[Hash, ...]) -> Row | None:
    """The row of a subject with all these hashes, from memory where it is there."""
    if rows is None:
        return _look(connection, name, asks)
    row = rows.find(name)
    if row is None:
        row = _look(connection, name, asks)
        if row is not None:
            rows.keep(name, row)
    elif not row.hashes.keys() >= set(asks):
        _look_for_hashes(connection, row, asks)
    return row


def _look(connection: sqlite3.Connection, name: bytes, asks: tuple[Hash, ...]) -> Row | None:
    found = connection.execute(_find(len(asks[:_AT_ONCE])), (*asks[:_AT_ONCE], name)).fetchone()
    if found is None:
        return None
    number, record, until, kept, day, *seen = found
    row = Row(number, record, until, kept, day, dict(zip(asks, seen, strict=False)))
    if len(asks) > _AT_ONCE:
        _look_for_hashes(connection, row, asks)
    return row


def _look_for_hashes(connection: sqlite3.Connection, row: Row, asks: tuple[Hash, ...]) -> None:
    """Those that have not been asked for; where they would be too many, the others are forgotten."""
    if len(row.hashes) + len(asks) > MOST_HASHES:
        row.hashes = {ask: row.hashes[ask] for ask in asks if ask in row.hashes}
    missing = [ask for ask in asks if ask not in row.hashes]
    row.hashes.update(dict.fromkeys(missing))
    for at in range(0, len(missing), _AT_ONCE):
        some = missing[at : at + _AT_ONCE]
        row.hashes.update(connection.execute(_find_hashes(len(some)), (row.number, *some)))


@lru_cache(_AT_ONCE)
def _find(asks: int) -> str:
    """The query for a subject and so many hashes of it: one, since each costs more than what it looks up."""
    return _SUBJECT + _SEEN * asks + _NAMED


@lru_cache(_AT_ONCE)
def _find_hashes(asks: int) -> str:
    return _HASHES + "?" + ", ?" * (asks - 1) + ")"


def _past(row: Row, asks: tuple[Hash, ...], now: int) -> Past:
    hashes = row.hashes
    return Past(row.record, tuple([until if (until := hashes[ask]) and now < until else None for ask in asks]))


@lru_cache(16)
def _nothing(asks: int) -> Past:
    return Past(None, (None,) * asks)


def _name(subject: str) -> bytes:
    """Octets, which SQLite compares as they are: a text could not hold a NUL."""
    return subject.encode("utf-8", "surrogatepass")
