"""Connections to MariaDB and MySQL, by PyMySQL: each wait has the rest of the question's deadline."""

import ssl
from collections.abc import Callable
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from relaymilter.lookups import deadline, hosts
from relaymilter.tables.described import Description

DIALECT = "mysql+pymysql"
LIMIT_QUERIES = "SET autocommit=1 /*M!100101 , max_statement_time=2 */ /*!50708 , max_execution_time=2000 */"
"""The server is to give up a query that nobody waits for any more. MariaDB skips 50708, MySQL skips M!."""
_NO_TLS = 2026


class _Connection(pymysql.connections.Connection):  # type: ignore[misc]
    """PyMySQL's, with a deadline and, where TLS is wanted, not without it."""

    needs_tls = False

    def _read_bytes(self, num_bytes: int) -> Any:
        self._limit()
        return super()._read_bytes(num_bytes)

    def _write_bytes(self, data: bytes) -> Any:
        self._limit()
        return super()._write_bytes(data)

    def _limit(self) -> None:
        self._read_timeout = self._write_timeout = _left()  # PyMySQL 1.0 sets it before each read, 1.2 does not
        if self._sock is not None:
            self._sock.settimeout(self._read_timeout)

    def _request_authentication(self) -> Any:
        if self.needs_tls and not self.server_capabilities & CLIENT.SSL:  # PyMySQL 1.0 would go on in clear
            raise pymysql.err.OperationalError(_NO_TLS, "the server has no TLS")
        return super()._request_authentication()


class _TlsConnection(_Connection):
    needs_tls = True


def connector(description: Description) -> Callable[[], Any]:
    """What makes a connection as the description says."""
    tls = description.text("tls")
    kind = _TlsConnection if tls in ("require", "verify") else _Connection
    given: dict[str, Any] = {
        "user": description.text("user"),
        "password": (description.password or "").encode(),
        "database": description.text("dbname"),
        "charset": "utf8mb4",
        "init_command": LIMIT_QUERIES,
    }
    if "socket" in description.values:
        given["unix_socket"] = description.text("socket")
        tls = "off"  # or PyMySQL 1.2 reads all authorities of this machine for each connection, and tries
    else:
        given |= {"host": description.text("host"), "port": int(description.text("port", "3306"))}
    to_host = "host" in given
    if kind.needs_tls:
        given["ssl"] = _context(description.text("tls-ca"))
    elif tls == "off":
        given["ssl_disabled"] = True

    def connect() -> Any:
        times = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), _left())
        connection = kind(**times, **given, defer_connect=True)
        connection.connect(hosts.connect(given["host"], given["port"]) if to_host else None)
        return connection

    return connect


def _context(authority: str) -> ssl.SSLContext:
    """TLS, with the server's certificate verified by this file of certificates if there is one."""
    context = ssl.create_default_context(cafile=authority or None)
    if not authority:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _left() -> float:
    """Seconds, more than 0, which is not allowed."""
    return max(0.001, deadline.left())
