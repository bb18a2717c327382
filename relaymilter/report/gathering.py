"""Decision logs, read once, in parts of some MiB that several processes count: plain or compressed by gzip, or `-`.

The parts are added up in their order, and few are under way at a time, so memory does not grow with the log.
"""

import errno
import gzip
import multiprocessing
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, cast

from relaymilter.report.counting import Summary, summary
from relaymilter.report.rows import read_lines
from relaymilter.report.sharing import Sharing

_PART = 4 << 20
"""Octets; a longer line is cut there, and is none then."""


def gather(names: Iterable[str], processes: int | None = None) -> tuple[Summary, Sharing]:
    """Of all these logs; `-` is standard input. Raises OSError, also for what gzip cannot read."""
    total, sharing = Summary(), Sharing()
    for part in _counted(parts(names), processes or len(os.sched_getaffinity(0))):
        sharing.see(part.local)
        part.local.clear()
        total.merge(part)
    return total, sharing


def parts(names: Iterable[str]) -> Iterator[bytes]:
    """Whole lines, some MiB of them at once."""
    for name in names:
        with _opened(name) as log:
            yield from _whole_lines(log, name)


def count(part: bytes) -> Summary:
    """A part, by itself."""
    lines = part.decode("utf-8", "replace").split("\n")
    return summary(read_lines(lines))


def _counted(parts: Iterator[bytes], processes: int) -> Iterator[Summary]:
    """What fits into one part is worth no process."""
    first, second = next(parts, b""), next(parts, None)
    if second is None or processes == 1:
        yield count(first)
        if second is not None:
            yield count(second)
            yield from map(count, parts)
        return
    under_way: deque[Future[Summary]] = deque()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        for part in (first, second):
            under_way.append(pool.submit(count, part))
        for part in parts:
            under_way.append(pool.submit(count, part))
            if len(under_way) > processes + 1:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _whole_lines(log: BinaryIO, name: str) -> Iterator[bytes]:
    rest = b""
    while octets := _read(log, name):
        lines, end, begun = octets.rpartition(b"\n")
        if end or len(rest) > _PART:
            yield rest + lines
            rest = begun
        else:
            rest += octets
    if rest:
        yield rest


def _read(log: BinaryIO, name: str) -> bytes:
    try:
        return log.read(_PART)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise OSError(errno.EIO, f"gzip cannot read it: {error}", name) from None


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """What is compressed is known by its first octets, not by its name."""
    with open(0 if name == "-" else name, "rb", closefd=name != "-") as log:
        if log.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=log) as plain:
                yield cast(BinaryIO, plain)
        else:
            yield log
