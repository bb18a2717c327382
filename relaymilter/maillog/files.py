"""Log files, opened: plain ones, and those of gzip, zstd and journalctl, known by their first octets; `-` is a pipe."""

import gzip
import io
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias, cast

from relaymilter.maillog import journal
from relaymilter.maillog.parsing import is_own
from relaymilter.maillog.stamps import Stamps, month_of, year_of, years_on

PIECE = 1 << 20
"""Octets that are parsed at once, about."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OWN_TIME = re.compile(rb'time(?:=|": ")([0-9-]{10}T[0-9:.]+Z)')

Progress: TypeAlias = Callable[[int], None]
"""Called with a further number of octets that were read, as they are on disk."""
Blocks: TypeAlias = Iterator[bytes]
"""Whole lines, some PIECE at once."""


class NotALog(ValueError):
    """A file cannot be read as a log; in words."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines, and what to know of them."""

    lines: bytes
    year: int
    """Of the first line, where its stamp has none."""
    month: int
    own: bool
    """They are of our own decision log."""
    span: tuple[str, int, int] | None = None
    """Where they are in a file that is not packed, so that whoever parses them reads them: path, octet, octets."""

    def read(self) -> bytes:
        """The lines."""
        if self.span is None:
            return self.lines
        path, begin, size = self.span
        with open(path, "rb", buffering=0) as stream:
            stream.seek(begin)
            return stream.read(size)


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file, looked at."""

    path: str
    size: int
    """Octets on disk; 0 of a pipe."""
    written: float
    """When it was last written to."""
    began: float = 0.0
    """When its first line was written; 0: it has none."""
    year: int = 0
    """Of the first line; 0: the lines say their year."""
    own: bool = False
    pipe: Blocks | None = field(default=None, compare=False)
    """Its contents, where it cannot be opened twice."""


def look(path: str, year: int | None = None) -> LogFile:
    """What a file is; `year` is that of its first line. Raises NotALog and OSError."""
    if path == "-":
        blocks = _blocks("standard input", cast(io.BufferedReader, sys.stdin.buffer))
        first = next(blocks, b"")
        return _looked(first, "-", 0, time.time(), year, chain((first,), blocks))
    status = os.stat(path)
    with open(path, "rb") as stream:
        blocks = _blocks(path, stream)
        return _looked(next(blocks, b""), path, status.st_size, status.st_mtime, year)


def _looked(
    first: bytes, path: str, size: int, written: float, year: int | None, pipe: Blocks | None = None
) -> LogFile:
    for line in first.split(b"\n"):
        own = is_own(line)
        undated = bool(month_of(line))
        try:
            dated = (year or year_of(line, written)) if undated else 0
            began = _own_time(line) if own else Stamps(dated).seconds(line)
        except ValueError:
            continue
        return LogFile(path, size, written, began, dated, own, pipe)
    if first.strip():
        raise NotALog(f"{path}: no line of a mail log: none begins with a time stamp")
    return LogFile(path, size, written, pipe=pipe)


def _own_time(line: bytes) -> float:
    found = _OWN_TIME.search(line)
    if found is None:
        raise ValueError("no time")
    return Stamps(0).seconds(found[1] + b" ")


def pieces(files: Iterable[LogFile], progress: Progress, size: int = PIECE) -> Iterator[Piece]:
    """All lines of these files, one file after the other. Raises NotALog and OSError."""
    for file in files:
        if file.pipe is not None:
            yield from _dated(file, file.pipe)
        else:
            with open(file.path, "rb") as stream:
                if _is_plain(stream):
                    yield from _spans(file, stream, progress, size)
                else:
                    yield from _dated(file, _counted(stream, _blocks(file.path, stream, size), progress))


def _is_plain(stream: io.BufferedReader) -> bool:
    return not stream.peek(len(journal.BEGIN)).startswith((_GZIP, _ZSTD, journal.BEGIN))


def _spans(file: LogFile, stream: io.BufferedReader, progress: Progress, size: int) -> Iterator[Piece]:
    year, then, begin = file.year, 0, 0
    while line := stream.readline():
        year, then = _year_on(line, year, then)
        stream.seek(max(begin + size, stream.tell()) - 1)  # a line that ends there has its end yet to be read
        stream.readline()
        end = min(stream.tell(), os.fstat(stream.fileno()).st_size)
        stream.seek(end)
        yield Piece(b"", year, then, file.own, (file.path, begin, end - begin))
        progress(end - begin)
        begin = end


def whole_lines(path: str, size: int = PIECE) -> Blocks:
    """All lines of a file, or of standard input, whatever they are. Raises NotALog and OSError."""
    if path == "-":
        yield from _blocks("standard input", cast(io.BufferedReader, sys.stdin.buffer), size)
    else:
        with open(path, "rb") as stream:
            yield from _blocks(path, stream, size)


def _counted(stream: io.BufferedReader, blocks: Blocks, progress: Progress) -> Blocks:
    before = 0
    for block in blocks:
        now = stream.tell()
        progress(now - before)
        before = now
        yield block


def _dated(file: LogFile, blocks: Blocks) -> Iterator[Piece]:
    year, then = file.year, 0
    for block in blocks:
        year, then = _year_on(block, year, then)
        yield Piece(block, year, then, file.own)


def _year_on(lines: bytes, year: int, then: int) -> tuple[int, int]:
    """The year and the month of the first of these lines, which come after lines of a month of this year."""
    month = month_of(lines)
    if not month:
        return year, then
    return (years_on(then, year, month) if then else year), month


def _blocks(path: str, stream: io.BufferedReader, size: int = PIECE) -> Blocks:
    """Raises NotALog where it is packed and damaged."""
    try:
        text = _unpacked(path, stream)
        if text.peek(len(journal.BEGIN)).startswith(journal.BEGIN):
            yield from _gathered(journal.syslog_lines(text), size)
        while block := text.read(size):
            yield block if block.endswith(b"\n") else block + text.readline()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NotALog(f"{path}: {error}") from None


def _unpacked(path: str, stream: io.BufferedReader) -> io.BufferedReader:
    begin = stream.peek(len(_ZSTD))
    if begin.startswith(_GZIP):
        return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=stream)), PIECE)
    if not begin.startswith(_ZSTD):
        return stream
    try:
        from relaymilter.maillog import zstd  # needs a package that only its users have
    except ModuleNotFoundError:
        raise NotALog(f"{path}: needs the package zstandard (pip install 'relaymilter[logs]')") from None
    return io.BufferedReader(zstd.Unpacked(stream), PIECE)


def _gathered(lines: Iterator[bytes], most: int) -> Blocks:
    gathered, size = [], 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= most:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)
