"""What opening a table comes to: all its entries, read (Loaded), or something to ask (policy.ports.Table).

Opening does no more I/O than reading files, and never connects: a database that is down must not keep the milter from
starting, and a connection does not survive the fork into a worker.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias


class TableError(ValueError):
    """The table cannot be opened: no such file, a wrong name, a driver that is not installed; in words for its user."""


class Entry(NamedTuple):
    """One entry of a table: where it stands (a line, or a number from 1 on), its key and its value (maybe empty)."""

    number: int
    key: str
    value: str = ""


Sort: TypeAlias = Literal["network", "domain", "login"]
"""What an option wants of a table."""


class Note(NamedTuple):
    """What an administrator should know of an entry that is left out: its number, or 0 for the table; in words."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table that was read whole."""

    source: str
    """What the places of its entries begin with: `SOURCE:NUMBER`."""
    entries: Iterable[Entry]
    """To be gone through once. It may raise TableError on the way."""
    files: tuple[Path, ...] = ()
    """What it was read from; when one of these changes, it is to be read again."""
    notes: Sequence[Note] = ()
    """Complete when the entries have been gone through."""
    only: "Callable[[Sort], Loaded] | None" = None
    """The entries of one sort alone, where the table holds several."""
    may_be_empty: bool = False
    """That there is no entry is nothing to warn of."""
