"""`ldap:`, a directory (RFC 4511) asked through python-ldap, described by a file.

The key stands for `{key}` in the filter, escaped (RFC 4515 3). There is TLS unless the description says `tls = "off"`,
and certificates are always verified. A connection is made by the first look-up after the fork and used again; each
look-up has one of its own, and some are kept. References to other servers are not followed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from relaymilter.lookups.deadline import begin
from relaymilter.lookups.guard import KeyFailed
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.channel import Channel
from relaymilter.tables.directory import Directory, described_directory
from relaymilter.tables.table import TableError

try:
    import ldap
    import ldap.dn
    import ldap.filter
    from ldap.extop import ExtendedRequest
except ImportError:
    raise TableError(
        "tables of type ldap need python3-ldap: apt install python3-ldap, or pip install 'relaymilter[ldap]'"
    ) from None

DEADLINE = 1.8
"""Seconds for a look-up, with all connections that it tries."""
IDLE = 60.0
"""Seconds after which a connection is not used again: something on its way may have forgotten it."""
KEPT = 8
"""Connections, of those that were needed at once."""
MOST_ENTRIES = 100
"""That are read of an answer."""
NOBODY = "no-such-key.relaymilter.invalid"
"""In no directory (RFC 6761 6.4)."""

SCOPES = {"base": ldap.SCOPE_BASE, "one": ldap.SCOPE_ONELEVEL, "sub": ldap.SCOPE_SUBTREE}

STARTTLS = "1.3.6.1.4.1.1466.20037"
PORTS = {"ldap": 389, "ldaps": 636}
LDAPI = "/run/slapd/ldapi"
LONGEST = 1024
"""Characters of a key; more than any name of a mailbox has."""


class Connection:
    """A library that speaks the protocol, and the channel to the server."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.library: Any = ldap.initialize("ldap://", fileno=channel.library_end())
        self.library.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
        self.library.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        self.library.set_option(ldap.OPT_DEREF, ldap.DEREF_NEVER)

    def result(self, number: int, deadline: float) -> tuple[int, list[tuple[str, dict[str, list[bytes]]]]]:
        """The kind and the data of the next message to request `number`. Raises ldap.LDAPError and OSError."""
        while True:
            kind, data, _, _ = self.library.result3(number, all=0, timeout=0)
            if kind is not None:
                return kind, data
            self._channel.exchange(deadline)

    def close(self) -> None:
        """End both."""
        with suppress(ldap.LDAPError):
            self.library.unbind_ext()
        self._channel.close()


class _Kept(NamedTuple):
    connection: Connection
    since: float


@dataclass(frozen=True, slots=True)
class LdapTable:
    """The entries that a filter finds, and the values of one attribute of theirs."""

    name: str
    directory: Directory
    waits: bool = True
    _kept: list[_Kept] = field(default_factory=list)

    def find(self, key: str) -> str | None:
        """The values for a key, joined; empty where no attribute is wanted. Raises LookupFailed."""
        if not _comparable(key):
            return None
        deadline = begin(DEADLINE)
        problem: Exception | None = None
        for connect in self._ways():
            try:
                connection = connect(deadline)
                answer = _ask(connection, self.directory, key, deadline)
            except (ldap.LDAPError, OSError) as error:
                problem = error
                self._forget()  # the others are likely to be dead, too
                if isinstance(error, ldap.INVALID_CREDENTIALS):
                    break  # elsewhere the password is no better, and an account may be locked for it
            else:
                self._keep(connection)
                return answer
        raise LookupFailed(_words(problem)) from problem

    def _keep(self, connection: Connection) -> None:
        if len(self._kept) < KEPT:
            self._kept.append(_Kept(connection, time.monotonic()))
        else:
            connection.close()

    def _forget(self) -> None:
        with suppress(IndexError):
            while True:
                self._kept.pop().connection.close()

    def _ways(self) -> Iterator[Callable[[float], Connection]]:
        """A connection that is kept, if it is young enough, and a new one to each server in turn."""
        with suppress(IndexError):  # another thread may take the last one
            connection, since = self._kept.pop()
            if time.monotonic() - since < IDLE:
                yield lambda _: connection
            else:
                connection.close()
        for url in self.directory.urls:
            yield partial(_connect, self.directory, url)


def _comparable(key: str) -> bool:
    """Directories compare without regard to some blanks and controls, and to compatibility (RFC 4518 2)."""
    return 0 < len(key) <= LONGEST and key.isprintable() and key == normalize("NFKC", " ".join(key.split()))


def _connect(directory: Directory, text: str, deadline: float) -> Connection:
    """A connection with TLS, bound, to a server on which the filter does not find everything."""
    url = urlsplit(text)
    if url.scheme == "ldapi":
        channel = Channel(unquote(url.netloc) or LDAPI, deadline)
    else:
        channel = Channel((url.hostname or "", url.port or PORTS[url.scheme]), deadline)
    try:
        if url.scheme == "ldap" and directory.starttls:
            _announce_tls(channel, deadline)
        if url.scheme == "ldaps" or (url.scheme == "ldap" and directory.starttls):
            channel.start_tls(url.hostname or "", directory.authority, deadline)
        connection = Connection(channel)
    except BaseException:
        channel.close()
        raise
    _bind(connection, directory, deadline)
    return connection


def _announce_tls(channel: Channel, deadline: float) -> None:
    """By a library of its own, so that nothing which came in clear is an answer to what is asked later."""
    connection = Connection(channel)
    try:
        connection.result(connection.library.extop(ExtendedRequest(STARTTLS, None)), deadline)
    finally:
        with suppress(ldap.LDAPError):
            connection.library.unbind_ext()


def _bind(connection: Connection, directory: Directory, deadline: float) -> None:
    """Raises LookupFailed where the filter finds everything."""
    try:
        if directory.bind_dn:
            connection.result(connection.library.simple_bind(directory.bind_dn, directory.password), deadline)
    except BaseException:
        connection.close()
        raise
    try:
        everything = _ask(connection, directory, NOBODY, deadline) is not None
    except KeyFailed:
        everything = True
    if everything:
        connection.close()
        raise LookupFailed(f"the filter finds {NOBODY}, too; it must find nothing for what is not in the directory")


def _ask(connection: Connection, directory: Directory, key: str, deadline: float) -> str | None:
    """The answer; on any failure the connection is closed."""
    wanted = directory.filter.replace("{key}", ldap.filter.escape_filter_chars(key))
    attributes, most = ([directory.attribute], MOST_ENTRIES) if directory.attribute else (["1.1"], 1)
    where = directory.base, SCOPES[directory.scope]
    entries: list[dict[str, list[bytes]]] = []
    try:
        number = connection.library.search_ext(*where, wanted, attributes, timeout=1, sizelimit=most)
        while True:
            kind, data = connection.result(number, deadline)
            if kind == ldap.RES_SEARCH_RESULT:
                return _answer(entries, directory.attribute)
            if kind == ldap.RES_SEARCH_ENTRY:
                entries += [entry for _, entry in data]
    except ldap.SIZELIMIT_EXCEEDED:
        if not directory.attribute and entries:
            return ""
        connection.close()
        raise KeyFailed("more entries than may be read: the filter is too wide") from None
    except BaseException:
        connection.close()
        raise


def _answer(entries: list[dict[str, list[bytes]]], attribute: str) -> str | None:
    if not attribute:
        return "" if entries else None
    values = [value for entry in entries for several in entry.values() for value in several]
    return ", ".join(value.decode("utf-8", "replace") for value in values) if values else None


def _words(problem: Exception | None) -> str:
    if not isinstance(problem, ldap.LDAPError):
        return str(problem) or type(problem).__name__
    said = problem.args[0] if problem.args and isinstance(problem.args[0], dict) else {}
    return ": ".join(filter(None, (said.get("desc"), said.get("info")))) or type(problem).__name__


def open_table(kind: str, name: str) -> LdapTable:
    """The table that the file `name` describes. Raises TableError."""
    path, directory = described_directory(name)
    if not ldap.dn.is_dn(directory.base):
        raise TableError(f"{path}: base: {directory.base!r} is no distinguished name")
    if not _is_filter(directory.filter):
        raise TableError(f"{path}: filter: {directory.filter!r} is no filter as (mail={{key}}) is one")
    return LdapTable(f"{kind}:{name}", directory)


def _is_filter(text: str) -> bool:
    """Can the library read it? It does that before it connects, here to a socket that is not there."""
    try:
        ldap.initialize("ldapi://%2Fnonexistent").search_ext("", ldap.SCOPE_BASE, text.replace("{key}", NOBODY))
    except ldap.FILTER_ERROR:
        return False
    except ldap.LDAPError:
        return True
    return True
