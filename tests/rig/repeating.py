"""Clients that never pause for long: what they do is done again and again while a test does something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def repeating(works: Sequence[Callable[[], None]], pause: float) -> Iterator[None]:
    """Do each of these in a thread of its own, with so many seconds between, until the block ends, however it ends.

    An error ends its thread, and is raised at the end.
    """
    over = threading.Event()

    def repeat(work: Callable[[], None]) -> None:
        while not over.wait(pause):
            work()

    with ThreadPoolExecutor(len(works)) as pool:
        begun = [pool.submit(repeat, work) for work in works]
        try:
            yield
        finally:
            over.set()
        for each in begun:
            each.result(60)
