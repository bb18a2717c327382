"""Folders in /tmp for what tests start: their paths are short, for sockets, and no run leaves one behind for ever.

All of a process are in one, which is removed when the process ends, and locked until then: what is there and not
locked was left by a run that was killed, and `remove_abandoned` removes it.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PREFIX = "relaymilter-test-"
TMP = Path("/tmp")
YOUNG = 60.0
"""Seconds: a folder of this age may be one that is about to be locked."""


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that an MTA's own user can reach into, unlike pytest's tmp_path; it goes with the block."""
    path = Path(tempfile.mkdtemp(dir=_folder_of_this_process(), prefix=""))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def lasting_folder(name: str) -> Path:
    """Make a folder for this process alone that goes when it ends; what its `atexit` ends then is gone before."""
    return Path(tempfile.mkdtemp(dir=_folder_of_this_process(), prefix=f"{name}-"))


def remove_abandoned(tmp: Path = TMP, *, older_than: float = YOUNG) -> None:
    """Remove the folders of processes that are gone."""
    for path in tmp.glob(f"{PREFIX}*"):
        if time.time() - path.stat().st_mtime > older_than and _lock(path):
            shutil.rmtree(path, ignore_errors=True)


@cache
def _folder_of_this_process() -> Path:
    path = Path(tempfile.mkdtemp(dir=TMP, prefix=PREFIX))
    path.chmod(0o711)
    if not _lock(path):
        raise RuntimeError(f"somebody else has locked {path}")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _lock(path: Path) -> bool:
    """Lock it until this process ends, if nobody else has; the descriptor stays open for that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True
