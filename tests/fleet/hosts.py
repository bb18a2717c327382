"""The hosts of a fleet: network namespaces, each with a cable to the one where the ledger's servers are."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.rig import MtaSettings, Namespace, Postfix, Relaymilter, Release, running, wait_for
from tests.rig.private import private_command
from tests.servers import ServerProcess

CENTRE = "10.99.0.1"
MASTER, REPLICA, SENTINEL = 6379, 6380, 26379
NODE = """\
port {port}
bind 127.0.0.1 {centre}
protected-mode no
dir {folder}
appendonly no
save ""
"""
FOLLOWS = f"replicaof {CENTRE} {MASTER}\n"
WATCHES = f"""\
sentinel monitor ledger {CENTRE} {MASTER} 1
sentinel down-after-milliseconds ledger 500
sentinel failover-timeout ledger 2000
"""


class Node(ServerProcess):
    """A redis-server in a network of its own, at a port of CENTRE."""

    def __init__(self, network: Namespace, folder: Path, port: int, further: str = "", *arguments: str) -> None:
        self._network, self._port = network, port
        folder.mkdir()
        file = folder / "redis.conf"
        file.write_text(NODE.format(port=port, folder=folder, centre=CENTRE) + further)
        super().__init__(("redis-server", str(file), *arguments), folder / "log", self._answers_now)
        self._command = ["nsenter", f"--net={network.path}", *self._command]

    def says(self, *words: str) -> str:
        """What it answers to a command."""
        return self._network.run(*private_command("redis-cli", "-p", str(self._port), *words))

    def _answers_now(self) -> bool:
        try:
            return "PONG" in self.says("ping")
        except subprocess.CalledProcessError:
            return False


@dataclass
class Host:
    """A host, its MTA and its milter."""

    network: Namespace
    mta: Postfix
    daemon: Relaymilter
    cable: str

    def cut_off(self) -> None:
        """The ledger is not to be reached from here."""
        self.network.run("ip", "link", "set", self.cable, "down")

    def rejoin(self) -> None:
        """It is again."""
        self.network.run("sh", "-ec", f"ip link set {self.cable} up; ip route replace {CENTRE} dev {self.cable}")


@dataclass
class Fleet:
    """The hosts, and the servers of their ledger."""

    hosts: list[Host]
    master: Node
    replica: Node
    sentinel: Node


@contextlib.contextmanager
def fleet(release: Release, folder: Path, *flags: str) -> Iterator[Fleet]:
    """Three hosts."""
    (folder / "ledger.toml").write_text(f'sentinels = ["{CENTRE}:{SENTINEL}"]\nmaster = "ledger"\n')
    (folder / "key").write_text("k" * 32)
    for name in ("ledger.toml", "key"):
        (folder / name).chmod(0o600)
    with contextlib.ExitStack() as stack:
        centre = stack.enter_context(Namespace(release))
        centre.run("ip", "address", "add", f"{CENTRE}/32", "dev", "lo")
        nodes = []
        for name, port, further in (
            ("master", MASTER, ""),
            ("replica", REPLICA, FOLLOWS),
            ("sentinel", SENTINEL, WATCHES),
        ):
            arguments = ("--sentinel",) if name == "sentinel" else ()
            node = Node(centre, folder / name, port, further, *arguments)
            stack.callback(node.kill)
            node.start()
            nodes.append(node)
        master, replica, sentinel = nodes
        wait_for(lambda: "master_link_status:up" in replica.says("info", "replication"), "the replica follows")
        wait_for(lambda: "num-slaves\n1\n" in sentinel.says("sentinel", "master", "ledger"), "the sentinel knows of it")
        hosts = [stack.enter_context(_host(number, centre, folder, *flags)) for number in (1, 2, 3)]
        yield Fleet(hosts, master, replica, sentinel)


@contextlib.contextmanager
def _host(number: int, centre: Namespace, folder: Path, *flags: str) -> Iterator[Host]:
    with Namespace(centre.release) as network:
        cable, address = f"host{number}", f"10.99.{number}.2"
        centre.run("ip", "link", "add", cable, "type", "veth", "peer", "name", cable, "netns", network.path)
        centre.run("sh", "-ec", f"ip link set {cable} up; ip route add {address} dev {cable}")
        network.run("sh", "-ec", f"ip address add {address}/32 dev {cable}; ip link set {cable} up")
        network.run("ip", "route", "add", CENTRE, "dev", cable, "src", address)
        ledger = ("--ledger", f"redis:{folder}/ledger.toml", "--ledger-key", f"{folder}/key")
        daemon = Relaymilter(
            folder / f"milter{number}",
            *("--local-domain", "example.org", *ledger, *flags),
            milter="inet:127.0.0.1:8894",
            namespace=network,
        )
        mta = Postfix(network, folder / f"postfix{number}", MtaSettings((daemon.milter,)))
        with running(daemon), running(mta):
            yield Host(network, mta, daemon, cable)
