"""relaymilter watch as a user has it: on a terminal of its own, and where there is none."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.report import line
from tests.rig.daemon import ROOT

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m[red]x"
WITHIN = 30
"""Seconds after which something is not coming: far more than it takes."""


@dataclass
class Terminal:
    """What a program has drawn on a pseudo-terminal of 120 by 40, and its keyboard."""

    fd: int
    drawn: bytes = b""

    def shows(self, text: str) -> bool:
        """Wait until it does; False where it does not come."""
        until = time.monotonic() + WITHIN
        while text.encode() not in self.drawn and time.monotonic() < until:
            if select.select([self.fd], [], [], 0.5)[0] and not self._read():
                break
        return text.encode() in self.drawn

    def rest(self) -> bytes:
        """All until the program has ended."""
        while self._read():
            pass
        return self.drawn

    def _read(self) -> bool:
        try:
            octets = os.read(self.fd, 65_536)
        except OSError:  # EIO: nobody has the other end
            return False
        self.drawn += octets
        return bool(octets)


@contextmanager
def watching(log: str, **more: object) -> Iterator[tuple[subprocess.Popen[bytes], Terminal]]:
    """The program, its terminal the pseudo-terminal, which is its controlling one."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    code = "import fcntl, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); from relaymilter.cli import main; main()"
    started = subprocess.Popen(
        [sys.executable, "-c", code, "watch", log],
        cwd=ROOT, stdin=more.get("stdin", theirs), stdout=theirs, stderr=theirs, start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )  # type: ignore[call-overload]  # fmt: skip
    before = termios.tcgetattr(theirs)
    try:
        yield started, Terminal(ours)
        assert termios.tcgetattr(theirs)[3] == before[3]  # it echoes again
    finally:
        started.kill()
        started.wait()
        os.close(ours)
        os.close(theirs)


def append(log: Path, text: str) -> None:
    """A line more."""
    with log.open("a") as out:
        out.write(text + "\n")


def test_live_view_of_a_file_that_is_rotated(tmp_path: Path) -> None:
    """Refusals and logins in trouble as they come, also out of the file that takes its place; q ends it."""
    log = tmp_path / "decisions.log"
    log.write_text(line(recipient="<before@example.com>") + "\n")
    with watching(f"{log}") as (program, terminal):
        assert terminal.shows("Last refusals")
        append(log, line(recipient="<first@example.com>"))
        assert terminal.shows("first@example.com")
        append(log, line(login="grace", verdict="defer", rule="ledger", reason="too much that is new"))
        assert terminal.shows("throttled")
        log.rename(f"{log}.1")
        append(Path(f"{log}.1"), line(recipient="<late@example.com>"))
        log.write_text(line(recipient="<second@example.com>") + "\n")
        assert terminal.shows("second@example.com")
        assert terminal.shows("late@example.com")
        assert b"before@" not in terminal.drawn
        os.write(terminal.fd, b"q")
        assert 0 == program.wait(WITHIN)


def test_no_escape_reaches_the_terminal(tmp_path: Path) -> None:
    """Of what a client typed, also where no log would write it so; the only escapes are those that draw."""
    log = tmp_path / "decisions.log"
    log.write_text("")
    fields = dict.fromkeys(("client", "login", "rule", "reason", "recipient", "time"), HOSTILE)
    with watching(f"{log}") as (program, terminal):
        assert terminal.shows("Last refusals")
        append(log, line(**fields))
        assert terminal.shows("x1b]0;owned")
        os.write(terminal.fd, b"\x03")
        assert 0 == program.wait(WITHIN)
        drawn = terminal.drawn
    for part in (b"\x1b]", b"\x07", "\u202e".encode(), b"\x9b", b"\xc2\x9b"):
        assert part not in drawn


def test_log_from_standard_input_has_the_keyboard_of_the_terminal() -> None:
    """Lines come by a pipe, and q by the terminal all the same, also after the last line."""
    read, write = os.pipe()
    with watching("-", stdin=read) as (program, terminal):
        os.close(read)
        os.write(write, line(recipient="<piped@example.com>").encode() + b"\n")
        os.close(write)
        assert terminal.shows("piped@example.com")
        os.write(terminal.fd, b"q")
        assert 0 == program.wait(WITHIN)


def test_terminated_it_gives_the_terminal_back(tmp_path: Path) -> None:
    """SIGTERM ends it like Ctrl-C: with the old screen, the cursor and the echo."""
    (tmp_path / "log").write_text("")
    with watching(f"{tmp_path}/log") as (program, terminal):
        assert terminal.shows("Last refusals")
        program.terminate()
        assert 0 == program.wait(WITHIN)
        assert terminal.shows("\x1b[?1049l")
        assert terminal.shows("\x1b[?25h")


def plain(text: str) -> subprocess.CompletedProcess[str]:
    """What it prints where there is no terminal."""
    command = [sys.executable, "-m", "relaymilter", "watch", "-"]
    return subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, timeout=60)


def test_without_a_terminal_there_are_plain_lines() -> None:
    """One for each decision and for each step of a login, harmless; other lines are left out."""
    lines = [
        line(login=HOSTILE),
        "WARNING: login grace is throttled: too much; new recipients in a day: 18",
        "INFO: serving",
        line(verdict="permit", rule="local-client"),
    ]
    shown = plain("\n".join(lines)).stdout.splitlines()
    assert shown[1:] == [
        "throttled grace: too much",
        "10:00:00 permit local-client 192.0.2.7 - <b@example.com>",
    ]
    assert shown[0].startswith("10:00:00 reject no-rule 192.0.2.7 \\x1b]0;owned")
    assert shown[0].isascii()
    assert shown[0].isprintable()


@pytest.mark.parametrize("log", ["/nonexistent/log"])
def test_log_that_is_not_there_is_named(log: str) -> None:
    """And the exit status is that of a file that cannot be read."""
    done = subprocess.run(
        [sys.executable, "-m", "relaymilter", "watch", log], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (os.EX_IOERR, f"relaymilter: {log}: No such file or directory\n") == (done.returncode, done.stderr)
