"""The ledger in SQLite through what happens to files, disks and processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from relaymilter.ledger import housekeeping, schema
from relaymilter.ledger.schema import NoLedger
from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.lookups import waiting
from relaymilter.lookups.turns import Turn
from relaymilter.policy.ports import Change, LookupFailed, MustWait, Past

NOW = 1_800_000_000
LATER = NOW + 10 * schema.DAY
ALICE = "login alice"


@pytest.fixture(autouse=True)
def _waiting() -> Iterator[None]:
    """The thread of a test is one that may wait."""
    with waiting.allowing():
        yield


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a ledger may be."""
    return str(tmp_path / "ledger.db")


@pytest.fixture
def ledger(path: str) -> Iterator[SqliteLedger]:
    """A ledger in a new file."""
    made = SqliteLedger(path)
    yield made
    made.close()


def add(ledger: SqliteLedger, number: int = 1, subject: str = ALICE, until: int = LATER) -> int:
    """Add to a count: the sum."""

    def change(past: Past) -> Change[int]:
        total = int(past.record or b"0") + number
        return Change(total, str(total).encode(), until)

    return ledger.update(subject, NOW, (), change)


def add_often(path: str, times: int) -> None:
    """What one of several processes does."""
    with waiting.allowing():
        ledger = SqliteLedger(path)
        for _ in range(times):
            add(ledger)
        ledger.close()


def test_eight_processes_lose_nothing(path: str, ledger: SqliteLedger) -> None:
    """Each adds to the same count: the sum is exact, also where all of them make the file at once."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_often, args=(path, 100)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [0] * 8 == [process.exitcode for process in processes]
    assert b"800" == ledger.read(ALICE, NOW)


KILLED = """
import sys
from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.lookups import waiting
from relaymilter.lookups.turns import Turn
from relaymilter.policy.ports import Change
waiting.allow()
ledger, count = SqliteLedger(sys.argv[1]), 0
while True:
    count = ledger.update("login alice", 1, (), lambda past: Change(int(past.record or b"0") + 1,
        str(int(past.record or b"0") + 1).encode(), 10))
    print(count, flush=True)
"""


def test_what_was_charged_stays_charged(path: str, ledger: SqliteLedger) -> None:
    """A process is killed at any moment: no count that it has told is lost, and at most one more is there."""
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(50):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
    last = int(rest[-1]) if rest else 50
    assert int(ledger.read(ALICE, 5) or b"") in (last, last + 1)
    assert last <= ledger.update(ALICE, 5, (), lambda past: Change(int(past.record or b"0")))


def test_only_its_user_may_read_it(path: str, ledger: SqliteLedger) -> None:
    """The file, its log and its index are for their user alone, whatever the umask."""
    old = os.umask(0)
    try:
        add(ledger)
    finally:
        os.umask(old)
    assert {0o600} == {stat.S_IMODE(os.stat(path + end).st_mode) for end in ("", "-wal", "-shm")}


def test_the_umask_stays(path: str) -> None:
    """Threads that open it at once leave the umask of the process as it was: none has changed it."""
    old = os.umask(0o022)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: schema.connect(path).close(), range(200)))
        assert 0o022 == os.umask(0o022)
    finally:
        os.umask(old)


def add_many(ledger: SqliteLedger) -> None:
    """Two megabytes."""
    for number in range(1000):
        ledger.update(f"login {number}", NOW, (), lambda past: Change(None, b"\0" * 2000, LATER))


def test_full_disk(tmp_path: Path) -> None:
    """What cannot be written is a failure, what was written is there, and with room again it goes on."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], check=True)
    ledger = SqliteLedger(str(folder / "ledger.db"))
    try:
        add(ledger)
        filler = folder / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"\0" * 1_000_000)
        with pytest.raises(LookupFailed, match="full"):
            add_many(ledger)
        assert b"1" == ledger.read(ALICE, NOW)
        filler.unlink()
        assert 2 == add(ledger)
    finally:
        ledger.close()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"not a database at all" * 10, "is no SQLite database", id="text"),
        pytest.param(b"SQLite format 3\0", "is no SQLite database", id="cut off in the header"),
    ],
)
def test_other_files_are_refused(path: str, content: bytes, reason: str) -> None:
    """In words, before and while it is used; they are left as they are."""
    Path(path).write_bytes(content)
    with pytest.raises(NoLedger, match=reason):
        schema.look(path)
    with pytest.raises(LookupFailed, match="not a database"):
        add(SqliteLedger(path))
    assert content == Path(path).read_bytes()


@pytest.mark.parametrize(
    ("application", "version", "reason"),
    [
        pytest.param(0, 0, "another program's database", id="without a mark"),
        pytest.param(0, 7, "another program's database", id="with a version alone"),
        pytest.param(4711, 1, "another program's database", id="with another mark"),
        pytest.param(schema.APPLICATION, schema.VERSION + 1, "later relaymilter", id="of a later version"),
    ],
)
def test_other_databases_are_refused(path: str, application: int, version: int, reason: str) -> None:
    """Of other programs, and of a later relaymilter: in words, and nothing is written to them."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE subjects (theirs)")
    connection.execute(f"PRAGMA application_id = {application}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    if application or version:
        with pytest.raises(NoLedger, match=reason):
            schema.look(path)
    with pytest.raises(LookupFailed, match=reason):
        add(SqliteLedger(path))
    connection = sqlite3.connect(path)
    assert [("subjects",)] == connection.execute("SELECT name FROM sqlite_schema").fetchall()
    connection.close()


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    """Before it is used."""
    with pytest.raises(NoLedger, match="there is no folder"):
        schema.look(str(tmp_path / "none" / "ledger.db"))


def test_own_file_is_taken(path: str, ledger: SqliteLedger) -> None:
    """One that is not there yet, an empty one, and one that was made."""
    schema.look(path)
    Path(path).touch()
    schema.look(path)
    add(ledger)
    ledger.close()
    schema.look(path)


def test_damage_is_no_answer(path: str, ledger: SqliteLedger) -> None:
    """Where pages are overwritten, what is in them is not made up, and nothing is permitted by it."""
    for number in range(200):
        ledger.update(f"login {number}", NOW, (), lambda past: Change(None, b"r" * 500, LATER))
    ledger.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.path.getsize(path) - 4096))
    with pytest.raises(LookupFailed, match="malformed"):
        SqliteLedger(path).read("login 1", NOW)


@pytest.fixture
def other(path: str, ledger: SqliteLedger) -> Iterator[sqlite3.Connection]:
    """Another process that holds the ledger to write in it."""
    add(ledger)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.fixture
def callback() -> Iterator[Executor]:
    """A thread that may not do anything but decide, as one of libmilter's."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


class Loop:
    """The thread of an event loop, and its turns."""

    def __init__(self, thread: Executor) -> None:
        self.turn = Turn(lambda _: None)
        self._thread = thread
        thread.submit(waiting.allow_brief, self.turn).result()

    def add(self, ledger: SqliteLedger, number: int = 1) -> int:
        """What is changed in this turn; it is not committed yet."""
        return self._thread.submit(add, ledger, number).result()

    def end(self) -> bool:
        """End the turn: whether its changes were made."""
        made: list[bool] = []
        self.turn.wait(made.append)
        self._thread.submit(self.turn.end).result()
        return made[0]


@pytest.fixture
def loop() -> Iterator[Loop]:
    """The thread of an event loop."""
    with ThreadPoolExecutor(1) as threads:
        yield Loop(threads)


def test_a_callback_of_libmilter_changes_nothing(ledger: SqliteLedger, callback: Executor) -> None:
    """It must be changed in a thread of Python's own."""
    with pytest.raises(MustWait):
        callback.submit(add, ledger).result()
    with pytest.raises(MustWait):
        callback.submit(ledger.read, ALICE, NOW).result()
    assert ledger.read(ALICE, NOW) is None


def test_a_turn_is_committed_as_a_whole(path: str, ledger: SqliteLedger, loop: Loop) -> None:
    """Its changes see each other; others see all of them when it has ended, and none before."""
    assert [1, 2, 3] == [loop.add(ledger) for _ in range(3)]
    other = SqliteLedger(path)
    assert other.read(ALICE, NOW) is None
    assert loop.end()
    assert b"3" == other.read(ALICE, NOW)
    assert 4 == loop.add(ledger)
    assert loop.end()


def test_a_turn_that_cannot_be_committed_has_changed_nothing(
    ledger: SqliteLedger, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor has one in which a change failed in SQLite, and nothing more is changed in that."""
    add(ledger)
    assert 2 == loop.add(ledger)
    loop._thread.submit(ledger.connections.undo).result()
    with pytest.raises(MustWait):
        loop.add(ledger)
    assert not loop.end()
    monkeypatch.setattr("relaymilter.ledger.sqlite._CHANGE", "UPDATE nothing SET record = ?, a = ?, b = ? WHERE c = ?")
    with pytest.raises(MustWait):
        loop.add(ledger)
    assert not loop.end()
    monkeypatch.undo()
    assert 2 == add(ledger)
    assert 3 == loop.add(ledger)
    assert loop.end()


def test_a_change_that_raises_leaves_its_turn(ledger: SqliteLedger, loop: Loop) -> None:
    """What it raises is raised; the others of the turn are made."""

    def change(past: Past) -> Change[None]:
        raise ZeroDivisionError

    assert 1 == loop.add(ledger)
    with pytest.raises(ZeroDivisionError):
        loop._thread.submit(ledger.update, ALICE, NOW, (), change).result()
    assert 2 == loop.add(ledger)
    assert loop.end()
    assert b"2" == ledger.read(ALICE, NOW)


def test_event_loop_does_not_wait(ledger: SqliteLedger, other: sqlite3.Connection, loop: Loop) -> None:
    """Its thread changes the ledger itself, but where another holds it: then a thread that may wait is to."""
    for _ in range(2):
        with pytest.raises(MustWait):
            loop.add(ledger)
    assert not loop.end()
    other.execute("ROLLBACK")
    assert 2 == loop.add(ledger)
    assert loop.end()


@pytest.mark.parametrize(("slept", "pauses"), [(1, True), (0, False)], ids=["the disk", "a busy machine"])
def test_after_a_stall_the_pool_changes(
    ledger: SqliteLedger, loop: Loop, monkeypatch: pytest.MonkeyPatch, slept: int, pauses: bool
) -> None:
    """A turn that the disk held up sends the event loop's next ones to threads that may wait, for a while."""
    now, sleeps = 100.0, 0
    add(ledger)
    monkeypatch.setattr("relaymilter.ledger.connections.monotonic", lambda: now)
    monkeypatch.setattr("relaymilter.ledger.connections._slept", lambda: sleeps)
    assert 2 == loop.add(ledger)
    now, sleeps = 100.06, slept
    assert loop.end()
    if pauses:
        with pytest.raises(MustWait):
            loop.add(ledger)
        assert not loop.end()
        now = 105.1
    assert 3 == loop.add(ledger)
    assert loop.end()


def test_a_lock_that_does_not_end_is_a_failure(ledger: SqliteLedger, other: sqlite3.Connection) -> None:
    """Whoever may wait does so until the decision must be there."""
    with waiting.allowing(time.monotonic() + 0.1), pytest.raises(LookupFailed, match="locked"):
        add(ledger)


def test_sweeps_out_what_has_expired(path: str, ledger: SqliteLedger) -> None:
    """Subjects whose time is over go, with all that is remembered of them; the others stay."""
    for number in range(3 * housekeeping.BATCH):
        until = NOW + 1 + number % 2
        ledger.update(f"client {number}", NOW, (), lambda past, until=until: Change(None, b"", until, ((b"h", LATER),)))
    connection = schema.connect(path)
    housekeeping.tidy(connection, NOW + 1)
    assert [(300,)] == connection.execute("SELECT count(*) FROM subjects").fetchall()
    assert [(300,)] == connection.execute("SELECT count(*) FROM hashes").fetchall()
    assert 300 == len(list(ledger.subjects("client ", NOW)))
    connection.close()


class Beset:
    """A connection whose checkpoints that keep nobody waiting leave something: another writes meanwhile."""

    def __init__(self, connection: sqlite3.Connection, path: str, write: Callable[[], int]) -> None:
        self._connection = connection
        self._path = path
        self._write = write

    def execute(self, statement: str, *values: tuple[object, ...]) -> sqlite3.Cursor:
        """As that of a connection; what is written after a reader has begun stays out of the file."""
        if "PASSIVE" not in statement:
            return self._connection.execute(statement, *values)
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM subjects").fetchall()
            self._write()
            return self._connection.execute(statement, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


@pytest.mark.parametrize(("long", "begins_anew"), [(10, True), (10_000, False)], ids=["long", "short"])
def test_a_long_log_begins_anew(
    path: str, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch, long: int, begins_anew: bool
) -> None:
    """Also where somebody writes all the time; a short one is left to who writes less."""
    monkeypatch.setattr(housekeeping, "LONG_LOG", long)
    for _ in range(20):
        add(ledger)
    connection = schema.connect(path)
    housekeeping.tidy(Beset(connection, path, partial(add, ledger)), NOW)  # type: ignore[arg-type]
    add(ledger)
    [(_, pages, _)] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    assert begins_anew == (pages < 10)
    assert ledger.read(ALICE, NOW) in (b"22", b"23")
    connection.close()


def test_keeps_so_many_of_each_kind(path: str, ledger: SqliteLedger) -> None:
    """Of more, those go that would expire first; strangers push no login out."""
    for number in range(10):
        add(ledger, subject=f"client {number}", until=LATER + number * schema.DAY)
        add(ledger, subject=f"login {number}")
    connection = schema.connect(path)
    housekeeping.tidy(connection, NOW, most=3)
    assert ["client 7", "client 8", "client 9"] == sorted(ledger.subjects("client ", NOW))
    assert 3 == len(list(ledger.subjects("login ", NOW)))
    connection.close()


def test_who_may_not_wait_does_not_wait_for_other_threads(ledger: SqliteLedger, loop: Loop) -> None:
    """Threads of a process change it one after the other; the loop's leaves it to the pool, which waits."""
    with ledger.connections.writing, pytest.raises(MustWait):
        loop.add(ledger)
    assert not loop.end()
    with ThreadPoolExecutor(1) as pool:
        with ledger.connections.writing:
            waits = pool.submit(_with_waiting, lambda: add(ledger))
            assert not waits.done()
        waits.result(10)


def _with_waiting(change: Callable[[], object]) -> None:
    with waiting.allowing():
        change()
