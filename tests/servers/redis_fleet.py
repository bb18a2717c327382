"""Several redis-servers: a cluster of three masters, and a master with a replica that a sentinel watches over."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import redis

from tests.rig.folders import lasting_folder
from tests.rig.waiting import wait_for

from . import ServerProcess
from .slapd import free_port

SLOTS = 16384
NODE = """\
port {port}
bind 127.0.0.1
dir {folder}
appendonly no
save ""
"""
SENTINEL = """\
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor ledger 127.0.0.1 {master} 1
sentinel down-after-milliseconds ledger 500
sentinel failover-timeout ledger 2000
"""


class Node(ServerProcess):
    """A redis-server on a port of 127.0.0.1."""

    def __init__(self, folder: Path, configuration: str, *arguments: str) -> None:
        self.port, self.bus = free_port(), free_port()
        self.client = redis.Redis(port=self.port, socket_timeout=10)
        folder.mkdir()
        file = folder / "redis.conf"
        file.write_text(configuration.format(port=self.port, folder=folder, bus=self.bus))
        super().__init__(("redis-server", str(file), *arguments), folder / "log", self._answers_now)
        self.start()

    def _answers_now(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


@cache
def cluster() -> list[Node]:
    """Three masters, each with a third of the slots; they serve until this process ends."""
    folder = lasting_folder("redis")
    configuration = NODE + "cluster-enabled yes\ncluster-port {bus}\n"
    nodes = [Node(folder / str(number), configuration) for number in range(3)]
    for number, node in enumerate(nodes):
        atexit.register(node.kill)
        first, end = SLOTS * number // 3, SLOTS * (number + 1) // 3
        node.client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        node.client.execute_command("CLUSTER MEET", "127.0.0.1", nodes[0].port, nodes[0].bus)
    wait_for(lambda: all(_is_whole(node) for node in nodes), "the cluster is whole")
    return nodes


def _is_whole(node: Node) -> bool:
    known = node.client.execute_command("CLUSTER INFO")
    state = known if isinstance(known, dict) else dict(line.split(":") for line in known.decode().split())
    return state["cluster_state"] == "ok" and state["cluster_known_nodes"] == "3"


@contextlib.contextmanager
def watched_over() -> Iterator[tuple[Node, Node, Node]]:
    """A master, its replica, and the sentinel that makes the replica the master when that one is gone."""
    folder = lasting_folder("redis")
    with contextlib.ExitStack() as running:
        master = Node(folder / "master", NODE)
        running.callback(master.kill)
        replica = Node(folder / "replica", NODE + f"replicaof 127.0.0.1 {master.port}\n")
        running.callback(replica.kill)
        wait_for(lambda: replica.client.info("replication")["master_link_status"] == "up", "the replica follows")
        sentinel = Node(folder / "sentinel", SENTINEL.replace("{master}", str(master.port)), "--sentinel")
        running.callback(sentinel.kill)
        wait_for(lambda: sentinel.client.sentinel_master("ledger")["num-slaves"] == 1, "the sentinel knows the replica")
        yield master, replica, sentinel
