"""Which settings are in force: of a reload, what the daemon takes over and what must wait for a restart; in words."""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from relaymilter.config.model import Settings
from relaymilter.config.reader import Reading

STAYS: Mapping[str, Callable[[Settings], object]] = {
    "socket": lambda settings: settings.listen.sockets,
    "socket-mode": lambda settings: settings.listen.socket_mode,
    "socket-group": lambda settings: settings.listen.socket_gid,
    "pidfile": lambda settings: settings.listen.pidfile,
    "control": lambda settings: settings.listen.control,
    "metrics": lambda settings: settings.listen.metrics,
    "workers": lambda settings: settings.daemon.workers,
}
"""The options that stay as they were at the start until a restart."""
_SMALL = 16 << 20
"""Octets; of a larger file its size and time stand for what is in it."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings that decide now, and where they came from."""

    settings: Settings
    warnings: tuple[str, ...]
    files: frozenset[Path]
    waiting: tuple[str, ...] = ()
    """Options that have another value in the files, or had one, and need a restart."""
    fingerprint: str = ""
    """Of the flags and the files, as they were read: the same on two hosts where these are."""
    since: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a reload."""

    problems: tuple[str, ...] = ()
    """Why the old policy stays; none: the new one serves."""
    status: int = os.EX_OK
    """The exit status of `relaymilter reload`."""
    waiting: tuple[str, ...] = ()
    """Options that need a restart."""


class AtStart:
    """What the daemon was started with, of the options that stay; the rest of those settings is not kept in memory."""

    def __init__(self, settings: Settings, listeners: int) -> None:
        self._values = {key: value(settings) for key, value in STAYS.items()}
        # With several sockets each runtime shares them among its workers in another way.
        self._runtime = settings.daemon.runtime if listeners > 1 else None

    def take(self, reading: Reading) -> InForce:
        """What comes into force of what was read."""
        settings = reading.settings
        waiting = [key for key, value in STAYS.items() if value(settings) != self._values[key]]
        if self._runtime is not None and settings.daemon.runtime != self._runtime:
            waiting.append("runtime")
            settings = replace(settings, daemon=replace(settings.daemon, runtime=self._runtime))
        digits = fingerprint(reading.flags, reading.files)
        return InForce(settings, reading.warnings, reading.files, tuple(waiting), digits)


def words(settings: Settings) -> str:
    """What is in force, for the log: the runtime, and a dry run."""
    dry = ", in a dry run: nothing is refused" if settings.daemon.dry_run else ""
    return f"with runtime {settings.daemon.runtime}{dry}"


def fingerprint(flags: Mapping[str, tuple[str, ...]], files: Iterable[Path]) -> str:
    """Twelve hexadecimal digits that change with any of the flags and of the files, or its path."""
    digest = hashlib.sha256(repr(sorted(flags.items())).encode("utf-8", "surrogateescape"))
    for path in sorted(files):
        digest.update(f"{path}\0".encode("utf-8", "surrogateescape"))
        digest.update(hashlib.sha256(_contents(path)).digest())
    return digest.hexdigest()[:12]


def _contents(path: Path) -> bytes:
    try:
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode) and status.st_size <= _SMALL:
            return path.read_bytes()
        return f"{status.st_size} {status.st_mtime_ns}".encode()
    except (OSError, ValueError):
        return b""
