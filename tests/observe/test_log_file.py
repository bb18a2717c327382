"""A log file that is renamed: lines go on in the next one, and none is lost, whoever writes."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from relaymilter.observe.log_file import LogFile
from relaymilter.observe.sink import file_sink


def test_it_is_made(tmp_path: Path) -> None:
    """For its owner and a group, or opened as it is, and written at its end."""
    path = tmp_path / "log"
    file_sink(LogFile(str(path)))("one")
    assert 0o640 == stat.S_IMODE(path.stat().st_mode) & ~0o022
    file_sink(LogFile(str(path)))("two")
    assert "one\ntwo\n" == path.read_text()


def test_it_is_renamed(tmp_path: Path) -> None:
    """Until there is another, lines go to the one that was; cut at its beginning it is written on."""
    path = tmp_path / "log"
    write = file_sink(LogFile(str(path)))
    write("one")
    path.rename(tmp_path / "old")
    write("two")
    path.touch()
    write("three")
    assert ("one\ntwo\n", "three\n") == ((tmp_path / "old").read_text(), path.read_text())
    os.truncate(path, 0)
    write("four")
    assert "four\n" == path.read_text()


def test_the_next_one_cannot_be_opened(tmp_path: Path) -> None:
    """It is said once, in the file that was, where lines go on; nothing is followed out of the folder."""
    path, old = tmp_path / "log", tmp_path / "old"
    write = file_sink(LogFile(str(path)))
    path.rename(old)
    path.symlink_to("/dev/null")
    write("one")
    write("two")
    why = "Too many levels of symbolic links; lines go on in the file that was there"
    assert f"ERROR: {path}: {why}\none\ntwo\n" == old.read_text()
    path.unlink()
    os.mkfifo(path)
    write("three")
    path.unlink()
    path.touch()
    write("four")
    assert ["three", "four"] == [old.read_text().splitlines()[-1], path.read_text().strip()]


@pytest.mark.parametrize(
    ("kind", "why"),
    [("fifo", "No such device"), ("link", "Too many levels of symbolic"), ("no folder", "No such file")],
)
def test_what_is_no_file(tmp_path: Path, kind: str, why: str) -> None:
    """It is not opened at the start either."""
    path = tmp_path / "log" if kind != "no folder" else tmp_path / "none" / "log"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=why):
        LogFile(str(path))
    assert not (tmp_path / "other").exists()


def test_threads_write_while_it_is_renamed(tmp_path: Path) -> None:
    """Every line is whole, in one of the files."""
    path = tmp_path / "log"
    write = file_sink(LogFile(str(path)))

    def fill(name: int) -> None:
        for number in range(2000):
            write(f"{name} {number} {'x' * 50}")

    threads = [threading.Thread(target=fill, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    turn = 0
    while any(thread.is_alive() for thread in threads):
        path.rename(tmp_path / f"log.{turn}")
        path.touch()
        turn += 1
        threads[0].join(0.005)
    lines = [line for each in tmp_path.iterdir() for line in each.read_text().splitlines()]
    assert sorted(f"{name} {number} {'x' * 50}" for name in range(4) for number in range(2000)) == sorted(lines)
    assert turn > 1
