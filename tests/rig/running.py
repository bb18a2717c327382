"""Start something, use it, stop it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar


class Startable(Protocol):
    """What `running` takes: a Postfix, a Sendmail, a Relaymilter."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


S = TypeVar("S", bound=Startable)


@contextmanager
def running(thing: S) -> Iterator[S]:
    """Start `thing`, and stop it at the end, also when it did not start well."""
    try:
        thing.start()
        yield thing
    finally:
        thing.stop()


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder with a short path that an MTA's own user can reach into, unlike pytest's tmp_path."""
    path = Path(tempfile.mkdtemp(prefix="relaymilter-", dir="/tmp"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
