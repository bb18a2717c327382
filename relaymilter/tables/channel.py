"""A connection to a server, for a library that knows the protocol but cannot be trusted to end in time.

The library has one end of a pair of sockets on this machine, and never meets the network. What it writes is sent here,
and what comes is given to it, each by a deadline; TLS is Python's. (libldap with GnuTLS, as Debian builds it, waits for
ever, and at full speed, for a server that hangs in the handshake.)
"""

import socket
import ssl
import time
from contextlib import suppress

from relaymilter.lookups.hosts import connect

STEP = 0.9
"""Seconds for one wait: to connect, for TLS, for some octets."""
PIECE = 1 << 16


class Channel:
    """To a host and a port, for the question of this thread, or to the path of a socket. All methods raise OSError."""

    def __init__(self, address: tuple[str, int] | str, deadline: float) -> None:
        self._near: socket.socket | None = None
        self._far = _to_path(address, deadline) if isinstance(address, str) else connect(*address)

    def library_end(self) -> int:
        """A descriptor for the library, which is to close it; octets that another library has not read are lost."""
        if self._near is not None:
            self._near.close()
        self._near, library = socket.socketpair()
        return library.detach()

    def start_tls(self, host: str, authority: str, deadline: float) -> None:
        """Encrypt from now on; the certificate must be of `authority`, a file, or of one that the system knows."""
        context = ssl.create_default_context(cafile=authority or None)
        self._far.settimeout(remaining(deadline))
        self._far = context.wrap_socket(self._far, server_hostname=host)

    def exchange(self, deadline: float) -> None:
        """Send what the library has written, and give it some of what comes."""
        near = self._near
        if near is None:
            raise ConnectionError("closed")
        self._far.settimeout(remaining(deadline))
        near.setblocking(False)
        with suppress(BlockingIOError):
            while written := near.recv(PIECE):
                self._far.sendall(written)
        self._far.settimeout(remaining(deadline))
        received = self._far.recv(PIECE)
        if not received:
            raise ConnectionError("the server has closed the connection")
        near.settimeout(remaining(deadline))
        near.sendall(received)

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._far.close()
        if self._near is not None:
            self._near.close()


def remaining(deadline: float) -> float:
    """How long may be waited now, in seconds. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return min(STEP, left)


def _to_path(path: str, deadline: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(remaining(deadline))
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection
