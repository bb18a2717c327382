"""A command is run as it is, gets JSON, and can harm nothing by failing, flooding or hanging."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from pathlib import Path

import pytest

from relaymilter.notices.command import Command
from tests.rig import wait_for

from .steps import notice


def command(folder: Path, script: str, seconds: float = 20.0) -> Command:
    """A shell script."""
    path = folder / "command"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Command((str(path), "$HOME", "a b"), seconds)


def gone(pid: int) -> bool:
    """No process has this number, or it is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_gets_json_and_its_own_words(folder: Path) -> None:
    """No shell interprets the words; however much JSON there is, it is not held up."""
    everything = notice(*(f"{'é' * 250}{number}" for number in range(100)))
    command(folder, f'printf "%s|" "$@" > {folder}/words; cat > {folder}/json')(everything)
    assert "$HOME|a b|" == (folder / "words").read_text()
    assert 100 == len(json.loads((folder / "json").read_text())["steps"])


def test_need_not_read(folder: Path) -> None:
    """It is its own business."""
    command(folder, "exec true")(notice("alice"))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'no \x1b[2J such thing' >&2; echo more >&2; exit 3", r"ended with status 3: no \x1b[2J such thing"),
        ("kill -9 $$", "was killed by SIGKILL"),
        ("while :; do echo 0123456789 >&2; done", "was killed by SIGPIPE: 0123456789"),
        ("while :; do echo 0123456789; done & sleep 1; exit 5", "ended with status 5"),
        ("sleep 100", "did not end within 2 s, and was killed"),
    ],
    ids=["fails", "dies", "floods stderr", "floods stdout", "hangs"],
)
def test_what_goes_wrong_is_said(folder: Path, script: str, words: str) -> None:
    """In one line, with the beginning of what it complains of."""
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        command(folder, script, 2.0)(notice("alice"))


def test_not_there(folder: Path) -> None:
    """So is that it is not there, or cannot be run."""
    with pytest.raises(OSError, match="No such file"):
        Command((f"{folder}/nothing",))(notice("alice"))


@pytest.mark.parametrize("rest", ["", "sleep 100"], ids=["ended", "hangs"])
def test_leaves_nothing_behind(folder: Path, rest: str) -> None:
    """What it has started ends with it, though it holds its streams open."""
    run = command(folder, f"sleep 100 & echo $! > {folder}/pid; {rest}", 1.0)
    begun = time.monotonic()
    if rest:
        with pytest.raises(ValueError, match="killed"):
            run(notice("alice"))
    else:
        run(notice("alice"))
    assert time.monotonic() - begun < 10
    pid = int((folder / "pid").read_text())
    wait_for(lambda: gone(pid), "it is dead")


def test_is_killed_on_demand(folder: Path) -> None:
    """At the end of the daemon nothing is waited for any more."""
    run = command(folder, f"echo > {folder}/there; sleep 100")
    problems: list[str] = []

    def runs() -> None:
        try:
            run(notice("alice"))
        except ValueError as error:
            problems.append(str(error))

    thread = threading.Thread(target=runs)
    thread.start()
    wait_for((folder / "there").exists, "it runs")
    run.kill()
    thread.join(10)
    assert ["was killed by SIGKILL"] == problems
    run.kill()


def test_inherits_nothing(folder: Path) -> None:
    """Neither descriptors nor the environment of the daemon."""
    os.environ["RELAYMILTER_SECRET"] = "1"
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        command(folder, f"env > {folder}/env; ls /proc/self/fd > {folder}/fds; readlink /proc/$$/cwd >> {folder}/env")(
            notice("alice")
        )
    finally:
        os.close(reading)
        os.close(writing)
        del os.environ["RELAYMILTER_SECRET"]
    found = (folder / "env").read_text().splitlines()
    assert {line.partition("=")[0] for line in found} <= {"PATH", "LANG", "TZ", "PWD", "_", "/"}
    assert found[-1] == "/"
    assert ["0", "1", "2", "3"] == (folder / "fds").read_text().split()
