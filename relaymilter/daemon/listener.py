"""The listening sockets: opened by the parent, removed by it, shared by the workers.

A unix socket that no one listens on any more is replaced, one that answers is not. One that a daemon on its way out
still holds is waited for a moment, of either family, so that a restart at once works.
"""

import contextlib
import errno
import fcntl
import grp
import logging
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from relaymilter.config.account import Account
from relaymilter.config.endpoint import Endpoint, FdEndpoint, InetEndpoint, NamedFdEndpoint, UnixEndpoint
from relaymilter.config.listen import ListenSettings
from relaymilter.daemon.failures import CannotListen, status_of
from relaymilter.daemon.handed_down import named, numbered

log = logging.getLogger(__name__)

BACKLOG = 1024
_BUSY_SECONDS = 2.0

T = TypeVar("T")


@dataclass(slots=True)
class Listener:
    """A listening socket, and the file that goes with it."""

    socket: socket.socket
    endpoint: Endpoint
    inode: tuple[int, int] | None = None

    @property
    def handed_down(self) -> bool:
        """It is its owner's to shut, and only let go here."""
        return isinstance(self.endpoint, FdEndpoint)

    def close(self) -> None:
        """Stop listening here, and remove the unix socket if it is still the one that we made."""
        self.socket.close()
        if isinstance(self.endpoint, UnixEndpoint) and self.inode is not None:
            try:
                if identity(self.endpoint.path) == self.inode:
                    os.unlink(self.endpoint.path)
            except OSError as error:
                log.warning("%s: cannot remove it: %s", self.endpoint, error.strerror)


def open_listeners(settings: ListenSettings, account: Account | None) -> tuple[Listener, ...]:
    """Bind and listen everywhere, or nowhere. Raises CannotListen."""
    opened: list[Listener] = []
    try:
        for endpoint in settings.sockets:
            each = map(FdEndpoint, named(endpoint.name)) if isinstance(endpoint, NamedFdEndpoint) else (endpoint,)
            opened += [open_listener(one, settings, account) for one in each]
    except CannotListen:
        for listener in opened:
            listener.close()
        raise
    return tuple(opened)


def open_metrics(settings: ListenSettings, account: Account | None) -> Listener | None:
    """Where Prometheus asks, if it may. Raises CannotListen."""
    endpoint = settings.metrics
    if endpoint is None:
        return None
    try:
        one = FdEndpoint(named(endpoint.name)[0]) if isinstance(endpoint, NamedFdEndpoint) else endpoint
        return open_listener(one, settings, account)
    except CannotListen as error:
        raise CannotListen(f"--metrics: {error}", error.status) from None


def open_listener(
    endpoint: UnixEndpoint | InetEndpoint | FdEndpoint, settings: ListenSettings, account: Account | None
) -> Listener:
    """Bind and listen. Raises CannotListen."""
    try:
        match endpoint:
            case FdEndpoint(number):
                return Listener(numbered(number), endpoint)
            case InetEndpoint():
                return Listener(_patiently(lambda: _inet(endpoint)), endpoint)
            case UnixEndpoint(path):
                return _patiently(lambda: _unix(endpoint, path, settings, account))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(f"{endpoint}: {reason}", status_of(error, os.EX_UNAVAILABLE)) from None


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
    opened = bind_unix(path)
    try:
        _give(endpoint, settings, account)
        opened.listen(BACKLOG)
    except (OSError, CannotListen):
        os.unlink(path)
        opened.close()
        raise
    return Listener(opened, endpoint, identity(path))


def bind_unix(path: str) -> socket.socket:
    """A socket bound there with no permissions at all, so that nobody connects before owner and mode are right.

    Raises CannotListen, and OSError: EADDRINUSE where another process listens there.
    """
    with _alone_in(os.path.dirname(path)):
        _remove_stale(path)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o777)
        try:
            opened.bind(path)
        except OSError:
            opened.close()
            raise
        finally:
            os.umask(before)
    return opened


@contextlib.contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """No other relaymilter does this there: else both find a stale socket, and one removes what the other has made."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # one may make files in a folder that one may not list
        yield
        return
    try:
        deadline = time.monotonic() + _BUSY_SECONDS
        while not _locked(descriptor) and time.monotonic() < deadline:  # anybody who can read it can lock it for ever
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _give(endpoint: UnixEndpoint, settings: ListenSettings, account: Account | None) -> None:
    uid = account.uid if account else -1
    gid = settings.socket_gid if settings.socket_gid is not None else account.gid if account else -1
    steps: list[tuple[str, Callable[[], None]]] = []
    if account:
        steps.append((f"give it to the user {account.name}", lambda: os.chown(endpoint.path, uid, -1)))
    if gid != -1:
        steps.append((f"give it to the group {_group(gid)}", lambda: os.chown(endpoint.path, -1, gid)))
    steps.append((f"set its mode to {settings.socket_mode:04o}", lambda: os.chmod(endpoint.path, settings.socket_mode)))
    for what, step in steps:
        try:
            step()
        except OSError as error:
            reason = f"{endpoint}: cannot {what}: {error.strerror}"
            raise CannotListen(reason, status_of(error, os.EX_UNAVAILABLE)) from None


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


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


def identity(path: str) -> tuple[int, int]:
    """Of a file: its device and inode."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino
