"""The ledger in Redis: of one server, and of a cluster of three."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relaymilter.ledger.registry import open_ledger
from relaymilter.lookups import waiting
from relaymilter.policy.ports import Ledger
from tests.servers import redis as server
from tests.servers import redis_fleet

from . import Open


def opener(description: str, folder: Path) -> Open:
    """What opens the ledger of this description."""
    path = folder / "ledger.toml"
    path.write_text(description)
    path.chmod(0o600)

    def open_it() -> Ledger:
        waiting.allow()  # in a thread of the test, too
        return open_ledger(f"redis:{path}")

    return open_it


@contextmanager
def single(folder: Path) -> Iterator[Open]:
    """One server."""
    shared = server.shared()
    shared.start()
    shared.client.flushall()
    with waiting.allowing():
        yield opener(f'url = "{shared.unix}"\npassword = "{server.PASSWORD}"\n', folder)


@contextmanager
def cluster(folder: Path) -> Iterator[Open]:
    """Three masters."""
    nodes = redis_fleet.cluster()
    for node in nodes:
        node.client.flushall()
    with waiting.allowing():
        yield opener(f"cluster = {[f'127.0.0.1:{node.port}' for node in nodes]}\n", folder)


KINDS = {"redis": single, "redis cluster": cluster}
