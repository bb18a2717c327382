"""The ledger in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relaymilter.ledger.memory import MemoryLedger

from . import Open


@contextmanager
def memory(folder: Path) -> Iterator[Open]:
    """One ledger, however often it is opened: it is shared by nobody else."""
    ledger = MemoryLedger()
    yield lambda: ledger


KINDS = {"memory": memory}
