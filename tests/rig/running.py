"""Start something, use it, stop it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
