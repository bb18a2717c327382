"""What the ledger in SQLite does beside, in a thread of its own: checkpoints, and sweeping out what has expired.

A checkpoint waits for the disk (fsync(2)), so no decision makes one. Of each kind of subject, its first word, only so
many are kept: strangers, who are subjects by their addresses, can make any number, but push no login out.
"""

import contextlib
import logging
import sqlite3
import threading

from relaymilter.ledger import schema

log = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two rounds."""
MOST_SUBJECTS = 1_000_000
"""Of each kind: of more, those go first that would expire first."""
BATCH = 200
"""Subjects swept out in one transaction, which holds up whoever wants to write."""

LONG_LOG = 16_384
"""Pages, 64 MiB: a write-ahead log that is as long begins anew."""
_CHECKPOINTS = ("PASSIVE", "PASSIVE", "FULL")
_BRIEFLY = 100
"""Milliseconds to wait for whoever writes, or reads what is old."""

_EXPIRED = "SELECT id FROM subjects WHERE day <= ?1 / 86400 AND until <= ?1 LIMIT ?2"
_KINDS = "SELECT DISTINCT substr(name, 1, instr(name, x'20')) FROM subjects"
_COUNT = "SELECT count(*) FROM subjects WHERE name >= ? AND name < ?"
_TOO_MANY = "SELECT id FROM subjects WHERE name >= ?1 AND name < ?2 ORDER BY day LIMIT ?3"


class Housekeeping:
    """The thread of one process, which begins with the first change that the process makes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._now = 0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, now: int) -> None:
        """Go on by this time, the last one that anybody said."""
        self._now = now
        if self._thread is None:
            self._thread = threading.Thread(target=self._go_on, name="ledger", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """After the round that is under way."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _go_on(self) -> None:
        with contextlib.closing(schema.connect(self._path)) as connection:
            while not self._ending.wait(INTERVAL):
                try:
                    tidy(connection, self._now)
                except sqlite3.Error as error:  # a full disk, a lock: there will be another round
                    log.warning("%s: could not be tidied: %s", self._path, error)


def tidy(connection: sqlite3.Connection, now: int, most: int = MOST_SUBJECTS) -> None:
    """One round. Raises sqlite3.Error."""
    while _sweep(connection, _EXPIRED, (now, BATCH)) == BATCH:
        pass
    for (kind,) in connection.execute(_KINDS).fetchall():
        after = kind[:-1] + b"\x21"
        [count] = connection.execute(
            "SELECT count(*) FROM subjects WHERE name >= ? AND name < ?", (kind, after)
        ).fetchone()
        while count > most:
            count -= _sweep(connection, _TOO_MANY, (kind, after, min(BATCH, count - most)))
    _checkpoint(connection)


def _checkpoint(connection: sqlite3.Connection) -> None:
    """Write into the file what is in its log. It begins anew only when all of it has been written.

    Where somebody always writes, that never is: so of a long one the rest is written while all others wait, some
    milliseconds, since a second checkpoint has left little of it.
    """
    connection.execute(f"PRAGMA busy_timeout = {_BRIEFLY}")
    for mode in _CHECKPOINTS:
        _, pages, _ = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        if pages < LONG_LOG:
            return


def _sweep(connection: sqlite3.Connection, which: str, values: tuple[object, ...]) -> int:
    """Take these subjects out, with all that is remembered of them: how many there were."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        subjects = connection.execute(which, values).fetchall()
        connection.executemany("DELETE FROM hashes WHERE subject = ?", subjects)
        connection.executemany("DELETE FROM subjects WHERE id = ?", subjects)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return len(subjects)
