"""The control socket: where `relaymilter status` and `relaymilter reload` ask the running daemon.

A unix socket of mode 0600, so only root, or the user who runs the parent, can connect; in the systemd unit one that was
handed down. A request is one line, a word; the answer is one line of JSON, and then the connection is closed. The
parent waits for signals alone, so a request announces itself by one: SIGIO (fcntl(2), O_ASYNC). Nobody who connects can
keep the parent from its work: it reads what is there, and has little patience with who does not read.
"""

import contextlib
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from relaymilter.config.endpoint import Endpoint, FdEndpoint, NamedFdEndpoint, UnixEndpoint
from relaymilter.config.listen import ListenSettings
from relaymilter.daemon.failures import CannotServe, status_of
from relaymilter.daemon.handed_down import named, numbered
from relaymilter.daemon.listener import Listener, bind_unix, identity
from relaymilter.files.safety import danger_of_folder

log = logging.getLogger(__name__)

USUAL_PATH = "/run/relaymilter/control"
"""Where the systemd unit has it."""
_MANY = 16
"""Clients at once."""
_PATIENCE = 5.0
"""Seconds for a client to send its line;"""
_READ_SECONDS = 0.5
"""and to read the answer."""
_LONGEST = 64
"""Octets of a request."""


@dataclass(slots=True)
class _Client:
    socket: socket.socket
    since: float
    said: bytes = b""


@dataclass(slots=True)
class ControlSocket:
    """The socket, and those who are connected to it."""

    listener: Listener
    clients: list[_Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        _announce(self.listener.socket)

    def answer(self, answers: Mapping[str, Callable[[], object]]) -> None:
        """Take who connects, and answer whose request is complete, by the function of its word."""
        self._accept()
        for client in [*self.clients]:
            if self._heard(client):
                self.clients.remove(client)
                with client.socket:
                    _reply(client, answers)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.socket.accept()
            except OSError:  # there is none; or it is gone already
                return
            if len(self.clients) >= _MANY:
                connection.close()
                continue
            _announce(connection)
            self.clients.append(_Client(connection, time.monotonic()))

    def _heard(self, client: _Client) -> bool:
        """Its line is complete, or nothing more is to be waited for."""
        try:
            octets = client.socket.recv(_LONGEST)
        except BlockingIOError:
            return time.monotonic() - client.since > _PATIENCE
        except OSError:
            return True
        client.said += octets
        return not octets or b"\n" in client.said or len(client.said) > _LONGEST

    def close(self) -> None:
        """Answer nobody any more, and remove the socket."""
        self.listener.close()
        for client in self.clients:
            client.socket.close()

    def forget(self) -> None:
        """In a worker: it has no part in this."""
        self.listener.socket.close()
        for client in self.clients:
            client.socket.close()


def _reply(client: _Client, answers: Mapping[str, Callable[[], object]]) -> None:
    line, end, _ = client.said.partition(b"\n")
    answer = answers.get(line.decode("ascii", "replace")) if end else None
    if answer is None:
        return
    with contextlib.suppress(OSError):
        client.socket.settimeout(_READ_SECONDS)
        client.socket.sendall(json.dumps(answer()).encode() + b"\n")


def _announce(opened: socket.socket) -> None:
    """From now on SIGIO says that there is something to read, or someone to accept."""
    fcntl.fcntl(opened, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(opened, fcntl.F_GETFL)
    fcntl.fcntl(opened, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
    opened.settimeout(0)


def open_control(settings: ListenSettings) -> ControlSocket | None:
    """The control socket; None where there is no place for it. Raises CannotServe."""
    endpoint = settings.control or default_control(settings.pidfile)
    try:
        match endpoint:
            case FdEndpoint(number):
                return ControlSocket(Listener(numbered(number), endpoint))
            case NamedFdEndpoint(name):
                number = named(name)[0]
                return ControlSocket(Listener(numbered(number), FdEndpoint(number)))
            case UnixEndpoint(path):
                return ControlSocket(_bound(endpoint, path))
    except CannotServe as error:
        reason, status = str(error), error.status
    except OSError as error:
        reason = f"{endpoint}: cannot be made: {error.strerror or error}"
        status = status_of(error, os.EX_UNAVAILABLE)
    else:
        return None
    if settings.control is not None:
        raise CannotServe(f"control socket: {reason}", status)
    log.warning("there is no control socket for relaymilter status: %s", reason)
    return None


def _bound(endpoint: UnixEndpoint, path: str) -> Listener:
    folder = os.path.dirname(path)
    if reason := danger_of_folder(folder):
        raise CannotServe(f"{endpoint}: {reason}", os.EX_CONFIG)
    opened = bind_unix(path)
    os.chmod(path, 0o600)
    opened.listen(_MANY)
    return Listener(opened, endpoint, identity(path))


def default_control(pidfile: str | None) -> Endpoint | None:
    """Beside the pid file, or in the folder that systemd made (RuntimeDirectory=); None where there is neither."""
    if pidfile:
        return UnixEndpoint(f"{pidfile.removesuffix('.pid')}.control")
    folder = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return UnixEndpoint(f"{folder}/control") if folder else None
