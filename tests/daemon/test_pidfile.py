"""The pid file: whole while we live, and ours alone to remove."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from relaymilter.daemon import pidfile

from .process import Daemon, output_of


def test_write_and_remove(tmp_path: Path) -> None:
    """It has the process id on a line, and is removed by the process that it names."""
    path = tmp_path / "pid"
    path.write_text("99999 of another life, and longer\n")
    pidfile.write(str(path))
    assert path.read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == [path]
    pidfile.remove(str(path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"1\n", b"", b"\xff", b"0x1"], ids=["another", "empty", "no text", "no number"])
def test_of_another(tmp_path: Path, content: bytes) -> None:
    """A file that names another process, or none, is left alone."""
    path = tmp_path / "pid"
    path.write_bytes(content)
    pidfile.remove(str(path))
    assert path.read_bytes() == content


def test_nothing_to_remove(tmp_path: Path) -> None:
    """That it is gone already is fine, and a folder of its name is not our business."""
    pidfile.remove(str(tmp_path / "pid"))
    pidfile.remove(str(tmp_path))
    assert tmp_path.exists()


def test_daemon(folder: Path) -> None:
    """It names the parent, which takes the signals; at the end one that names another process stays."""
    path = folder / "pid"
    with Daemon(folder, "-P", str(path)) as daemon:
        assert path.read_text() == f"{daemon.pid}\n"
        path.write_text("1\n")
        assert daemon.stop() == 0
        assert path.read_text() == "1\n"


def test_cannot_be_written(folder: Path) -> None:
    """Where it cannot be written, nothing is served: 73, and the socket is gone."""
    status, said = output_of("-p", f"unix:{folder}/s", "-P", f"{folder}/none/pid")
    assert (status, said) == (73, f"relaymilter: {folder}/none/pid.new: No such file or directory\n")
    assert list(folder.iterdir()) == []
