"""Ledgers of every kind, for the contract: a module each, with KINDS.

    KINDS = {"memory": make}     a name for the test's id, and a function

    @contextmanager
    def make(folder: Path) -> Iterator[Callable[[], Ledger]]: ...

It makes the real thing, empty, in an empty folder that any user can enter, gives what opens it, and takes everything
down at the end. Ledgers that are opened twice share what they hold, as the processes of a daemon do; but in memory.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from relaymilter.policy.ports import Ledger

Open = Callable[[], Ledger]
Make = Callable[[Path], AbstractContextManager[Open]]


def kinds() -> dict[str, Make]:
    """All of them."""
    found: dict[str, Make] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found |= importlib.import_module(module.name).KINDS
    return found
