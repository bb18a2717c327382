"""Redis or Valkey as a file describes it: a client of redis-py, which connects when it is first used.

One server, or the master that sentinels name, or a cluster. Each wait is bounded, and nothing is tried twice: what is
asked for a decision must not take longer than it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from relaymilter.files.safety import require_safe
from relaymilter.lookups import deadline, hosts
from relaymilter.tables.described import Description
from relaymilter.tables.table import TableError

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.cluster import ClusterNode, RedisCluster
    from redis.exceptions import RedisClusterException
    from redis.retry import Retry
    from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection
except ImportError:
    raise TableError(
        "tables and ledgers of type redis need python3-redis: "
        "apt install python3-redis, or pip install 'relaymilter[redis]'"
    ) from None

STEP = 0.9
"""Seconds for one wait: to connect, for TLS, for an answer; a look-up has two."""
FOUND_WITHIN = 1.8
"""Seconds to find the server by its name and to connect to one of its addresses."""
CONNECTIONS = 32
"""At most; twice the threads that may look up."""
PORT = 6379
SENTINEL_PORT = 26379

KEYS = {**dict.fromkeys(("url", "user", "tls-ca", "master"), str), "sentinels": list, "cluster": list, "db": int}
"""What describes the server, beside the password."""
SCHEMES = {"redis": False, "valkey": False, "unix": False, "rediss": True, "valkeys": True}
"""With TLS?"""
PROBLEMS = (redis.RedisError, RedisClusterException, OSError)
"""What a client raises where a server does not answer, or not as it should."""


class _Connection(redis.Connection):  # type: ignore[misc]
    """redis-py's, to a host that is found within the deadline of whoever asks."""

    def _connect(self) -> Any:
        deadline.begin(FOUND_WITHIN)
        connection = hosts.connect(self.host, self.port)
        connection.settimeout(self.socket_timeout)
        return connection


class _TlsConnection(redis.SSLConnection, _Connection):  # type: ignore[misc]
    """With TLS around it, for the name of the host."""


class _ToMaster(SentinelManagedConnection, _Connection):  # type: ignore[misc]
    """To the master that the sentinels name."""


class _TlsToMaster(SentinelManagedSSLConnection, _Connection):  # type: ignore[misc]
    """So, with TLS."""


_WITHIN_DEADLINE = {
    redis.Connection: _Connection,
    redis.SSLConnection: _TlsConnection,
    SentinelManagedConnection: _ToMaster,
    SentinelManagedSSLConnection: _TlsToMaster,
}
"""By the class of redis-py's, which resolves names for as long as the name servers let it."""


def _within_deadline(client: Any) -> Any:
    pool = client.connection_pool
    pool.connection_class = _WITHIN_DEADLINE.get(pool.connection_class, pool.connection_class)
    return client


def connect(description: Description) -> Any:
    """A client of redis-py; that of a cluster connects at once. Raises ValueError as judge(), and PROBLEMS."""
    return _MAKERS[judge(description)](description)


def judge(description: Description) -> str:
    """By which key a server is described, or several. Raises ValueError, in words, for what no server can be."""
    if description.password == "" or (description.text("user") and not description.password):
        raise ValueError("password: it must not be empty, and there must be one for a user")
    given = [key for key in _MAKERS if description.values.get(key)]
    if len(given) != 1:
        raise ValueError(f"give one of {', '.join(_MAKERS)}")
    if bool(description.text("master")) != (given == ["sentinels"]):
        raise ValueError("master: the name by which the sentinels know it, with sentinels alone")
    if given == ["cluster"] and "db" in description.values:
        raise ValueError("db: a cluster has none")
    if given == ["url"]:
        _server(description)
    else:
        _nodes(description, given[0])
        _tls(description, bool(description.text("tls-ca")))
    return given[0]


def _usual(description: Description) -> dict[str, Any]:
    return {
        "username": description.text("user") or None,
        "password": description.password,
        "socket_connect_timeout": STEP,
        "socket_timeout": STEP,
    }


def _single(description: Description) -> Any:
    once = {"retry": Retry(NoBackoff(), 0), "max_connections": CONNECTIONS}
    return _within_deadline(redis.Redis(**_server(description), **_usual(description), **once))


def _of_sentinels(description: Description) -> Any:
    """Who is master is asked with each new connection, and a connection to one that is no master any more is closed."""
    sentinels = _nodes(description, "sentinels")
    usual = _usual(description) | _tls(description, bool(description.text("tls-ca")))
    own = {"socket_connect_timeout": STEP, "socket_timeout": STEP}
    asked = Sentinel(sentinels, sentinel_kwargs=own, **usual)
    for sentinel in asked.sentinels:
        _within_deadline(sentinel)
    return _within_deadline(
        asked.master_for(description.text("master"), db=_database(description, ""), max_connections=CONNECTIONS)
    )  # fmt: skip


def _cluster(description: Description) -> Any:
    """It connects at once, to learn which node has which slots; redis-py resolves its names, without a deadline."""
    nodes = [ClusterNode(host, port) for host, port in _nodes(description, "cluster")]
    usual = _usual(description) | _tls(description, bool(description.text("tls-ca")))
    return RedisCluster(startup_nodes=nodes, **usual)


_MAKERS: dict[str, Callable[[Description], Any]] = {"url": _single, "sentinels": _of_sentinels, "cluster": _cluster}


def _nodes(description: Description, key: str) -> list[tuple[str, int]]:
    """Host and port of each. Raises ValueError."""
    texts = description.values[key]
    usual = SENTINEL_PORT if key == "sentinels" else PORT
    return [_host_port(text, usual) for text in (texts if isinstance(texts, list) else [])]


def _host_port(text: str, usual: int) -> tuple[str, int]:
    url = urlsplit(f"//{text}")
    if not url.hostname or url.path or "@" in text:
        raise ValueError(f"{text!r} is no server: give HOST or HOST:PORT")
    return url.hostname, url.port or usual


def _server(description: Description) -> dict[str, Any]:
    """What redis.Redis() is told of the server. Raises ValueError."""
    url = urlsplit(description.text("url"))
    if url.scheme not in SCHEMES:
        raise ValueError(f"url: it begins with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("url: a host, a port and a database, or a socket, alone; the password has a key of its own")
    if url.scheme == "unix":
        if url.netloc or not url.path:
            raise ValueError("url: a socket is written unix:///run/redis/redis.sock")
        where: dict[str, Any] = {"unix_socket_path": unquote(url.path), "db": _database(description, "")}
    elif not url.hostname:
        raise ValueError("url: it names no host")
    else:
        where = {"host": url.hostname, "port": url.port or PORT, "db": _database(description, url.path.strip("/"))}
    return where | _tls(description, SCHEMES[url.scheme])


def _tls(description: Description, wanted: bool) -> dict[str, Any]:
    authority = description.text("tls-ca")
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


def _database(description: Description, in_url: str) -> int:
    given = description.values.get("db")
    if in_url and (given is not None or not (in_url.isascii() and in_url.isdigit())):
        raise ValueError("url: after the host comes the number of a database, or nothing with db")
    number = int(in_url or given or 0)  # type: ignore[arg-type]
    if number < 0:
        raise ValueError("db: it is 0 or more")
    return number
