"""Where lines go: standard error, or syslog. A line that cannot be written is dropped: the log never holds mail up."""

import contextlib
import logging
import os
import socket
from collections.abc import Callable
from typing import TypeAlias

Sink: TypeAlias = Callable[[str], None]
"""Takes one line of ASCII, without its end."""

_MAIL = 2 << 3
_INFO, _WARNING, _ERROR = 6, 4, 3
_SYSLOG = "/dev/log"


def stderr_sink(fd: int = 2) -> Sink:
    """A line in one write(2), so that lines of several workers do not mix."""

    def write(line: str) -> None:
        with contextlib.suppress(OSError):
            os.write(fd, f"{line}\n".encode("ascii", "backslashreplace"))

    return write


def syslog_sink(severity: int = _INFO, path: str = _SYSLOG) -> Sink:
    """A datagram to the local syslog, facility mail (RFC 3164 4.1); it connects anew when syslog was restarted."""
    tag = f"<{_MAIL | severity}>relaymilter[{os.getpid()}]: "
    connection: list[socket.socket] = []

    def connect() -> socket.socket:
        if not connection:
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            opened.setblocking(False)
            opened.connect(path)
            connection.append(opened)
        return connection[0]

    def write(line: str) -> None:
        datagram = (tag + line).encode("ascii", "backslashreplace")
        for _ in range(2):
            try:
                connect().send(datagram)
                return
            except BlockingIOError:
                return
            except OSError:
                while connection:
                    connection.pop().close()

    return write


class _LineHandler(logging.Handler):
    """What the daemon says of itself, through the same sink as the decisions."""

    def __init__(self, sinks: dict[int, Sink]) -> None:
        super().__init__()
        self.sinks = sinks

    def emit(self, record: logging.LogRecord) -> None:
        severity = (
            _ERROR if record.levelno >= logging.ERROR else _WARNING if record.levelno >= logging.WARNING else _INFO
        )
        for line in self.format(record).splitlines():
            self.sinks[severity](line)


def log_to(syslog: bool, verbose: bool) -> Sink:
    """Send the package's log there, and return the sink for decisions. To be called anew after a fork."""
    levels = (_INFO, _WARNING, _ERROR)
    sinks = {level: syslog_sink(level) for level in levels} if syslog else dict.fromkeys(levels, stderr_sink())
    handler = _LineHandler(sinks)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger("relaymilter")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    return sinks[_INFO]
