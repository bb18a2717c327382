"""The least syslog daemon, for an MTA that logs to /dev/log alone."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

# The priority and the time stamp, as syslog(3) puts them before "program[pid]: ".
PREFIX = re.compile(rb"^<\d+>(\w+ +\d+ [\d:]+) ")


class Syslog:
    """Collects what is sent to the Unix socket `path`; use it in a `with` statement."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._lines: list[tuple[str, str]] = []
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> Syslog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def text(self) -> str:
        """All lines so far, without their time stamps."""
        return "".join(f"{line}\n" for _, line in self._lines)

    def stamped(self, host: str) -> bytes:
        """All lines so far, as a syslog daemon writes them to a file."""
        lines = (f"{stamp} {host} {line}\n" for stamp, line in self._lines)
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _collect(self) -> None:
        while datagram := self._socket.recv(65536):
            begun = PREFIX.match(datagram)
            stamp, rest = (begun[1], datagram[begun.end() :]) if begun else (b"", datagram)
            self._lines.append((stamp.decode(), rest.rstrip(b"\0\n").decode("utf-8", "backslashreplace")))
