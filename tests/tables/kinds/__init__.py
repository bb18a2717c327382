"""Tables of every type, for the contract: a module each, with KINDS.

    KINDS = {"sqlite": make}     a name for the test's id, and a function

    @contextmanager
    def make(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]: ...

It makes a table of the real thing that holds these keys and values, in an empty folder that any user can enter, and
takes everything down at the end.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Server(Protocol):
    """What answers for a table, where that is a process of its own."""

    def start(self) -> None:
        """Start it, and return when it answers; again after kill(), with the same entries and at the same place."""

    def kill(self) -> None:
        """End it at once, as kill -9 does."""

    def hang(self) -> None:
        """Let it answer no more, but keep its connections and take new ones (SIGSTOP to all its processes)."""

    def resume(self) -> None:
        """Let it go on."""


@dataclass(frozen=True)
class Specimen:
    """A table: its `type:name`, whether values are kept too, and its server, running, if there is one."""

    text: str
    keeps_values: bool = True
    server: Server | None = None


Make = Callable[[Path, Mapping[str, str]], AbstractContextManager[Specimen]]


def kinds() -> dict[str, Make]:
    """All of them."""
    found: dict[str, Make] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found |= importlib.import_module(module.name).KINDS
    return found
