"""What every ledger must do, on the real thing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.policy.ports import MOST_REMEMBERED, Change, Ledger, Past

from .kinds import Make, Open, kinds

NOW = 1_800_000_000
LATER = NOW + 86_400
ALICE = "login alice"
A, B, C = (letter * 8 for letter in (b"a", b"b", b"c"))
HOSTILE = [
    f"login {text}" for text in ("", " ", "a b", "%", "_", "*", "'", '"', "\\", "{a}", "\n", "\0", "é", "a" * 900)
]


@pytest.fixture(params=[pytest.param(make, id=name) for name, make in kinds().items()])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """What opens an empty ledger."""
    make: Make = request.param
    with make(tmp_path) as found:
        yield found


@pytest.fixture
def ledger(opener: Open) -> Ledger:
    """An empty ledger."""
    return opener()


def put(
    ledger: Ledger, record: bytes, *hashes: tuple[bytes, int], subject: str = ALICE, now: int = NOW, until: int = LATER
) -> None:
    """Write a record and hashes."""
    ledger.update(subject, now, (), lambda past: Change(None, record, until, hashes))


def past(ledger: Ledger, *asks: bytes, subject: str = ALICE, now: int = NOW) -> Past:
    """What is known, without a change."""
    return ledger.update(subject, now, asks, lambda past: Change(past))


def test_knows_nothing_at_first(ledger: Ledger) -> None:
    """No record, no hashes, no subjects; and nothing to forget."""
    assert Past(None, (None, None)) == past(ledger, A, B)
    assert ledger.read(ALICE, NOW) is None
    assert [] == list(ledger.subjects("", NOW))
    assert not ledger.forget(ALICE)


def test_keeps_a_record(ledger: Ledger) -> None:
    """Any octets come back as they were, also none; the next change sees them, and its result is what is given."""
    for record in (b"", bytes(range(256)) * 12):
        put(ledger, record)
        assert Past(record, ()) == past(ledger)
        assert record == ledger.read(ALICE, NOW)
    assert 7 == ledger.update(ALICE, NOW, (), lambda past: Change(7, b"x", LATER))


def test_without_a_record_nothing_changes(ledger: Ledger) -> None:
    """A change without one writes nothing, whatever it would remember."""
    put(ledger, b"1", (A, LATER))
    ledger.update(ALICE, NOW, (), lambda past: Change(None, None, NOW, ((A, NOW), (B, LATER))))
    assert Past(b"1", (LATER, None)) == past(ledger, A, B)


def test_a_change_that_raises_changes_nothing(ledger: Ledger) -> None:
    """What it raises is raised, and the ledger goes on."""
    put(ledger, b"1")

    def change(past: Past) -> Change[None]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.update(ALICE, NOW, (A,), change)
    put(ledger, b"2", subject="login bob")
    assert b"1" == ledger.read(ALICE, NOW)


def test_remembers_hashes(ledger: Ledger) -> None:
    """Each by itself, in the order that was asked, beside those from before; the last expiry counts."""
    put(ledger, b"", (A, LATER), (B, LATER))
    put(ledger, b"", (B, LATER + 1))
    assert (None, LATER + 1, LATER) == past(ledger, C, B, A).seen


def test_counts_what_it_remembers(ledger: Ledger) -> None:
    """Of each subject, without what has expired; a subject that has expired as a whole has nothing."""
    put(ledger, b"", (A, LATER), (B, LATER + 10), until=LATER + 5)
    put(ledger, b"", (A, LATER), subject="login bob", until=LATER + 5)
    put(ledger, b"", (A, LATER), until=LATER + 5)
    assert (2, 1, 0) == tuple(ledger.remembered(subject, NOW) for subject in (ALICE, "login bob", "login al"))
    assert (1, 0) == (ledger.remembered(ALICE, LATER), ledger.remembered(ALICE, LATER + 5))


def test_subjects_are_apart(ledger: Ledger) -> None:
    """What one is and has done is no other's."""
    put(ledger, b"1", (A, LATER))
    put(ledger, b"2", subject="login alic")
    assert Past(b"2", (None,)) == past(ledger, A, subject="login alic")
    assert ledger.forget("login alic")
    assert Past(None, (None,)) == past(ledger, A, subject="login Alice")
    assert Past(b"1", (LATER,)) == past(ledger, A)


def test_what_expires_is_gone(ledger: Ledger) -> None:
    """A hash and a record end with their second, and a record takes its hashes with it."""
    put(ledger, b"1", (A, NOW + 10), (B, LATER + 10))
    assert (NOW + 10, LATER + 10) == past(ledger, A, B, now=NOW + 9).seen
    assert (None, LATER + 10) == past(ledger, A, B, now=NOW + 10).seen
    assert b"1" == ledger.read(ALICE, LATER - 1)
    assert ledger.read(ALICE, LATER) is None
    assert [] == list(ledger.subjects("", LATER))
    assert Past(None, (None,)) == past(ledger, B, now=LATER)
    put(ledger, b"2", now=LATER, until=LATER + 100)
    assert Past(b"2", (None,)) == past(ledger, B, now=LATER)


def test_the_clock_may_step_back(ledger: Ledger) -> None:
    """What was written in the future is there, and can be written over."""
    put(ledger, b"1", (A, LATER + 10), now=LATER, until=LATER + 10)
    assert Past(b"1", (LATER + 10,)) == past(ledger, A, now=NOW)
    put(ledger, b"2", (A, LATER), now=NOW)
    assert Past(b"2", (LATER,)) == past(ledger, A, now=NOW)


def test_forgets(ledger: Ledger) -> None:
    """The record and its hashes."""
    put(ledger, b"1", (A, LATER))
    assert ledger.forget(ALICE)
    assert Past(None, (None,)) == past(ledger, A)
    assert not ledger.forget(ALICE)


def test_lists_subjects(ledger: Ledger) -> None:
    """Those that begin so, exactly, each once."""
    for subject in ("login a", "login ab", "login b", "logins", "client 192.0.2.1"):
        put(ledger, b"", subject=subject)
    assert ["login a", "login ab"] == sorted(ledger.subjects("login a", NOW))
    assert 5 == len(list(ledger.subjects("", NOW)))


def test_no_letter_of_a_subject_means_anything(ledger: Ledger) -> None:
    """Wildcards, quotes, controls, braces, in a query or a protocol: such a login is itself and no other."""
    for number, subject in enumerate(HOSTILE):
        put(ledger, str(number).encode(), (A, LATER + number), subject=subject)
    for number, subject in enumerate(HOSTILE):
        assert Past(str(number).encode(), (LATER + number,)) == past(ledger, A, subject=subject)
        assert subject in set(ledger.subjects(subject, NOW))
    assert sorted(HOSTILE) == sorted(ledger.subjects("login ", NOW))


def test_remembers_no_more_than_it_may(ledger: Ledger) -> None:
    """Of too many hashes the ones that expire first go; nine tenths at least stay."""
    for start in range(0, MOST_REMEMBERED + 1000, 1000):
        put(ledger, b"", *((number.to_bytes(8, "big"), LATER + number) for number in range(start, start + 1000)))
    asks = tuple(number.to_bytes(8, "big") for number in range(MOST_REMEMBERED + 1000))
    kept = [seen is not None for seen in past(ledger, *asks).seen]
    assert MOST_REMEMBERED * 9 // 10 <= sum(kept) <= MOST_REMEMBERED
    assert sorted(kept) == kept


def test_no_change_is_lost(opener: Open) -> None:
    """Many threads, each with a ledger of its own, add to one record: the sum is exact."""

    def add(past: Past) -> Change[None]:
        return Change(None, str(int(past.record or b"0") + 1).encode(), LATER)

    def adds() -> None:
        ledger = opener()
        for _ in range(50):
            ledger.update(ALICE, NOW, (), add)

    threads = [threading.Thread(target=adds) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert b"200" == opener().read(ALICE, NOW)
