"""Our listening socket in libmilter's hands: libmilter can neither take a socket that is open already, nor let go of
one without giving up the sessions that it serves.

So it is made to open one of its own, whose descriptor then becomes ours; and to stop, that descriptor becomes a socket
on which no one can connect.
"""

import contextlib
import os
import socket
import stat
import tempfile
from collections.abc import Callable
from typing import Any


class Accepting:
    """A listening socket that libmilter accepts from, until it is stopped."""

    def __init__(self, listener: socket.socket, open_own: Callable[[str], None]) -> None:
        """`open_own` makes libmilter open and listen on the socket that it is given by name."""
        self._listener = listener
        self._family, self._address = listener.family, listener.getsockname()
        self._number = _take_over(listener, open_own)
        self._deaf = _deaf_listener()

    def stop(self, shut: bool) -> None:
        """Accept no more here; `shut`: nor shall anyone else who shares the socket."""
        os.dup2(self._deaf.fileno(), self._number)
        if shut:
            # Or poll(2), which libmilter is in for up to 5 s, would keep the port open that long.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def connections(self) -> int:
        """How many that were accepted are still open, also those that no callback has been told of yet."""
        return sum(self._accepted(number) for number in _sockets())

    def _accepted(self, number: int) -> bool:
        try:
            with socket.socket(fileno=os.dup(number)) as connection:
                listening = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if connection.family != self._family or listening:
                    return False
                name: Any = connection.getsockname()
        except OSError:  # closed meanwhile
            return False
        return bool(name == self._address if self._family == socket.AF_UNIX else name[1] == self._address[1])


def _take_over(listener: socket.socket, open_own: Callable[[str], None]) -> int:
    """The descriptor that libmilter accepts from, which is a duplicate of the listener's now."""
    before = _sockets()
    with tempfile.TemporaryDirectory(prefix="relaymilter-") as folder:
        # libmilter drops connections of another family than that of the socket it opened.
        own = {socket.AF_UNIX: f"unix:{folder}/s", socket.AF_INET6: "inet6:0@[::1]"}
        open_own(own.get(listener.family, "inet:0@127.0.0.1"))
    opened = _sockets() - before
    if len(opened) != 1:
        raise RuntimeError(f"libmilter opened {len(opened)} sockets, not one")
    number = opened.pop()
    listener.setblocking(False)
    os.dup2(listener.fileno(), number)
    return number


def _deaf_listener() -> socket.socket:
    """A socket that listens where no one can connect; a connection in the old one's queue may still wake accept()."""
    deaf = socket.socket(socket.AF_UNIX)
    with tempfile.TemporaryDirectory(prefix="relaymilter-") as folder:
        deaf.bind(f"{folder}/s")
    deaf.listen(1)
    deaf.setblocking(False)
    return deaf


def _sockets() -> set[int]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                found.add(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
    return found
