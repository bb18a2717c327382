"""`lmdb:` while its file is replaced, rewritten, cut off or gone; its memory; what Postfix puts into it."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import lmdb as driver
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relaymilter.policy.ports import LookupFailed
from relaymilter.tables import lmdb as module
from relaymilter.tables import lmdb_file
from relaymilter.tables.lmdb_file import State
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import Loaded, TableError
from tests.rig.folders import open_folder

from .kinds.lmdb import postmap, write

Find = Callable[[str], "str | None"]


@pytest.fixture(autouse=True)
def _look_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replaced file is seen by the next look-up, not after a second."""
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)


def finder(path: Path) -> Find:
    """What looks up in a file."""
    table = open_table(f"lmdb:{path}")
    assert not isinstance(table, Loaded)
    return table.find


@contextmanager
def asking(question: Callable[[], bool], threads: int = 4) -> Iterator[Callable[[], int]]:
    """Ask in several threads all the time; in the end every answer must have been right. Gives the count of them."""
    stop = threading.Event()
    right: list[int] = [0] * threads
    wrong: list[object] = []

    def ask(number: int) -> None:
        try:
            while not stop.is_set():
                if question():
                    right[number] += 1
                else:
                    wrong.append("a wrong answer")
        except Exception as error:
            wrong.append(error)

    started = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield lambda: sum(right)
    finally:
        stop.set()
        for thread in started:
            thread.join()
    assert not wrong


def until_more(count: Callable[[], int], number: int = 50) -> None:
    """Wait for so many answers more."""
    wanted = count() + number
    deadline = time.monotonic() + 20
    while count() < wanted and time.monotonic() < deadline:
        time.sleep(0.001)


def test_a_file_swapped_under_load_never_gives_a_wrong_answer(tmp_path: Path) -> None:
    """While mv replaces the file, what is in both versions is found, with the value of one of them, and no more."""
    path, new = tmp_path / "domains.lmdb", tmp_path / "new.lmdb"

    def make(version: int) -> None:
        write(new, [(f"{number}.example.org", str(version)) for number in range(300)] + [("example.org", str(version))])
        os.rename(new, path)

    make(0)
    find = finder(path)
    with asking(lambda: str(find("example.org")).isdigit() and find("example.com") is None) as count:
        for version in range(1, 30):
            make(version)
            until_more(count)
    assert "29" == find("example.org")


def test_a_file_rewritten_in_place_never_gives_a_wrong_answer(tmp_path: Path) -> None:
    """While a program commits in the same file all the time, not knowing of its reader, answers are right."""
    path = tmp_path / "domains.lmdb"
    write(path, [("example.org", "0")])
    find = finder(path)
    writer = f"""
import lmdb, sys
environment = lmdb.open({str(path)!r}, subdir=False, lock=True, map_size=1 << 26, sync=False)
for version in range(5000):
    with environment.begin(write=True) as transaction:
        transaction.drop(environment.open_db(None, transaction), delete=False)
        for number in range(40):
            transaction.put(b"%d.example.org" % number, b"x" * 50)
        transaction.put(b"example.org", b"%d" % version)
"""
    with asking(lambda: str(find("example.org")).isdigit() and find("example.com") is None) as count:
        subprocess.run([sys.executable, "-c", writer], check=True, timeout=60)
        assert count()
    assert "4999" == find("example.org")


def test_postmap_under_load_never_gives_a_wrong_answer(tmp_path: Path) -> None:
    """While Postfix's postmap rewrites its map, answers are right."""
    source = tmp_path / "domains"
    source.write_text("example.org 0\n")
    subprocess.run(postmap(source), check=True, timeout=60)
    find = finder(source)
    with asking(lambda: str(find("example.org")).isdigit() and find("example.com") is None):
        for version in range(1, 6):
            lines = [f"{number}.example.org {version}\n" for number in range(2000 * version)]
            source.write_text("".join(lines) + f"example.org {version}\n")
            subprocess.run(postmap(source), check=True, timeout=60)
            assert str(version) == find("example.org")


def test_a_domain_taken_out_is_gone(tmp_path: Path) -> None:
    """What postmap -d deletes is not found any more."""
    source = tmp_path / "domains"
    source.write_text("example.org OK\nexample.net OK\n")
    subprocess.run(postmap(source), check=True, timeout=60)
    find = finder(source)
    assert "OK" == find("example.net")
    subprocess.run(postmap(source, "-d", "example.net"), check=True, timeout=60)
    assert (None, "OK") == (find("example.net"), find("example.org"))


def test_a_lock_of_a_writer_does_not_block(tmp_path: Path) -> None:
    """A look-up does not wait for an exclusive lock that somebody has on the file."""
    path = tmp_path / "domains.lmdb"
    write(path, [("example.org", "")])
    find = finder(path)
    holder = f"""
import fcntl, time
file = open({str(path)!r}, "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        assert "" == find("example.org")
        process.kill()


def test_postmap_waits_for_a_look_up(tmp_path: Path) -> None:
    """The lock that a look-up has is one that keeps a writer of Postfix out."""
    path = tmp_path / "domains.lmdb"
    write(path, [("example.org", "")])
    opened = module._Open(str(path), 0.0)
    code = f"import fcntl; fcntl.lockf(open({str(path)!r}, 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"

    def locks() -> bool:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0

    assert opened._set_lock(module._SHARED)
    assert not locks()
    assert opened._set_lock(module._UNLOCKED)
    assert locks()
    opened.close()


def damage_by_removal(path: Path) -> None:
    path.unlink()


def damage_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def damage_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def truncate(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def overwrite(content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        path.write_bytes(content)

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(damage_by_removal, "No such file or directory", id="removed"),
        pytest.param(damage_by_folder, "no file", id="a folder"),
        pytest.param(damage_by_fifo, "no file", id="a pipe"),
        pytest.param(truncate(0), "cut off|empty", id="emptied"),
        pytest.param(truncate(4096), "cut off|MDB_INVALID", id="one page is left"),
        pytest.param(truncate(3 * 4096), "cut off", id="a few pages are left"),
        pytest.param(overwrite(b"\n"), "MDB_INVALID", id="short"),
        pytest.param(overwrite(b"example.org OK\n" * 2000), "MDB_INVALID", id="text"),
    ],
)
def test_a_bad_file_is_no_answer(tmp_path: Path, damage: Callable[[Path], object], words: str) -> None:
    """A file that is gone, cut off or something else fails with the reason, and is used again when it is whole."""
    path = tmp_path / "domains.lmdb"
    entries = [(f"{number}.example.org", "x" * 100) for number in range(1000)]
    write(path, entries)
    find = finder(path)
    assert "x" * 100 == find("7.example.org")
    damage(path)
    for _ in range(2):
        with pytest.raises(LookupFailed, match=words):
            find("7.example.org")
    path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    write(path, entries)
    assert "x" * 100 == find("7.example.org")


def test_an_empty_file_is_no_answer(tmp_path: Path) -> None:
    """Before anything is in it, it is no database."""
    path = tmp_path / "domains.lmdb"
    path.touch()
    with pytest.raises(LookupFailed, match="empty"):
        finder(path)("example.org")


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing", "No such file"), ("missing.lmdb", "No such file"), ("", "no file"), ("a\0b", "null")],
    ids=["missing", "missing, with suffix", "folder", "NUL"],
)
def test_what_is_no_file_is_refused_at_the_start(tmp_path: Path, name: str, words: str) -> None:
    """A mistake in the name is told at once."""
    with pytest.raises(TableError, match=words):
        open_table(f"lmdb:{tmp_path}/{name}")


def test_the_map_is_taken_and_not_its_source(tmp_path: Path) -> None:
    """Beside the text that postmap has read lies the map; the name without suffix means the map, as in Postfix."""
    (tmp_path / "domains").write_text("example.org OK\n")
    write(tmp_path / "domains.lmdb", [("example.org", "")])
    assert "" == finder(tmp_path / "domains")("example.org")


@pytest.mark.parametrize("key", ["", "x" * 512, "x" * 100_000, "example.org\0", "\udcff"])
def test_odd_keys_are_not_there(tmp_path: Path, key: str) -> None:
    """Empty, longer than any key, or ending with the NUL that Postfix writes."""
    write(tmp_path / "domains.lmdb", [("example.org", "OK")], end="\0")
    assert None is finder(tmp_path / "domains.lmdb")(key)


def test_two_tables_and_a_fork_share_a_file(tmp_path: Path) -> None:
    """LMDB must not open a file twice, nor use it across a fork: tables share it, and a child opens its own."""
    path = tmp_path / "domains.lmdb"
    write(path, [("example.org", "OK")])
    first, second = finder(path), finder(tmp_path / "domains")
    assert ("OK", "OK") == (first("example.org"), second("example.org"))
    child = os.fork()
    if child == 0:
        os._exit(0 if first("example.org") == "OK" and second("example.com") is None else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert "OK" == first("example.org")


def test_no_file_stays_open_when_it_was_replaced(tmp_path: Path) -> None:
    """Neither a descriptor nor a mapping of an old file is left."""
    path, new = tmp_path / "domains.lmdb", tmp_path / "new.lmdb"
    write(path, [("example.org", "OK")])
    find = finder(path)
    find("example.org")
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        write(new, [("example.org", "OK")])
        os.rename(new, path)
        find("example.org")
    assert descriptors == len(os.listdir("/proc/self/fd"))
    assert str(tmp_path / "domains.lmdb (deleted)") not in Path("/proc/self/maps").read_text()


def resident() -> int:
    """KiB of files in the memory of this process."""
    found = re.search(r"RssFile:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    """However many keys of a file of 60 MiB are asked for, some 16 MiB of it are in memory."""
    path = tmp_path / "domains.lmdb"
    write(path, [(f"{number:06}.example.org", "x" * 500) for number in range(100_000)])
    assert path.stat().st_size > 50 << 20
    find = finder(path)
    find("000000.example.org")
    before, most = resident(), 0
    for count, number in enumerate(random.Random(1).sample(range(100_000), 5000)):
        assert "x" * 500 == find(f"{number:06}.example.org")
        if count % 20 == 0:
            most = max(most, resident())
    assert most - before < 20 << 10


ASK = """
import sys, threading
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.registry import open_table

table = open_table(sys.argv[1])
seen = set()
def ask():
    while not done.is_set():
        for number in range(0, 20000, 371):
            try:
                seen.add(table.find(f"{number}.example.org"))
            except LookupFailed:
                seen.add("failed")
done = threading.Event()
threads = [threading.Thread(target=ask) for _ in range(2)]
for thread in threads:
    thread.start()
print("asking", flush=True)
sys.stdin.read()
done.set()
for thread in threads:
    thread.join()
print(sorted(map(str, seen)))
"""


def test_a_file_cut_off_during_look_ups_ends_no_process(tmp_path: Path) -> None:
    """A process that asks all the time outlives it, a thousand times over, and is never told a wrong value."""
    path = tmp_path / "domains.lmdb"
    write(path, [(f"{number}.example.org", "x" * 100) for number in range(20_000)])
    content = path.read_bytes()
    command = (sys.executable, "-c", ASK, f"lmdb:{path}")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "asking\n" == process.stdout.readline()
        with path.open("r+b", buffering=0) as file:
            for round_ in range(1000):
                file.truncate(4096 * (round_ % 40))
                file.seek(0)
                file.write(content)
        said, _ = process.communicate(timeout=60)
    assert 0 == process.returncode
    assert f"['failed', '{'x' * 100}']\n" == said


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_lmdb_finds_is_found(data: st.DataObject) -> None:
    """Whatever was put and deleted, with values of every length, is what LMDB itself would find."""
    keys = st.one_of(st.binary(min_size=1, max_size=500), st.sampled_from([b"a", b"a\0", b"a\0\0", b"ab", b"b\0"]))
    entries = data.draw(st.dictionaries(keys, st.integers(0, 6000), max_size=60))
    gone = data.draw(st.sets(st.sampled_from(sorted(entries)), max_size=30)) if entries else set()
    with open_folder() as folder:
        environment = driver.open(f"{folder}/x.mdb", subdir=False, lock=False, map_size=1 << 26)
        with environment.begin(write=True) as transaction:
            for key, size in entries.items():
                transaction.put(key, b"%d" % size * (size // 4))
        with environment.begin(write=True) as transaction:
            for key in gone:
                transaction.delete(key)
        with environment.begin() as transaction, open(f"{folder}/x.mdb", "rb") as file:
            size = lmdb_file.page_size(file.fileno())
            state = State(file.fileno(), lmdb_file.latest(lmdb_file.metas(file.fileno(), size), size))
            for key in [*entries, b"a", b"c", *(key + b"\0" for key in entries)]:
                expected = transaction.get(key + b"\0") if len(key) < 511 else None
                expected = transaction.get(key) if expected is None else expected.removesuffix(b"\0")
                assert expected == state.find(key)
        environment.close()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_no_error_of_ours(data: st.DataObject) -> None:
    """Whatever octets are changed, what is found is a value, none, or LookupFailed: nothing else is raised."""
    with open_folder() as folder:
        path = Path(folder) / "x.mdb"
        write(path, [(f"{number}.example.org", "x" * (number % 7 * 900)) for number in range(200)])
        content = bytearray(path.read_bytes())
        for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=40)):
            content[at] = data.draw(st.integers(0, 255))
        heads = [number * 4096 + offset for number in range(len(content) // 4096) for offset in range(8, 24)]
        content[data.draw(st.sampled_from(heads))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        find = finder(path)
        for number in range(0, 200, 7):
            with suppress(LookupFailed):
                find(f"{number}.example.org")


def test_no_driver_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files are asked without py-lmdb."""
    write(tmp_path / "domains.lmdb", [("example.org", "OK")])
    monkeypatch.delitem(sys.modules, "relaymilter.tables.lmdb")
    monkeypatch.setitem(sys.modules, "lmdb", None)
    assert "OK" == finder(tmp_path / "domains.lmdb")("example.org")
