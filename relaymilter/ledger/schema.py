"""The tables of the ledger in SQLite: made where there are none, brought up to date where they are older.

A file that is no ledger, or one of a later relaymilter, is refused in words and left as it is.
"""

import os
import sqlite3
import time
from contextlib import closing, suppress
from urllib.parse import quote

APPLICATION = 0x726C796D  # "rlym"
"""The application_id in the file's header (https://www.sqlite.org/fileformat.html)."""
VERSION = 1
"""The user_version there: of the tables below."""

_HEADER = b"SQLite format 3\0"
_STARTING = 5.0
"""Seconds that a worker waits while another makes the tables."""

DAY = 86_400

# An index on `until` itself would be written with every change; that on its day is so once a day.
_TABLES = """
CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE,
    record BLOB NOT NULL,
    until INTEGER NOT NULL,
    day INTEGER NOT NULL,
    kept INTEGER NOT NULL
);
CREATE INDEX subjects_day ON subjects (day);
CREATE TABLE hashes (
    subject INTEGER NOT NULL,
    hash BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (subject, hash)
) WITHOUT ROWID;
"""
_STEPS: dict[int, str] = {0: _TABLES}
"""What brings tables of each older version one further."""


class NoLedger(ValueError):
    """The file cannot be a ledger of ours; in words for its administrator."""


def look(path: str) -> None:
    """Read the header of a file, if it is there, without opening it as a database. Raises NoLedger and OSError."""
    try:
        with open(path, "rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise NoLedger(f"{path}: there is no folder {folder}") from None
        return
    if not header:
        return
    if not header.startswith(_HEADER) or len(header) < 100:
        raise NoLedger(f"{path}: is no SQLite database; it is left as it is")
    _judge(path, int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big"))


def _judge(path: str, application: int, version: int) -> None:
    if application not in (0, APPLICATION) or (application == 0 and version):
        raise NoLedger(f"{path}: is another program's database; it is left as it is")
    if version > VERSION:
        raise NoLedger(f"{path}: is the ledger of a later relaymilter (version {version}, this one knows {VERSION})")


def connect(path: str) -> sqlite3.Connection:
    """A connection for the thread that calls, to tables of now. Raises sqlite3.Error; NoLedger becomes one."""
    where = f"file:{quote(os.path.abspath(path))}"
    _make_private(path)
    connection = sqlite3.connect(where, timeout=_STARTING, isolation_level=None, uri=True)
    try:
        _version(path, connection)  # before anything is written to what is another's
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -1024")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # housekeeping.py does that
        _bring_up_to_date(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on: where several processes do so at once, SQLite waits for none of the others."""
    until = time.monotonic() + _STARTING
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _make_private(path: str) -> None:
    """Make the file, if there is none, for the owner of the folder alone; SQLite makes its log and its index alike.

    The umask would do, but is the whole process's, and several threads connect.  One that is there is not opened: to
    close it again would end SQLite's locks on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    with suppress(OSError):  # what else is wrong SQLite meets, too, and says
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if os.geteuid() == 0:  # an administrator looks before the daemon has begun
                folder = os.stat(os.path.dirname(path))
                os.fchown(file, folder.st_uid, folder.st_gid)
        finally:
            os.close(file)


def _bring_up_to_date(path: str, connection: sqlite3.Connection) -> None:
    if _version(path, connection) == VERSION:
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for version in range(_version(path, connection), VERSION):
            for statement in _STEPS[version].split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(path: str, connection: sqlite3.Connection) -> int:
    """Raises sqlite3.Error where this is no ledger."""
    application, version = _marks(connection)
    try:
        _judge(path, application, version)
    except NoLedger as problem:
        raise sqlite3.DatabaseError(str(problem).removeprefix(f"{path}: ")) from None
    return version


def _marks(connection: sqlite3.Connection) -> tuple[int, int]:
    """application_id and user_version; -1 for the former where there are tables without a mark.

    They are of one moment: another process may make the tables just now.
    """
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    try:
        application, version = (_pragma(connection, name) for name in ("application_id", "user_version"))
        if not application and not version and _has_tables(connection):
            application = -1
    finally:
        if alone:
            connection.execute("COMMIT")
    return application, version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    with closing(connection.execute(f"PRAGMA {name}")) as cursor:
        value: int = cursor.fetchone()[0]
    return value


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None
