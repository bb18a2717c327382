"""Whether files have changed, and reading them whole although they may change meanwhile.

A file is known by its device, inode, size and the times of its last changes, wherever a symbolic link leads to: so
`mv`, a rewrite in place and another target of a link are seen alike. It has settled when it is the same at two looks in
a row: who writes half, waits and writes the rest is not read in between.
"""

import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Reading
from relaymilter.files.way import way

Stamp: TypeAlias = tuple[int, ...]
"""Of a file as it was at a look; empty for one that is not there."""

TRIES = 5
TICK = 0.02
"""Seconds. Two changes within a tick of the kernel's clock, at most 10 ms, may leave a file with the same times."""
_NEVER: Stamp = (0,)
"""No file has it."""


def look(files: Iterable[Path]) -> dict[Path, Stamp]:
    """The files as they are now."""
    return {path: _stamp(path) for path in files}


def _stamp(path: Path) -> Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_steadily(read: Callable[[], Reading], known: Iterable[Path] = ()) -> tuple[Reading, dict[Path, Stamp]]:
    """What is read while no file of it changes, and these files as they were. Raises ConfigError.

    `known` are those that were read the last time.
    """
    for _ in range(TRIES):
        before = look(known)
        time.sleep(TICK)
        begun = time.time() - TICK
        reading = read()
        after = look(reading.files)
        if after == before or all(_quiet(path, begun) for path in reading.files):
            return reading, after
        known = reading.files
    changing = [str(path) for path in known if before.get(path) != after[path]]
    raise ConfigError([f"{path}: it changes while it is read" for path in changing], reading.files)


def _quiet(path: Path, since: float) -> bool:
    """Neither the file nor a link on the way to it has changed since this time."""
    try:
        return all(status.st_ctime < since for _, status in way(path) if not stat.S_ISDIR(status.st_mode))
    except OSError:
        return False


class Watch:
    """The files that the policy was read from, as they were then; or as they were when that failed."""

    def __init__(self, seen: Mapping[Path, Stamp]) -> None:
        self._seen = dict(seen)
        self._last = self._seen
        self.unsettled = 0
        """Looks in a row at which something was changing."""

    @property
    def files(self) -> frozenset[Path]:
        return frozenset(self._seen)

    def changed(self) -> list[Path]:
        """Look: those that have changed, if none of them has since the last look."""
        now = look(self._seen)
        settled, self._last = now == self._last, now
        self.unsettled = 0 if settled else self.unsettled + 1
        return [path for path in now if now[path] != self._seen[path]] if settled else []

    def tried(self) -> None:
        """What is there now is about to be read: should that fail, only another change is worth another try."""
        self._seen = look(self._seen)

    def add(self, files: Iterable[Path], since: float) -> None:
        """These belong to what could not be read; one that has changed since that time may be right already."""
        for path in frozenset(files) - self.files:
            stamp = _stamp(path)
            self._seen[path] = stamp if not stamp or _quiet(path, since) else _NEVER
