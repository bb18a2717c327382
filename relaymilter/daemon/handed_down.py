"""Listening sockets that systemd, or another parent, has opened and handed down: sd_listen_fds(3)."""

import os
import socket

from relaymilter.daemon.failures import CannotListen

FIRST = 3
"""SD_LISTEN_FDS_START."""


def numbered(number: int) -> socket.socket:
    """The listening socket with this number. Raises CannotListen."""
    try:
        inherited = socket.socket(fileno=number)
        listening = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except (OSError, ValueError, OverflowError):  # the latter for numbers that no descriptor has
        raise CannotListen(f"fd:{number}: no socket was handed down there (see systemd.socket(5))") from None
    if not listening or inherited.type != socket.SOCK_STREAM:
        raise CannotListen(f"fd:{number}: this socket does not listen for connections")
    return inherited


def named(name: str) -> list[int]:
    """The numbers of the sockets with this name, at least one. Raises CannotListen."""
    names = _names()
    numbers = [FIRST + place for place, each in enumerate(names) if each == name]
    if not numbers:
        others = f"only {', '.join(sorted({*names}))}" if names else "none at all"
        raise CannotListen(f"fd:{name}: systemd handed down no socket of this name (FileDescriptorName=), {others}")
    return numbers


def _names() -> list[str]:
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    return [name for name in os.environ.get("LISTEN_FDNAMES", "").split(":") if name]
