"""The pid file: whole while we live, and ours alone to remove."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from relaymilter.daemon import pidfile

from .process import DENIED, Daemon, output_of


def test_write_and_remove(tmp_path: Path) -> None:
    """It has the process id on a line, and is removed by the process that it names."""
    path = tmp_path / "pid"
    path.write_text("99999 of another life, and longer\n")
    claimed = pidfile.claim(str(path))
    assert os.pread(claimed.descriptor, 99, 0).decode() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == [path]
    claimed.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"1\n", b"", b"\xff", b"0x1"], ids=["another", "empty", "no text", "no number"])
def test_of_another(tmp_path: Path, content: bytes) -> None:
    """A file that names another process by now, or none, is left alone."""
    path = tmp_path / "pid"
    claimed = pidfile.claim(str(path))
    os.pwrite(claimed.descriptor, content, 0)
    os.ftruncate(claimed.descriptor, len(content))
    claimed.remove()
    assert path.read_bytes() == content


def test_replaced(tmp_path: Path) -> None:
    """A file that has taken its place is left alone, and it does not matter if it is gone already."""
    path = tmp_path / "pid"
    for another in (f"{os.getpid()}\n", None):
        claimed = pidfile.claim(str(path))
        path.unlink()
        if another is not None:
            path.write_text(another)
        claimed.remove()
        assert path.exists() == (another is not None)


def test_daemon(folder: Path) -> None:
    """It names the parent, which takes the signals; at the end one that names another process stays."""
    path = folder / "pid"
    with Daemon(folder, "-P", str(path)) as daemon:
        assert path.read_text() == f"{daemon.pid}\n"
        path.write_text("1\n")
        assert daemon.stop() == 0
        assert path.read_text() == "1\n"


def test_second_daemon(folder: Path) -> None:
    """A second daemon with the pid file of one that runs does not start, and touches none of the first one's files."""
    path = folder / "pid"
    with Daemon(folder, "-P", str(path)) as daemon:
        before = {each: each.lstat().st_ino for each in folder.iterdir()}
        status, said = output_of("-p", f"unix:{folder}/s2", "-P", str(path))
        assert (status, said) == (
            69,
            f"relaymilter: {path}: the pid file of a relaymilter that runs, process {daemon.pid}\n",
        )
        assert {each: each.lstat().st_ino for each in folder.iterdir()} == before
        assert path.read_text() == f"{daemon.pid}\n"
        assert daemon.ask() == DENIED
        assert daemon.stop() == 0
    assert not path.exists()


def test_after_one_that_was_killed(folder: Path) -> None:
    """The pid file and the sockets of a daemon that was killed are taken over."""
    flags = ("--local-domain", "example.org", "-P", f"{folder}/pid")
    with Daemon(folder, *flags) as daemon:
        daemon.process.kill()
        daemon.wait()
    with Daemon(folder, *flags, name="log2") as daemon:
        assert daemon.ask() == DENIED
        assert (folder / "pid").read_text() == f"{daemon.pid}\n"
        assert daemon.stop() == 0
    assert {each.name for each in folder.iterdir()} == {"log", "log2"}


def test_while_the_first_one_drains(folder: Path) -> None:
    """Once one stops, another may start with its pid file, which the first one then leaves alone."""
    flags = ("--local-domain", "example.org", "-P", f"{folder}/pid")
    with Daemon(folder, *flags) as first, first.session() as mta:
        first.tell(signal.SIGTERM)
        first.wait_log("stopping")
        with Daemon(folder, *flags, name="log2") as second:
            assert mta.rcpt(b"<v@example.com>") == DENIED
            mta.quit()
            assert first.wait() == 0
            assert (folder / "pid").read_text() == f"{second.pid}\n"
            assert second.ask() == DENIED


@pytest.mark.parametrize(
    ("path", "reason"),
    [("none/pid", "No such file or directory"), ("", "Is a directory"), ("link", "it is a symbolic link")],
)
def test_cannot_be_written(folder: Path, path: str, reason: str) -> None:
    """Where it cannot be written, that is said with its name, and nothing is served: 73, and there is no socket."""
    (folder / "link").symlink_to("elsewhere")
    status, said = output_of("-p", f"unix:{folder}/s", "-P", f"{folder}/{path}")
    assert (status, said) == (73, f"relaymilter: {folder}/{path}: cannot write the pid file: {reason}\n")
    assert [each.name for each in folder.iterdir()] == ["link"]
