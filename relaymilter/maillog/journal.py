"""journalctl -o export, as lines of syslog: the Journal Export Format of systemd.io/JOURNAL_EXPORT_FORMATS.

An entry is `FIELD=value` lines, or, for a value of any octets, `FIELD`, 8 octets of its length, little-endian, and the
value; an empty line ends it.
"""

from collections.abc import Iterator
from typing import IO

from relaymilter.maillog.stamps import stamp

BEGIN = b"__CURSOR="
_MOST = 1 << 20
"""Octets of a value that may be a line; a longer one is passed over."""


def syslog_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """A line for each entry that has a message, with its end."""
    entry: dict[bytes, bytes] = {}
    for line in stream:
        if line == b"\n":
            yield from _line(entry)
            entry = {}
            continue
        name, equals, value = line.rstrip(b"\n").partition(b"=")
        if not equals:
            value = _long_value(stream)
        entry[name] = value
    yield from _line(entry)


def _long_value(stream: IO[bytes]) -> bytes:
    size = int.from_bytes(stream.read(8), "little")
    if size > _MOST:
        while size > 0 and (passed := stream.read(min(size, _MOST))):
            size -= len(passed)
        stream.read(1)
        return b""
    return stream.read(size + 1)[:-1]


def _line(entry: dict[bytes, bytes]) -> Iterator[bytes]:
    said, written = entry.get(b"MESSAGE"), entry.get(b"__REALTIME_TIMESTAMP", b"")
    if said is None or not written.isdigit():
        return
    name, host = entry.get(b"SYSLOG_IDENTIFIER", b"unknown"), entry.get(b"_HOSTNAME", b"localhost")
    number = entry.get(b"SYSLOG_PID") or entry.get(b"_PID", b"0")
    yield b"%b %b %b[%b]: %b\n" % (stamp(int(written) / 1e6), host, name, number, said.replace(b"\n", b" "))
