"""`ldap:`, a directory (RFC 4511) asked through python-ldap, described by a file.

The key stands for `{key}` in the filter, escaped (RFC 4515 3). There is TLS unless the description says `tls = "off"`,
and certificates are always verified. A connection is made by the first look-up after the fork and used again, and there
are as many as look-ups at once. References to other servers are not followed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.directory import Directory, described_directory
from relaymilter.tables.guard import KeyFailed
from relaymilter.tables.table import TableError

try:
    import ldap
    import ldap.dn
    import ldap.filter
except ImportError:
    raise TableError(
        "tables of type ldap need python3-ldap: apt install python3-ldap, or pip install 'relaymilter[ldap]'"
    ) from None

DEADLINE = 1.8
"""Seconds for a look-up, with all connections that it tries."""
STEP = 0.9
"""Seconds for one wait: to connect, for TLS, for an answer."""
IDLE = 60.0
"""Seconds after which a connection is not used again: something on its way may have forgotten it."""
MOST_ENTRIES = 100
"""That are read of an answer."""
NOBODY = "no-such-key.relaymilter.invalid"
"""In no directory (RFC 6761 6.4)."""

SCOPES = {"base": ldap.SCOPE_BASE, "one": ldap.SCOPE_ONELEVEL, "sub": ldap.SCOPE_SUBTREE}

Connection: TypeAlias = Any
"""ldap.ldapobject.SimpleLDAPObject; python-ldap has no types."""


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
        deadline = time.monotonic() + DEADLINE
        problem = "no time was left"
        for connect in self._ways():
            try:
                connection = connect(deadline)
                answer: str | None = _closing(connection, _ask, self.directory, key, deadline)
            except ldap.LDAPError as error:
                problem = _words(error)
                if isinstance(error, ldap.INVALID_CREDENTIALS) or time.monotonic() >= deadline:
                    break  # elsewhere the password is no better, and an account may be locked for it
            else:
                self._kept.append(_Kept(connection, time.monotonic()))
                return answer
        raise LookupFailed(problem)

    def _ways(self) -> Iterator[Callable[[float], Connection]]:
        """A connection that is kept, if it is young enough, and a new one to each server in turn."""
        with suppress(IndexError):  # another thread may take the last one
            connection, since = self._kept.pop()
            if time.monotonic() - since < IDLE:
                yield lambda _: connection
            else:
                _close(connection)
        for url in self.directory.urls:
            yield partial(_connect, self.directory, url)


def _comparable(key: str) -> bool:
    """Directories compare without regard to some blanks and controls, which might make another key of this one."""
    return bool(key) and key.isprintable() and key == " ".join(key.split())


def _connect(directory: Directory, url: str, deadline: float) -> Connection:
    """A connection with TLS, bound, to a server on which the filter does not find everything."""
    connection = ldap.initialize(url)
    _closing(connection, _prepare, directory, url, deadline)
    try:
        everything = _closing(connection, _ask, directory, NOBODY, deadline) is not None
    except KeyFailed:
        everything = True
    if everything:
        _close(connection)
        raise LookupFailed(f"the filter finds {NOBODY}, too; it must find nothing for what is not in the directory")
    return connection


def _prepare(connection: Connection, directory: Directory, url: str, deadline: float) -> None:
    step = _remaining(deadline)
    connection.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, step)
    connection.set_option(ldap.OPT_TIMEOUT, step)
    connection.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
    connection.set_option(ldap.OPT_DEREF, ldap.DEREF_NEVER)
    if not url.startswith("ldapi:"):
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        if directory.authority:
            connection.set_option(ldap.OPT_X_TLS_CACERTFILE, directory.authority)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    if directory.starttls and url.startswith("ldap:"):
        connection.start_tls_s()
    if directory.bind_dn:
        number = connection.simple_bind(directory.bind_dn, directory.password)
        connection.result3(number, timeout=_remaining(deadline))


def _ask(connection: Connection, directory: Directory, key: str, deadline: float) -> str | None:
    wanted = directory.filter.replace("{key}", ldap.filter.escape_filter_chars(key))
    attributes, most = ([directory.attribute], MOST_ENTRIES) if directory.attribute else (["1.1"], 1)
    number = connection.search_ext(
        directory.base, SCOPES[directory.scope], wanted, attributes, timeout=1, sizelimit=most
    )
    entries: list[dict[str, list[bytes]]] = []
    while True:
        try:
            kind, data, _, _ = connection.result3(number, all=0, timeout=_remaining(deadline))
        except ldap.SIZELIMIT_EXCEEDED:
            if directory.attribute or not entries:
                raise KeyFailed("more entries than may be read: the filter is too wide") from None
            return ""
        if kind == ldap.RES_SEARCH_RESULT:
            return _answer(entries, directory.attribute)
        if kind == ldap.RES_SEARCH_ENTRY:
            entries += [attributes for _, attributes in data]


def _answer(entries: list[dict[str, list[bytes]]], attribute: str) -> str | None:
    if not attribute:
        return "" if entries else None
    values = [value for entry in entries for found in entry.values() for value in found]
    return ", ".join(value.decode("utf-8", "replace") for value in values) if values else None


def _remaining(deadline: float) -> float:
    return max(0.01, min(STEP, deadline - time.monotonic()))


def _closing(connection: Connection, use: Callable[..., Any], *arguments: object) -> Any:
    """use(connection, ...); where it fails, the connection is closed."""
    try:
        return use(connection, *arguments)
    except BaseException:
        _close(connection)
        raise


def _close(connection: Connection) -> None:
    with suppress(ldap.LDAPError):
        connection.unbind_ext()


def _words(error: "ldap.LDAPError") -> str:
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return ": ".join(filter(None, (said.get("desc"), said.get("info")))) or type(error).__name__


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
