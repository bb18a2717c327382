"""Lines as they come: of a log file, also when it is rotated, or of standard input; and the keys that are pressed.

Nothing here waits longer than it is asked to, so that whoever draws can draw.
"""

import contextlib
import os
import select
import termios
import tty
from collections.abc import Iterator
from typing import Protocol

_LONGEST = 1 << 20
"""Octets of a line that has no end; what is longer is dropped."""
_AT_ONCE = 4 << 20


class Follower(Protocol):
    """Where lines come from."""

    ended: bool
    """None will come any more."""

    def lines(self, seconds: float) -> Iterator[str]:
        """Those that are there, or come within so many seconds; nothing is a sign to look elsewhere."""
        ...


class _Ends:
    """Octets as whole lines; what is no UTF-8 is replaced."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, octets: bytes) -> list[str]:
        """The lines that end in these octets."""
        *lines, rest = (self._rest + octets).split(b"\n")
        self._rest = rest if len(rest) <= _LONGEST else b""
        return [line.decode("utf-8", "replace") for line in lines]


class LogFile:
    """A file that grows; from its end, or from the begin of one that takes its place. Raises OSError at first."""

    ended = False

    def __init__(self, path: str, keys: "Keys") -> None:
        self._path, self._keys = path, keys
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        os.lseek(self._fd, 0, os.SEEK_END)
        self._ends = _Ends()

    def lines(self, seconds: float) -> Iterator[str]:
        """What is left of a file that was moved away is read before the next one is."""
        octets = os.read(self._fd, _AT_ONCE)
        if not octets and self._turn():
            octets = os.read(self._fd, _AT_ONCE)
        if octets:
            yield from self._ends.of(octets)
        else:
            self._keys.wait(seconds)

    def _turn(self) -> bool:
        """Go on with the file that has the name now, or from the begin of one that was cut off."""
        here = os.fstat(self._fd)
        try:
            there = os.stat(self._path)
            if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
                opened = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                os.close(self._fd)
                self._fd = opened
            elif here.st_size < os.lseek(self._fd, 0, os.SEEK_CUR):
                os.lseek(self._fd, 0, os.SEEK_SET)
            else:
                return False
        except OSError:  # moved away, and none is there yet
            return False
        self._ends = _Ends()
        return True


class StandardInput:
    """What another program writes, such as `journalctl --follow --output cat`."""

    def __init__(self, keys: "Keys", fd: int = 0) -> None:
        self._keys, self._fd = keys, fd
        self._ends = _Ends()
        self.ended = False

    def lines(self, seconds: float) -> Iterator[str]:
        """What is there is taken at once."""
        if self._fd in self._keys.wait(seconds, self._fd):
            octets = os.read(self._fd, 1 << 16)
            self.ended = not octets
            yield from self._ends.of(octets or b"\n")


class Keys:
    """The keyboard, if there is one: each key by itself, without an echo, while it is looked at."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self.there = fd is not None
        self.quit = False

    def wait(self, seconds: float, *others: int) -> list[int]:
        """Until a key, or one of the others has something, but no longer; q is remembered."""
        known = [*others, *([] if self._fd is None else [self._fd])]
        ready = select.select(known, [], [], seconds)[0]
        if self._fd is not None and self._fd in ready:
            pressed = os.read(self._fd, 64)
            self.quit = self.quit or b"q" in pressed.lower() or b"\x03" in pressed or not pressed
        return ready


def source(name: str, keys: Keys) -> Follower:
    """Of `-`, or of a file. Raises OSError."""
    if name == "-":
        return StandardInput(keys)
    return LogFile(name, keys)


@contextlib.contextmanager
def keyboard(stdin_is_log: bool) -> Iterator[Keys]:
    """Of the terminal: standard input, or else the one that controls us; there may be none."""
    fd = None
    with contextlib.suppress(OSError):
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC) if stdin_is_log else os.dup(0)
    if fd is None or not os.isatty(fd):
        yield Keys(None)
        return
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield Keys(fd)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        os.close(fd)
