"""`sqlite:`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from . import Make, Specimen


def write(path: Path, entries: Mapping[str, str]) -> None:
    """Make a database with these entries."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE entries (name TEXT PRIMARY KEY, value TEXT)")
        connection.executemany("INSERT INTO entries VALUES (?, ?)", entries.items())


@contextmanager
def make(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A database with one table."""
    write(folder / "entries.db", entries)
    described = folder / "sqlite.toml"
    described.write_text(f'database = "{folder}/entries.db"\nquery = "SELECT value FROM entries WHERE name = :key"\n')
    yield Specimen(f"sqlite:{described}")


KINDS: dict[str, Make] = {"sqlite": make}
