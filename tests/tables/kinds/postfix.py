"""`postfix:`: maps that the real postmap makes, lists and asks."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.rig.postmap import postfix_commands, why_no_postmap

from . import Make, Specimen

Write = Callable[[Path, str, Mapping[str, str]], None]


def settle(path: Path) -> None:
    """Postfix waits until a file has not changed for more than a second: it did so long ago."""
    os.utime(path, (0, 0))


def write_source(path: Path, type_: str, entries: Mapping[str, str]) -> None:
    """A text file, and what postmap makes of it."""
    path.write_text("# key value\n" + "".join(f"{key}\t{value}\n" for key, value in entries.items()))
    settle(path)
    if type_ != "texthash":
        subprocess.run(["postmap", f"{type_}:{path}"], check=True, timeout=30)


def write_patterns(path: Path, _type: str, entries: Mapping[str, str]) -> None:
    """Each key a pattern."""
    path.write_text("".join(f"/^{re.escape(key)}$/ {value.replace('$', '$$')}\n" for key, value in entries.items()))
    settle(path)


def write_sqlite(path: Path, _type: str, entries: Mapping[str, str]) -> None:
    """A database, and how it is asked."""
    database = path.with_suffix(".sqlite")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE entry (name TEXT PRIMARY KEY, said TEXT)")
        connection.executemany("INSERT INTO entry VALUES (?, ?)", entries.items())
    path.write_text(f"dbpath = {database}\nquery = SELECT said FROM entry WHERE name = '%s'\n")
    settle(path)


@contextmanager
def make(type_: str, write: Write, folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A map of this type."""
    if reason := why_no_postmap():
        pytest.skip(reason)
    with postfix_commands(folder):
        write(folder / "map", type_, entries)
        yield Specimen(f"postfix:{type_}:{folder}/map")


WRITERS: dict[str, Write] = {
    "hash": write_source,
    "btree": write_source,
    "lmdb": write_source,
    "texthash": write_source,
    "cdb": write_source,
    "pcre": write_patterns,
    "sqlite": write_sqlite,
}
KINDS: dict[str, Make] = {f"postfix-{type_}": partial(make, type_, write) for type_, write in WRITERS.items()}
