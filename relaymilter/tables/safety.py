"""Files that decide whose mail is relayed: what everyone may write is refused, for it might open the relay.

That is the file itself, and every folder on the way to it, by way of every symbolic link, unless its sticky bit keeps
others from replacing what is in it. `use` is called before a file is read, so that it is known, too, which are to be
watched.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from relaymilter.tables.table import TableError

_LINKS = 40
"""So many symbolic links Linux follows."""

_used: ContextVar[set[Path] | None] = ContextVar("used", default=None)


def use(path: Path) -> None:
    """Note that this file is read, or would be if it could; and require that it is safe. Raises TableError."""
    note(path)
    require_safe(path)


def note(*paths: Path) -> None:
    """These are read, or would be if they were there."""
    used = _used.get()
    if used is not None:
        used.update(paths)


def require_safe(path: Path) -> None:
    """Raises TableError if everyone may write or replace this file."""
    reason = danger(path)
    if reason is not None:
        raise TableError(reason)


@contextmanager
def noted(files: set[Path]) -> Iterator[None]:
    """Meanwhile files that are used are added to these."""
    token = _used.set(files)
    try:
        yield
    finally:
        _used.reset(token)


def danger(path: Path) -> str | None:
    """How everyone could change what is in this file, and what to do; None if they cannot, or if there is none."""
    try:
        for step, found in way(path):
            if not found.st_mode & stat.S_IWOTH:
                continue
            if stat.S_ISREG(found.st_mode):
                return f"{path}: everyone may write it: chmod o-w {step}"
            if stat.S_ISDIR(found.st_mode) and not found.st_mode & stat.S_ISVTX:
                return f"{path}: everyone may replace it, who may write the folder {step}: chmod o-w {step}"
    except (OSError, ValueError):  # missing, or NUL in the path: whoever reads it says so
        pass
    return None


def way(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every folder on the way from the root, every link, and the file; `..` is where it really leads."""
    todo = os.path.join(os.getcwd(), path).split("/")[::-1]
    here, links = "/", 0
    yield here, os.lstat(here)
    while todo:
        name = todo.pop()
        if name in ("", "."):
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        step = os.path.join(here, name)
        found = os.lstat(step)
        if not stat.S_ISLNK(found.st_mode):
            here = step
            yield here, found
            continue
        yield step, found
        target, links = os.readlink(step), links + 1
        if links > _LINKS:
            raise OSError
        todo += target.split("/")[::-1]
        here = "/" if target.startswith("/") else here
