"""Connections to PostgreSQL, by psycopg2.

libpq waits without end for a server that hangs with its connection open. So psycopg2 is told to wait by a function of
ours, which has the deadline of the question; it is one for the whole process, and nothing else here uses psycopg2.
"""

import select
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from relaymilter.lookups import deadline, hosts
from relaymilter.tables.described import Description

DIALECT = "postgresql+psycopg2"
STATEMENT_TIMEOUT = 2000
"""Milliseconds after which the server gives up a query that nobody waits for any more."""
_SSLMODE = {"off": "disable", "require": "require", "verify": "verify-full"}
_EVENTS = {extensions.POLL_READ: select.POLLIN, extensions.POLL_WRITE: select.POLLOUT}


def connector(description: Description) -> Callable[[], Any]:
    """What makes a connection as the description says."""
    to_host = "host" in description.values
    place = {"host": description.text("host")} if to_host else _of_socket(description.text("socket"))
    if "port" in description.values:
        place["port"] = description.text("port")
    if "tls" in description.values:
        place["sslmode"] = _SSLMODE[description.text("tls")]
    if "tls-ca" in description.values:
        place["sslrootcert"] = description.text("tls-ca")
    if description.password is not None:
        place["password"] = description.password
    options = f"-c statement_timeout={STATEMENT_TIMEOUT}"
    names = {"dbname": description.text("dbname"), "user": description.text("user"), "application_name": "relaymilter"}

    def connect() -> Any:
        extensions.set_wait_callback(_wait)
        located = _located(place["host"])
        return psycopg2.connect(**{**place, **located}, **names, options=options, client_encoding="utf8")

    return connect


def _located(host: str) -> dict[str, str]:
    """Each name of libpq's host, with each of its addresses; libpq verifies a certificate by the name."""
    places: list[tuple[str, str]] = []
    problem: OSError | None = None
    for name in host.split(","):
        if name.startswith(("/", "@")):  # a socket
            places.append((name, ""))
            continue
        try:
            places += [(name, resolved.address[0]) for resolved in hosts.resolve(name)]
        except OSError as error:
            problem = error
    if problem is not None and not places:
        raise problem
    return {"host": ",".join(name for name, _ in places), "hostaddr": ",".join(address for _, address in places)}


def _of_socket(socket: str) -> dict[str, str]:
    """The folder, which is libpq's host, from that or from the socket in it: /run/postgresql/.s.PGSQL.5432."""
    path = Path(socket)
    if path.name.startswith(".s.PGSQL."):
        return {"host": str(path.parent), "port": path.name.removeprefix(".s.PGSQL.")}
    return {"host": socket}


def _wait(connection: Any) -> None:
    """Wait for what psycopg2 waits for. What cannot be set up is closed, or its traceback would keep it open."""
    try:
        while (state := connection.poll()) != extensions.POLL_OK:
            poll = select.poll()  # select(2) has no descriptors from 1024 on
            poll.register(connection.fileno(), _EVENTS[state])
            if not poll.poll(deadline.left() * 1000):
                raise psycopg2.OperationalError("no answer in time")
    except BaseException:
        if connection.status not in (extensions.STATUS_READY, extensions.STATUS_BEGIN):  # those psycopg2 closes
            connection.close()
        raise
