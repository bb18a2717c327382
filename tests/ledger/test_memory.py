"""The ledger in memory has its bounds."""

from __future__ import annotations

from relaymilter.ledger.memory import MemoryLedger
from relaymilter.policy.ports import Change

NOW = 1_800_000_000


def touch(ledger: MemoryLedger, subject: str) -> None:
    """Change this subject."""
    ledger.update(subject, NOW, (), lambda past: Change(None, b"", NOW + 1))


def test_of_too_many_subjects_the_longest_unchanged_goes() -> None:
    """Of its kind: strangers push no login out."""
    ledger = MemoryLedger(most_subjects=3)
    for name in "abcad":
        touch(ledger, f"login {name}")
    assert {"login a", "login c", "login d"} == set(ledger.subjects("login ", NOW))
    for number in range(10):
        touch(ledger, f"client 192.0.2.{number}")
    assert {"login a", "login c", "login d"} == set(ledger.subjects("login ", NOW))
    assert 3 == len(list(ledger.subjects("client ", NOW)))
