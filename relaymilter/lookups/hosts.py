"""Hosts by name, found and connected to within the deadline of a question.

getaddrinfo(3) takes none: with name servers that do not answer it waits for as long as resolv.conf(5) says, 10 seconds
and more. So a name is resolved in a thread of its own, one for each name at a time, which nobody waits for any longer
than there is time. Drivers get numeric addresses, and verify certificates by the name as ever.
"""

import os
import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Any, NamedTuple

from relaymilter.lookups import deadline

STEP = 0.9
"""Seconds to connect to one of the addresses of a host, so that another can be tried."""


class Found(NamedTuple):
    """An address of a host, as getaddrinfo(3) gives it."""

    family: int
    address: tuple[Any, ...]
    """With port 0 as its second part."""


_lock = threading.Lock()
_under_way: dict[str, "Future[list[Found]]"] = {}
os.register_at_fork(after_in_child=_under_way.clear)  # threads do not survive


def resolve(host: str) -> list[Found]:
    """The addresses of a host, at least one, for the question that this thread asks. Raises OSError."""
    try:
        return _addresses(host, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    with _lock:
        future = _under_way.get(host)
        if future is None:
            future = _under_way[host] = Future()
            threading.Thread(target=_resolve, args=(host, future), name="resolve", daemon=True).start()
    try:
        return future.result(deadline.left())
    except Late:
        raise OSError(f"{host}: no address in time") from None


def _resolve(host: str, future: "Future[list[Found]]") -> None:
    try:
        addresses = _addresses(host)
    except Exception as error:
        problem: Exception | None = error
    else:
        problem = None
    with _lock:
        _under_way.pop(host, None)
    if problem is None:
        future.set_result(addresses)
    else:
        future.set_exception(problem)


def _addresses(host: str, flags: int = 0) -> list[Found]:
    try:
        infos = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as error:  # a label that is empty or too long
        raise OSError(f"{host}: {error}") from None
    return [Found(family, address) for family, _, _, _, address in infos]


def connect(host: str, port: int) -> socket.socket:
    """A connection to the first of its addresses that takes it, for the question of this thread. Raises OSError."""
    problem = OSError(f"{host} has no address")
    for family, address in resolve(host):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(step())
            connection.connect((address[0], port, *address[2:]))
        except OSError as error:
            connection.close()
            problem = error
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise problem


def step() -> float:
    """Seconds for one wait of the question of this thread. Raises TimeoutError."""
    left = deadline.left()
    if left <= 0:
        raise TimeoutError("timed out")
    return min(STEP, left)
