"""What names a ledger, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.ledger.memory import MemoryLedger
from relaymilter.ledger.registry import LedgerError, open_ledger


def test_memory() -> None:
    """It has no name."""
    assert isinstance(open_ledger("memory:"), MemoryLedger)
    with pytest.raises(LedgerError, match="has no name"):
        open_ledger("memory:x")


def test_nothing_is_made_before_it_is_used(tmp_path: Path) -> None:
    """Whoever only looks at the configuration leaves no file."""
    open_ledger(f"sqlite:{tmp_path}/ledger.db")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no ledger: give memory:"),
        ("memory", "is no ledger"),
        ("mysql:/x", "is no ledger"),
        ("sqlite:ledger.db", "the path is not absolute"),
        ("sqlite:", "the path is not absolute"),
        ("sqlite:/nowhere/ledger.db", "there is no folder /nowhere"),
        ("sqlite:/", "Is a directory"),
        ("redis:/nowhere.toml", "/nowhere.toml: No such file"),
    ],
)
def test_mistakes(text: str, reason: str) -> None:
    """In words, with the place."""
    with pytest.raises(LedgerError, match=reason):
        open_ledger(text)


def test_file_that_everyone_may_write(tmp_path: Path) -> None:
    """Whoever writes a ledger releases logins."""
    path = tmp_path / "ledger.db"
    path.touch(0o666)
    path.chmod(0o666)
    with pytest.raises(LedgerError, match="chmod o-w"):
        open_ledger(f"sqlite:{path}")
