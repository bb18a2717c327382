"""`redis:` and `valkey:`, which are the same: a hash and a set on the server of this process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers import redis

from . import Make, Specimen
from .ldap import described

_numbers = itertools.count(1)


@contextmanager
def make_hash(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """The fields of a hash."""
    server, name = redis.shared(), f"entries{next(_numbers)}"
    server.start()
    server.client.hset(name, mapping=dict(entries))
    path = described(folder, url=server.unix, hash=name, password=redis.PASSWORD)
    try:
        yield Specimen(f"redis:{path}", server=server)
    finally:
        server.resume()
        server.start()


@contextmanager
def make_set(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """The members of a set, through TLS."""
    server, name = redis.shared(), f"entries{next(_numbers)}"
    server.start()
    server.client.sadd(name, *entries)
    login = {"user": redis.READER, "password": redis.READER_PASSWORD}
    path = described(folder, url=server.tls, tls_ca=str(server.authority), set=name, **login)
    try:
        yield Specimen(f"valkey:{path}", keeps_values=False, server=server)
    finally:
        server.resume()
        server.start()


KINDS: dict[str, Make] = {"redis hash": make_hash, "valkey set": make_set}
