"""The way to a file: every folder and every symbolic link that Linux goes through to open it (path_resolution(7))."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_LINKS = 40
"""So many symbolic links Linux follows."""


def way(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every folder on the way from the root, every link, and the file; `..` is where it really leads; or OSError."""
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
        status = os.lstat(step)
        if not stat.S_ISLNK(status.st_mode):
            here = step
            yield here, status
            continue
        yield step, status
        target, links = os.readlink(step), links + 1
        if links > _LINKS:
            raise OSError
        todo += target.split("/")[::-1]
        here = "/" if target.startswith("/") else here
