"""`sqlite:`: an SQLite database, described by a file that names the `database` and the `query`.

It is opened for reading alone, a connection for each thread that asks. A database that is replaced (mv) is noticed at
the next question, one that is locked or slow for too long is a failure.
"""

import os
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from relaymilter.files.safety import require_safe
from relaymilter.lookups import deadline
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables import query
from relaymilter.tables.described import describe
from relaymilter.tables.table import TableError

LOCKED = 0.9
"""Seconds to wait for a lock."""
DEADLINE = 1.8
"""Seconds for a question."""
_STEPS = 1000
"""Of SQLite's machine between two looks at the clock."""


class _OfThread(threading.local):
    connection: sqlite3.Connection | None = None
    file: tuple[int, int] | None = None
    """Device and inode."""


@dataclass(frozen=True, slots=True)
class SqliteTable:
    """Asked by its query."""

    name: str
    database: str
    statement: str
    waits: bool = True
    _here: _OfThread = field(default_factory=_OfThread, repr=False)

    def find(self, key: str) -> str | None:
        """The first column of the rows that the query gives for this key. Raises LookupFailed."""
        if not query.bindable(key):
            return None
        deadline.begin(DEADLINE)
        try:
            return query.answer(_rows(self._connection(), self.statement, key))
        except (OSError, sqlite3.Error) as error:
            raise LookupFailed(f"{self.database}: {getattr(error, 'strerror', None) or error}") from None

    def _connection(self) -> sqlite3.Connection:
        """The one of this thread, to the file that has the name now."""
        here, status = self._here, os.stat(self.database)
        file = status.st_dev, status.st_ino
        if here.connection is not None:
            if here.file == file:
                return here.connection
            here.connection.close()
            here.connection = None
        here.connection, here.file = self._connect(), file
        return here.connection

    def _connect(self) -> sqlite3.Connection:
        where = f"file:{quote(os.path.abspath(self.database))}?mode=ro"
        connection = sqlite3.connect(where, timeout=LOCKED, isolation_level=None, uri=True)
        try:
            connection.set_progress_handler(lambda: deadline.left() <= 0, _STEPS)
            query.refuse_yes_to_all(_rows(connection, self.statement, query.NOBODY))
        except BaseException:
            connection.close()
            raise
        return connection


def _rows(connection: sqlite3.Connection, statement: str, key: str) -> list[tuple[object, ...]]:
    with closing(connection.execute(statement, {"key": key})) as cursor:
        if cursor.description is None:
            raise LookupFailed("the query is no SELECT")
        return cursor.fetchmany(query.MOST_ROWS)


def open_table(kind: str, name: str) -> SqliteTable:
    """The database that the file `name` describes. Raises TableError."""
    description = describe(name, {"database": str, "query": str}, needed=("database", "query"))
    database = description.text("database")
    if not Path(database).is_file():
        raise TableError(f"{description.path}: database: there is no file {database}")
    require_safe(Path(database))
    return SqliteTable(f"{kind}:{name}", database, query.checked(description))
