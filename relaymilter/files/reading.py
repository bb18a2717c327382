"""Which files are read while something is: `use` is called before a file is read, `noted` tells afterwards which were.

So the daemon knows what to watch, also of files that were named by other files, or are not there yet.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from relaymilter.files.safety import require_safe

_used: ContextVar[set[Path] | None] = ContextVar("used", default=None)


def use(path: Path) -> None:
    """Note that this file is read, or would be if it could; and require that it is safe. Raises UnsafeFile."""
    note(path)
    require_safe(path)


def note(*paths: Path) -> None:
    """These are read, or would be if they were there."""
    used = _used.get()
    if used is not None:
        used.update(paths)


@contextmanager
def noted(files: set[Path]) -> Iterator[None]:
    """Meanwhile files that are used are added to these."""
    token = _used.set(files)
    try:
        yield
    finally:
        _used.reset(token)
