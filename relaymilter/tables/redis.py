"""`redis:` and `valkey:`, a set or a hash of a server asked through redis-py, described by a file.

One server: redirections of a cluster are failures. Connections are made by the first look-up after the fork; each wait
is bounded, and nothing is tried twice. A server that has no such set at all, since it has lost its memory or is the
wrong one, has not said that a name is absent.
"""

from dataclasses import dataclass
from typing import Any

from relaymilter.policy.ports import LookupFailed
from relaymilter.tables import redis_server
from relaymilter.tables.described import Description, describe
from relaymilter.tables.redis_server import PROBLEMS
from relaymilter.tables.table import TableError

KEYS = {**{key: redis_server.KEYS[key] for key in ("url", "user", "tls-ca", "db")}, "set": str, "hash": str}


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
        except PROBLEMS as error:
            raise LookupFailed(str(error) or type(error).__name__) from error
        return None if value is None else str(value, "utf-8", "replace")


def open_table(kind: str, name: str) -> RedisTable:
    """The table that the file `name` describes. Raises TableError."""
    description = describe(name, KEYS, needed=("url",))
    try:
        client = redis_server.connect(description)
        collection, has_values = _collection(description)
    except ValueError as error:
        raise TableError(f"{description.path}: {error}") from None
    return RedisTable(f"{kind}:{name}", collection, has_values, client)


def _collection(description: Description) -> tuple[str, bool]:
    given = [key for key in ("set", "hash") if description.text(key)]
    if len(given) != 1:
        raise ValueError("give set, the name of a set, or hash, that of a hash with values")
    return description.text(given[0]), given == ["hash"]
