"""`redis:` and `valkey:`, a set or a hash of a server asked through redis-py, described by a file.

One server: redirections of a cluster are failures. Connections are made by the first look-up after the fork; each wait
is bounded, and nothing is tried twice. A server that has no such set at all, since it has lost its memory or is the
wrong one, has not said that a name is absent.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from relaymilter.files.safety import require_safe
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.described import Description, describe
from relaymilter.tables.table import TableError

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError:
    raise TableError(
        "tables of type redis need python3-redis: apt install python3-redis, or pip install 'relaymilter[redis]'"
    ) from None

STEP = 0.9
"""Seconds for one wait: to connect, for TLS, for an answer; a look-up has two."""
CONNECTIONS = 32
"""At most; twice the threads that may look up."""
PORT = 6379

KEYS = {**dict.fromkeys(("url", "user", "set", "hash", "tls-ca"), str), "db": int}
SCHEMES = {"redis": False, "valkey": False, "unix": False, "rediss": True, "valkeys": True}
"""With TLS?"""


@dataclass(frozen=True, slots=True)
class RedisTable:
    """The members of a set, or the fields of a hash with their values."""

    name: str
    collection: str
    has_values: bool
    client: Any
    waits: bool = True

    def find(self, key: str) -> str | None:
        """The value of a key; empty for a member of a set. Raises LookupFailed."""
        wanted = key.encode("utf-8", "surrogateescape")
        try:
            if self.has_values:
                value = self.client.hget(self.collection, wanted)
            else:
                value = b"" if self.client.sismember(self.collection, wanted) else None
            if value is None and not self.client.exists(self.collection):
                raise LookupFailed(f"there is no {self.collection!r} on the server")
        except (redis.RedisError, OSError) as error:
            raise LookupFailed(str(error) or type(error).__name__) from error
        return None if value is None else str(value, "utf-8", "replace")


def open_table(kind: str, name: str) -> RedisTable:
    """The table that the file `name` describes. Raises TableError."""
    found = describe(name, KEYS, needed=("url",))
    try:
        client = redis.Redis(
            **_server(found),
            username=found.text("user") or None,
            password=found.password,
            socket_connect_timeout=STEP,
            socket_timeout=STEP,
            retry=Retry(NoBackoff(), 0),
            max_connections=CONNECTIONS,
        )
        collection, has_values = _collection(found)
    except ValueError as error:
        raise TableError(f"{found.path}: {error}") from None
    return RedisTable(f"{kind}:{name}", collection, has_values, client)


def _collection(found: Description) -> tuple[str, bool]:
    given = [key for key in ("set", "hash") if found.text(key)]
    if len(given) != 1:
        raise ValueError("give set, the name of a set, or hash, that of a hash with values")
    return found.text(given[0]), given == ["hash"]


def _server(found: Description) -> dict[str, Any]:
    """What redis.Redis() is told of the server. Raises ValueError."""
    if found.password == "" or (found.text("user") and not found.password):
        raise ValueError("password: it must not be empty, and there must be one for a user")
    url = urlsplit(found.text("url"))
    if url.scheme not in SCHEMES:
        raise ValueError(f"url: it begins with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("url: a host, a port and a database, or a socket, alone; the password has a key of its own")
    if url.scheme == "unix":
        if url.netloc or not url.path:
            raise ValueError("url: a socket is written unix:///run/redis/redis.sock")
        where: dict[str, Any] = {"unix_socket_path": unquote(url.path), "db": _database(found, "")}
    elif not url.hostname:
        raise ValueError("url: it names no host")
    else:
        where = {"host": url.hostname, "port": url.port or PORT, "db": _database(found, url.path.strip("/"))}
    return where | _tls(found, SCHEMES[url.scheme])


def _tls(found: Description, wanted: bool) -> dict[str, Any]:
    authority = found.text("tls-ca")
    if authority and not wanted:
        raise ValueError("tls-ca: there is no TLS but with rediss:// and valkeys://")
    if authority:
        if not Path(authority).is_file():
            raise ValueError(f"tls-ca: there is no file {authority}")
        require_safe(Path(authority))
    if not wanted:
        return {}
    return {
        "ssl": True,
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": authority or None,
    }


def _database(found: Description, in_url: str) -> int:
    given = found.values.get("db")
    if in_url and (given is not None or not (in_url.isascii() and in_url.isdigit())):
        raise ValueError("url: after the host comes the number of a database, or nothing with db")
    number = int(in_url or given or 0)  # type: ignore[arg-type]
    if number < 0:
        raise ValueError("db: it is 0 or more")
    return number
