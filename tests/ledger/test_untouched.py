"""A ledger that is only looked at: it answers as the other, and writes nothing."""

from __future__ import annotations

from relaymilter.ledger.memory import MemoryLedger
from relaymilter.ledger.untouched import UntouchedLedger
from relaymilter.policy.ports import Change, Past

NOW = 1_800_000_000
KNOWN, UNKNOWN = b"knowns!!", b"unknown!"


def test_answers_as_the_ledger_and_changes_nothing() -> None:
    """Neither record nor hashes, and it forgets nothing."""
    inner = MemoryLedger()
    inner.update("login a", NOW, (), lambda past: Change(None, b"one", NOW + 60, ((KNOWN, NOW + 60),)))
    looked = UntouchedLedger(inner)

    def change(past: Past) -> Change[Past]:
        return Change(past, b"two", NOW + 90, ((UNKNOWN, NOW + 90),))

    for _ in range(2):
        past = looked.update("login a", NOW, (KNOWN, UNKNOWN), change)
        assert Past(b"one", (NOW + 60, None)) == past
    assert (b"one", 1) == (looked.read("login a", NOW), looked.remembered("login a", NOW))
    assert not looked.forget("login a")
    assert ["login a"] == list(looked.subjects("login", NOW))
