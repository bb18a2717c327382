"""The types of tables: `type:name`, and the module that opens each.

A module has `open_table(kind, name)`, which gives a Loaded or a Table and raises TableError. It is imported when a
table of its type is opened, so that a driver is only needed by those who use it.
"""

import importlib
from pathlib import Path
from typing import Protocol, cast

from relaymilter.files.reading import note, use
from relaymilter.files.safety import UnsafeFile, require_safe
from relaymilter.policy.ports import Table
from relaymilter.tables.table import Loaded, TableError

TYPES = {
    "file": "text",
    "inline": "inline",
    "postfix": "postfix",
    "sendmail": "sendmail",
    "lmdb": "lmdb",
    "sqlite": "sqlite",
    "postgresql": "sql",
    "mysql": "sql",
    "ldap": "ldap",
    "socketmap": "socketmap",
    "redis": "redis",
    "valkey": "redis",
}
"""The module of each type."""


class _Module(Protocol):
    def open_table(self, kind: str, name: str) -> Loaded | Table: ...


def is_table(text: str) -> bool:
    """Is this a `type:name`, and no single name?"""
    kind, colon, _ = text.partition(":")
    return bool(colon) and kind in TYPES


def open_table(text: str) -> Loaded | Table:
    """The table of this `type:name`. Raises TableError, also if everyone may write what it is read from."""
    kind, _, name = text.partition(":")
    if not name:
        raise TableError(f"{text} names no table")
    module = cast(_Module, importlib.import_module(f"relaymilter.tables.{TYPES[kind]}"))
    try:
        table = module.open_table(kind, name)
    except (TableError, UnsafeFile) as error:
        named = name[max(0, name.find("/")) :]
        note(Path(named), Path(f"{named}.db"))  # to notice its repair
        raise TableError(str(error)) from error
    try:
        for path in table.files if isinstance(table, Loaded) else ():
            use(path)
        require_safe(Path(name))
    except UnsafeFile as error:
        raise TableError(str(error)) from error
    return table
