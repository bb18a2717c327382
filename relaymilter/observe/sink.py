"""Where lines go: standard error, a file, or syslog. A line that cannot be written is lost: no mail waits for it."""

import logging
import os
import socket
import stat
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from relaymilter.observe.log_file import LogFile
from relaymilter.observe.writer import Writer, finish_all

Sink: TypeAlias = Callable[[str], None]
"""Takes one line of ASCII, without its end."""

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
_MAIL = 2 << 3
_INFO, _WARNING, _ERROR = 6, 4, 3
_SYSLOG = "/dev/log"


def stderr_sink(fd: int = 2) -> Sink:
    """A line, or several parted by line feeds, in one write(2), so that those of several workers do not mix.

    A pipe or a socket that no one empties is not waited for; how many lines it lost is told when there is room again.
    """
    return _saying_what_is_lost(_without_waiting(fd))


def file_sink(file: LogFile) -> Sink:
    """The same to a file, which may be renamed at any time."""
    return _saying_what_is_lost(file.write)


def _saying_what_is_lost(send: Callable[[bytes], int]) -> Sink:
    lost = 0

    def write(line: str) -> None:
        nonlocal lost
        told = f"\nWARNING: {lost} lines could not be logged\n" if lost else ""
        octets = f"{told}{line}\n".encode("ascii", "backslashreplace")
        try:
            whole = send(octets) == len(octets)
        except OSError:
            whole = False
        lost = 0 if whole else lost + line.count("\n") + 1

    return write


def _without_waiting(fd: int) -> Callable[[bytes], int]:
    """write(2) that raises BlockingIOError where a pipe, a terminal or a socket takes no more.

    O_NONBLOCK on the descriptor itself would be there for all who share it, so a pipe is opened anew. Another user's,
    such as a container's where relaymilter is not root, cannot be opened: that is written to by a thread.
    """
    kind = os.fstat(fd).st_mode
    if stat.S_ISREG(kind):
        return lambda octets: os.write(fd, octets)
    if stat.S_ISSOCK(kind):
        connection = socket.socket(fileno=os.dup(fd))
        return lambda octets: connection.send(octets, socket.MSG_DONTWAIT)
    try:
        ours = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:  # or one without a reader
        return Writer(fd).write
    return lambda octets: os.write(ours, octets)


def _to_standard_error() -> Sink:
    there = os.fstat(2)
    return _standard_error(os.getpid(), there.st_dev, there.st_ino)


@lru_cache(1)
def _standard_error(process: int, device: int, inode: int) -> Sink:
    """One for each process, since it may have a descriptor or a thread, however often the log is opened."""
    return stderr_sink()


def syslog_sink(severity: int = _INFO, path: str = _SYSLOG) -> Sink:
    """A datagram to the local syslog, facility mail (RFC 3164 4.1); it connects anew when syslog was restarted."""
    tag = f"<{_MAIL | severity}>relaymilter[{os.getpid()}]: "
    connection: socket.socket | None = None
    one_at_a_time = threading.Lock()

    def write(line: str) -> None:
        nonlocal connection
        datagram = (tag + line).encode("ascii", "backslashreplace")
        with one_at_a_time:
            for _ in range(2):
                try:
                    connection = connection or _datagrams_to(path)
                    connection.send(datagram)
                except BlockingIOError:
                    return
                except OSError:
                    if connection is not None:
                        connection.close()
                    connection = None
                else:
                    return

    return write


def _datagrams_to(path: str) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    opened.setblocking(False)
    try:
        opened.connect(path)
    except OSError:
        opened.close()
        raise
    return opened


class _LineHandler(logging.Handler):
    """What the daemon says of itself, through the same sink as the decisions."""

    def __init__(self, sinks: dict[int, Sink]) -> None:
        super().__init__()
        self.sinks = sinks

    def emit(self, record: logging.LogRecord) -> None:
        severity = (
            _ERROR if record.levelno >= logging.ERROR else _WARNING if record.levelno >= logging.WARNING else _INFO
        )
        # The text of an exception may be a client's: a further line is indented, so that none looks like a decision.
        for number, line in enumerate(self.format(record).splitlines()):
            self.sinks[severity]("    " * (number > 0) + line.translate(_CONTROLS))

    def flush(self) -> None:
        """What logging.shutdown() waits for."""
        finish_all()


def log_to(syslog: bool, verbose: bool, path: str | None = None, owner: int = -1) -> Sink:
    """Send the package's log there, and return the sink for decisions. To be called anew after a fork.

    A file that is not there is made, and given to this user id. Raises OSError where it cannot be opened.
    """
    levels = (_INFO, _WARNING, _ERROR)
    if syslog:
        sinks = {level: syslog_sink(level) for level in levels}
    else:
        sinks = dict.fromkeys(levels, file_sink(LogFile(path, owner)) if path else _to_standard_error())
    handler = _LineHandler(sinks)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logging.getLogger("relaymilter")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.lastResort = handler  # what a library says, too, waits for nobody
    return sinks[_INFO]
