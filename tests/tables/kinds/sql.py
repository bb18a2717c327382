"""`postgresql:` and `mysql:`, each a table of its own on the server of this process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers import mariadb, postgresql

from . import Make, Specimen

_numbers = itertools.count(1)


def described(folder: Path, **values: str) -> Path:
    """Write the description of a table."""
    path = folder / f"table{next(_numbers)}.toml"
    path.write_text("".join(f'{key.replace("_", "-")} = "{value}"\n' for key, value in values.items()))
    path.chmod(0o640)
    return path


@contextmanager
def make_postgresql(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A table in PostgreSQL."""
    server, name = postgresql.shared(), f"entries{next(_numbers)}"
    server.start()
    server.run(f"CREATE TABLE {name} (name TEXT PRIMARY KEY, value TEXT)")
    for key, value in entries.items():
        server.run(f"INSERT INTO {name} VALUES (%s, %s)", key, value)
    query = f"SELECT value FROM {name} WHERE name = :key"
    login = {"user": postgresql.USER, "password": postgresql.PASSWORD}
    path = described(folder, socket=str(server.folder), dbname="postgres", query=query, **login)
    try:
        yield Specimen(f"postgresql:{path}", server=server)
    finally:
        server.resume()
        server.start()


@contextmanager
def make_mysql(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A table in MariaDB, whose keys are compared octet by octet."""
    server, name = mariadb.shared(), f"entries{next(_numbers)}"
    server.start()
    server.run(f"CREATE TABLE mail.{name} (name VARCHAR(255) PRIMARY KEY, value TEXT)")
    for key, value in entries.items():
        server.run(f"INSERT INTO mail.{name} VALUES (%s, %s)", key, value)
    query = f"SELECT value FROM {name} WHERE name = :key"
    login = {"user": mariadb.USER, "password": mariadb.PASSWORD}
    path = described(folder, socket=server.socket, dbname="mail", query=query, **login)
    try:
        yield Specimen(f"mysql:{path}", server=server)
    finally:
        server.resume()
        server.start()


KINDS: dict[str, Make] = {"postgresql": make_postgresql, "mysql": make_mysql}
