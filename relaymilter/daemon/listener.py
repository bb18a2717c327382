"""The listening socket: opened by the parent, removed by it, shared by the workers.

A unix socket that no one listens on any more is replaced, one that answers is not. One that a daemon on its way out
still holds is waited for a moment, of either family, so that a restart at once works.
"""

import contextlib
import errno
import logging
import os
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from relaymilter.config.account import Account
from relaymilter.config.endpoint import Endpoint, FdEndpoint, InetEndpoint, UnixEndpoint
from relaymilter.config.listen import ListenSettings

log = logging.getLogger(__name__)

BACKLOG = 1024
_BUSY_SECONDS = 2.0

T = TypeVar("T")


class CannotListen(Exception):
    """The socket cannot be had; the text says which and why."""


@dataclass(slots=True)
class Listener:
    """A listening socket, and the file that goes with it."""

    socket: socket.socket
    endpoint: Endpoint
    inode: tuple[int, int] | None = None

    def close(self) -> None:
        """Stop listening here, and remove the unix socket if it is still the one that we made."""
        self.socket.close()
        if isinstance(self.endpoint, UnixEndpoint) and self.inode is not None:
            try:
                if _inode(self.endpoint.path) == self.inode:
                    os.unlink(self.endpoint.path)
            except OSError as error:
                log.warning("%s: cannot remove it: %s", self.endpoint, error.strerror)


def open_listener(settings: ListenSettings, account: Account | None) -> Listener:
    """Bind and listen. Raises CannotListen."""
    endpoint, *others = settings.sockets
    if others:
        raise CannotListen(f"{endpoint} and {others[0]}: several sockets at once are not served yet")
    try:
        match endpoint:
            case FdEndpoint(number):
                return Listener(_inherited(number), endpoint)
            case InetEndpoint():
                return Listener(_patiently(lambda: _inet(endpoint)), endpoint)
            case UnixEndpoint(path):
                return _patiently(lambda: _unix(endpoint, path, settings, account))
    except OSError as error:
        raise CannotListen(f"{endpoint}: {error.strerror or error}") from None


def _inherited(number: int) -> socket.socket:
    try:
        inherited = socket.socket(fileno=number)
        listening = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except (OSError, ValueError, OverflowError):  # the latter for numbers that no descriptor has
        raise CannotListen(f"fd:{number}: no socket was handed down there (see systemd.socket(5))") from None
    if not listening or inherited.type != socket.SOCK_STREAM:
        raise CannotListen(f"fd:{number}: this socket does not listen for connections")
    return inherited


def _patiently(bind: Callable[[], T]) -> T:
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return bind()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _inet(endpoint: InetEndpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((endpoint.host, endpoint.port))
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _unix(endpoint: UnixEndpoint, path: str, settings: ListenSettings, account: Account | None) -> Listener:
    _remove_stale(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Bound with no permissions at all, so that nobody connects before owner and mode are what they should be.
    before = os.umask(0o777)
    try:
        opened.bind(path)
    finally:
        os.umask(before)
    try:
        _give(path, settings, account)
        opened.listen(BACKLOG)
    except OSError:
        os.unlink(path)
        raise
    return Listener(opened, endpoint, _inode(path))


def _give(path: str, settings: ListenSettings, account: Account | None) -> None:
    gid = settings.socket_gid if settings.socket_gid is not None else account.gid if account else -1
    if gid != -1 or account:
        os.chown(path, account.uid if account else -1, gid)
    os.chmod(path, settings.socket_mode)


def _remove_stale(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # also where its owner removes it meanwhile
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise CannotListen(f"unix:{path}: there is a file that is no socket; it is left alone")
        if _answers(path):
            raise OSError(errno.EADDRINUSE, "another process listens there")
        os.unlink(path)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CannotListen(f"unix:{path}: there is a socket, and it cannot be asked: {error}") from None
    return True


def _inode(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino
