"""Decision logs, read once, in parts of some MiB that several processes count.

The parts are added up in their order, and few are under way at a time, so memory does not grow with the log.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain

from relaymilter.maillog.files import whole_lines
from relaymilter.report.counting import Summary, summary
from relaymilter.report.rows import read_lines
from relaymilter.report.sharing import Sharing

_PART = 4 << 20
"""Octets, about."""


def gather(names: Iterable[str], processes: int | None = None) -> tuple[Summary, Sharing]:
    """Of all these logs; `-` is standard input. Raises NotALog and OSError."""
    total, sharing = Summary(), Sharing()
    for part in _counted(parts(names), processes or len(os.sched_getaffinity(0))):
        sharing.see(part.local)
        part.local.clear()
        total.merge(part)
    return total, sharing


def parts(names: Iterable[str]) -> Iterator[bytes]:
    """Whole lines, some MiB of them at once."""
    return chain.from_iterable(whole_lines(name, _PART) for name in names)


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
