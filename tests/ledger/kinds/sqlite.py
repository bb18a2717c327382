"""The ledger in SQLite; each time that it is opened is another process's, as far as SQLite can tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.lookups import waiting

from . import Open


@contextmanager
def sqlite(folder: Path) -> Iterator[Open]:
    """A file, made by the first change."""
    opened: list[SqliteLedger] = []

    def open_ledger() -> SqliteLedger:
        waiting.allow()  # in a thread of the test, too
        opened.append(SqliteLedger(str(folder / "ledger.db")))
        return opened[-1]

    with waiting.allowing():
        yield open_ledger
        for ledger in opened:
            ledger.close()


KINDS = {"sqlite": sqlite}
