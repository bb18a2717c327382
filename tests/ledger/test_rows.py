"""Rows that are kept in memory: they are what the file has, and there are not too many of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from relaymilter.ledger.rows import MOST_HASHES, Row, Rows
from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.lookups import waiting
from relaymilter.lookups.turns import Turn
from relaymilter.policy.ports import Change, Hash, Past

NOW = 1_800_000_000
LATER = NOW + 86_400
ALICE, BOB = "login alice", "login bob"
A, B = b"a" * 8, b"b" * 8


class Loop:
    """The thread of an event loop: one ledger, and its turns."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.ledger = ledger
        self.turn = Turn(lambda _: None)
        self._thread = ThreadPoolExecutor(1)
        self._thread.submit(waiting.allow_brief, self.turn).result()

    def add(
        self, subject: str = ALICE, *remember: Hash, asks: tuple[Hash, ...] = (), now: int = NOW, until: int = LATER
    ) -> Past:
        """Add an octet to a record: what was known before. It is not committed yet."""

        def change(past: Past) -> Change[Past]:
            return Change(past, (past.record or b"") + b"x", until, tuple((each, LATER) for each in remember))

        return self._thread.submit(self.ledger.update, subject, now, asks, change).result()

    def end(self) -> None:
        """Commit."""
        self._thread.submit(self.turn.end).result()

    def undo(self) -> None:
        """Undo what was changed in this turn."""
        self._thread.submit(self.ledger.connections.undo).result()
        self.end()

    def rows(self) -> Rows:
        """What is kept."""
        return self._thread.submit(lambda: self.ledger.connections.rows).result()

    def close(self) -> None:
        """End the thread, with its connection."""
        self._thread.submit(self.ledger.connections.close).result()
        self._thread.shutdown()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the ledger is."""
    return str(tmp_path / "ledger.db")


@pytest.fixture
def loop(path: str) -> Iterator[Loop]:
    """A loop with a new ledger."""
    loop = Loop(SqliteLedger(path, most_remembered=20))
    yield loop
    loop.close()
    loop.ledger.close()


@pytest.fixture
def other(path: str) -> Iterator[SqliteLedger]:
    """Another process's, as good as: it has connections of its own."""
    with waiting.allowing():
        ledger = SqliteLedger(path)
        yield ledger
        ledger.close()


def of_file(other: SqliteLedger, subject: str, *asks: Hash) -> Past:
    """What is in the file."""
    return other.update(subject, NOW, asks, lambda past: Change(past))


def test_what_others_write_is_seen(loop: Loop, other: SqliteLedger) -> None:
    """Records and hashes that another connection has changed, and what it has forgotten."""
    for _ in range(2):
        loop.add(ALICE, asks=(A, B))
        loop.end()
    other.update(ALICE, NOW, (), lambda past: Change(None, (past.record or b"") + b"y", LATER, ((A, LATER),)))
    assert Past(b"xxy", (LATER, None)) == loop.add(ALICE, asks=(A, B))
    loop.end()
    assert Past(b"xxyx", (LATER,)) == of_file(other, ALICE, A)
    assert other.forget(ALICE)
    assert Past(None, (None,)) == loop.add(ALICE, asks=(A,))
    loop.end()
    assert Past(b"x", (None,)) == of_file(other, ALICE, A)


def test_what_was_undone_is_not_kept(loop: Loop, other: SqliteLedger) -> None:
    """Neither a record, nor a hash, nor a subject that is new."""
    loop.add(asks=(A,))
    loop.end()
    loop.add(ALICE, A, asks=(A,))
    loop.add(BOB, A)
    loop.undo()
    assert Past(b"x", (None,)) == loop.add(asks=(A,))
    assert Past(None, (None,)) == loop.add(BOB, asks=(A,))
    loop.end()
    assert Past(b"xx", (None,)) == of_file(other, ALICE, A)


def test_hashes_are_those_of_the_file(loop: Loop, other: SqliteLedger) -> None:
    """Also where more are asked for than are kept of a row, and in another order."""
    loop.add(ALICE, A, B)
    many = tuple(b"%08d" % number for number in range(3 * MOST_HASHES))
    assert (LATER, None) == loop.add(asks=(A, many[0])).seen
    assert (*(None,) * len(many), LATER, LATER) == loop.add(asks=(*many, B, A)).seen
    assert (LATER, None, LATER) == loop.add(ALICE, many[1], asks=(B, many[1], A)).seen
    assert (LATER, LATER) == loop.add(asks=(many[1], A)).seen
    for number in range(MOST_HASHES):
        assert (None, None) == loop.add(asks=(b"one%05d" % number, b"two%05d" % number)).seen
    row = loop.rows().find(b"login alice")
    assert row is not None
    assert len(row.hashes) <= MOST_HASHES
    loop.end()
    assert (LATER, LATER, None) == of_file(other, ALICE, many[1], A, many[0]).seen


def test_hashes_that_are_thinned_out_are_gone(loop: Loop, other: SqliteLedger) -> None:
    """Of more than may be remembered."""
    many = tuple(b"%08d" % number for number in range(25))
    for each in many:
        loop.add(ALICE, each, asks=(each,))
    seen = loop.add(asks=many).seen
    loop.end()
    assert of_file(other, ALICE, *many).seen == seen
    assert None in seen


def test_what_has_expired_begins_anew(loop: Loop, other: SqliteLedger) -> None:
    """A row that is kept expires with its second, and takes its hashes with it."""
    loop.add(ALICE, A, asks=(A,), until=NOW + 10)
    assert Past(b"x", (LATER,)) == loop.add(asks=(A,), now=NOW + 9, until=NOW + 10)
    assert Past(None, (None,)) == loop.add(asks=(A,), now=NOW + 10)
    assert Past(b"x", (None,)) == loop.add(asks=(A,), now=NOW + 10)
    loop.end()
    assert Past(b"xx", (None,)) == of_file(other, ALICE, A)


def row(size: int) -> Row:
    """With a record of that size."""
    return Row(1, bytes(size), LATER, 0, 0, {})


def test_so_much_is_kept() -> None:
    """What was used lately stays, the rest goes; a record that grows counts."""
    rows = Rows(60_000)
    for number in range(1000):
        rows.keep(b"%d" % number, row(100))
        assert rows.find(b"0") is not None
    kept = [number for number in range(1000) if rows.find(b"%d" % number)]
    assert 0 in kept
    assert 999 in kept
    assert 30 < len(kept) <= 60
    rows.grow(60_000)
    for number in (1000, 1001):
        rows.keep(b"%d" % number, row(30_000))
    assert [None, None] == [rows.find(b"%d" % number) for number in (0, 999)]


def test_another_version_forgets_all() -> None:
    """The same one forgets nothing, and what is dropped is gone from either generation."""
    rows = Rows(4000)
    rows.begin(1)
    for name in (b"a", b"b", b"c"):
        rows.keep(name, row(100))
    rows.begin(1)
    assert rows.find(b"c") is not None
    rows.drop(b"c")
    assert rows.find(b"c") is None
    rows.begin(2)
    assert [None, None] == [rows.find(name) for name in (b"a", b"b")]
