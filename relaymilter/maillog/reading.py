"""Logs read by all cores: files in the order of time, parts of them parsed at once, and put together in their order."""

import gc
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeAlias

from relaymilter.maillog.files import PIECE, LogFile, Piece, Progress, pieces
from relaymilter.maillog.joining import Joining
from relaymilter.maillog.parsing import Own, parsed
from relaymilter.maillog.part import Part
from relaymilter.maillog.stamps import Stamps
from relaymilter.maillog.transaction import Transaction

_SMALL = 4 << 20
"""Octets on disk that are read by this process alone: to start others takes longer."""

Parts: TypeAlias = Iterator[Part]


def ordered(files: Iterable[LogFile]) -> list[LogFile]:
    """By when they begin, and by when they end where that is the same second: rotated files come in any order."""
    return sorted(files, key=lambda file: (file.began, file.written))


def transactions(
    files: list[LogFile],
    own: Own,
    joining: Joining,
    progress: Progress,
    processes: int | None = None,
    piece: int = PIECE,
) -> Iterator[Transaction]:
    """All that these files tell, in the order of time; `joining` has the counts then. Raises NotALog and OSError.

    `piece`: octets that are parsed at once.
    """
    read = pieces(files, progress, piece)
    cores = processes or len(os.sched_getaffinity(0))
    small = all(file.pipe is None for file in files) and sum(file.size for file in files) < _SMALL
    parts = (part_of(piece, own) for piece in read) if cores < 2 or small else _by_all(read, own, cores)
    for part in parts:
        yield from joining.add(part)
    yield from joining.end()


def part_of(piece: Piece, own: Own) -> Part:
    """Parse one piece."""
    return parsed(piece.read(), Stamps(piece.year, piece.month), own if piece.own else None)


def _by_all(read: Iterator[Piece], own: Own, cores: int) -> Parts:
    """A few pieces ahead, so that memory stays small whatever the log's size."""
    with ProcessPoolExecutor(cores, initializer=_settle) as pool:
        ahead: deque[Future[Part]] = deque()
        try:
            for piece in read:
                ahead.append(pool.submit(part_of, piece, own))
                if len(ahead) > 2 * cores:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _settle() -> None:
    """An interrupt ends the process that started this one, and with it this one. What it makes has no cycles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
