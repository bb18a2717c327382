"""Whether the thread that asks may wait for an answer: those of a LookupPool may, a callback of a milter may not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()


def allow() -> None:
    """This thread may wait from now on."""
    _here.allowed = True


@contextmanager
def allowing() -> Iterator[None]:
    """This thread may wait meanwhile."""
    before = allowed()
    _here.allowed = True
    try:
        yield
    finally:
        _here.allowed = before


def allowed() -> bool:
    """May this thread wait?"""
    return getattr(_here, "allowed", False)
