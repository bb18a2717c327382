"""Which addresses may stand for many clients: gateways, bridges and proxies, as the kernel shows them."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relaymilter.mta.gateways import Gateway, doubts, gateways
from relaymilter.policy.networks import Networks, parse_network
from tests.rig import wait_for
from tests.rig.private import wrappers

ROOT = Path(__file__).resolve().parents[2]
NETWORK = """
ip link set lo up
ip link add br0 type bridge && ip link set br0 up && ip address add 172.17.0.1/16 dev br0
ip -6 address add fd00:17::1/64 dev br0 nodad
ip link add eth0 type veth peer name other && ip link set eth0 up && ip link set other up
ip address add 192.0.2.25/24 dev eth0 && ip route add default via 192.0.2.1
ip -6 address add 2001:db8::25/64 dev eth0 nodad && ip -6 route add default via 2001:db8::1
mount -t sysfs sysfs /sys
"""
SHOW = "from relaymilter.mta.gateways import gateways\nfor each in gateways(): print(*each)"


def in_network(*command: str) -> subprocess.CompletedProcess[str]:
    """Run it where there are a bridge and an interface with gateways."""
    return subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-ec", NETWORK + 'exec "$@"', "sh", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_of_the_kernel() -> None:
    """Gateways and bridges are found in a real network, of both versions of IP."""
    done = in_network(sys.executable, "-c", SHOW)
    assert done.stdout.splitlines() == [
        "192.0.2.1 the gateway of eth0",
        "2001:db8::1 the gateway of eth0",
        "172.17.0.1 this host on the bridge br0",
        "fd00:17::1 this host on the bridge br0",
    ], done.stderr


@pytest.mark.parametrize(
    ("flags", "warned"),
    [
        (("--local-network", "172.16.0.0/12"), ["172.16.0.0/12 holds 172.17.0.1, this host on the bridge br0"]),
        (("--local-network", "2001:db8::/32"), ["2001:db8::/32 holds 2001:db8::1, the gateway of eth0"]),
        (("--local-network", "172.16.0.0/12", "--local-network", "!172.17.0.1"), []),
        (("--local-network", "172.16.0.0/12", "--never-local", "172.17.0.1"), []),
        (("--local-network", "172.16.0.0/12", "--known-shared", "172.17.0.1"), []),
        (("--local-network", "10.0.0.0/8"), []),
        ((), []),
    ],
    ids=["bridge", "gateway", "excluded", "never local", "known", "elsewhere", "default"],
)
def test_warned_of(flags: tuple[str, ...], warned: list[str]) -> None:
    """At the start, of each that is in a local network, with what to do; not of one that is excluded."""
    done = in_network(sys.executable, "-m", "relaymilter", "run", "--check", "--local-domain", "example.org", *flags)
    found = [line.removeprefix("relaymilter: warning: local-network: ") for line in done.stderr.splitlines()]
    assert [line.partition(": ")[0] for line in found] == warned
    assert all("add never-local" in line for line in found)
    assert done.returncode == 0


MAIN_CF = "compatibility_level = 3.6\nmynetworks = {}\nmydestination = example.org\n"
SEEN = "172.16.0.0/12 holds 172.17.0.1, this host on the bridge br0"


@pytest.mark.parametrize(
    ("networks", "flags", "warned"),
    [
        ("172.16.0.0/12", (), [SEEN]),
        ("172.16.0.0/12", ("--never-local", "172.17.0.1"), []),
        ("172.20.0.0/16", (), ["172.20.0.0/16 holds 172.20.0.1, the gateway of a container network"]),
    ],
    ids=["seen", "never local", "not seen"],
)
def test_warned_of_once(tmp_path: Path, networks: str, flags: tuple[str, ...], warned: list[str]) -> None:
    """A network of Postfix's is warned of once: by the gateway that is there, or by one that there may be."""
    (tmp_path / "main.cf").write_text(MAIN_CF.format(networks))
    (tmp_path / "master.cf").write_text("smtp inet n - y - - smtpd\n")
    command = (sys.executable, "-m", "relaymilter", "run", "--check", "--mta", f"postfix:{tmp_path}", *flags)
    path = wrappers(tmp_path / "bin", ("postconf",))
    done = in_network("env", f"PATH={path}", *command)
    found = [line.partition(": ")[2] for line in done.stderr.splitlines() if " holds " in line]
    assert [
        line.partition(" holds ")[0].rpartition(" ")[2] + " holds " + line.partition(" holds ")[2].partition(": ")[0]
        for line in found
    ] == warned, done.stderr


@contextmanager
def listening(folder: Path, program: str) -> Iterator[tuple[int, int]]:
    """A process of this name that listens on some port: its id, and the inode of its socket."""
    (folder / program).symlink_to("/usr/bin/sleep")
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [str(folder / program), "60"]
        with subprocess.Popen(command, pass_fds=(server.fileno(),), stdin=subprocess.DEVNULL) as process:
            try:
                name = Path(f"/proc/{process.pid}/comm")
                wait_for(lambda: name.read_text().strip() == program, "the kernel knows its name")
                yield process.pid, os.fstat(server.fileno()).st_ino
            finally:
                process.kill()


@pytest.mark.parametrize(
    ("program", "port", "found"),
    [("haproxy", 25, ["127.0.0.1", "::1"]), ("haproxy", 80, []), ("master", 25, [])],
    ids=["proxy", "of the web", "mta"],
)
def test_proxy(tmp_path: Path, program: str, port: int, found: list[str]) -> None:
    """A proxy that listens on a mail port may make every client one of this machine; no other program does."""
    net = tmp_path / "self/net"
    net.mkdir(parents=True)
    with listening(tmp_path, program) as (pid, inode):
        (net / "tcp").write_text(f"head\n 0: 00000000:{port:04X} 00000000:0000 0A 0:0 00:0 0 0 0 {inode} 1\n")
        (tmp_path / str(pid)).symlink_to(f"/proc/{pid}")
        seen = gateways(tmp_path, tmp_path / "none")
    assert [str(each.address) for each in seen] == found
    assert [each.what for each in seen] == ["from where haproxy, which listens on port 25, may connect"] * len(found)


BUSY = """
import socket, sys
held = [socket.socket() for _ in range(300)]
print("ready", flush=True)
while True:
    for at in range(len(held)):
        held[at].close()
        held[at] = socket.socket()
"""


def test_busy_proxy(tmp_path: Path) -> None:
    """A proxy whose connections come and go while it is looked at is found each time."""
    net = tmp_path / "self/net"
    net.mkdir(parents=True)
    program = tmp_path / "haproxy"
    program.symlink_to(Path(sys.executable).resolve())
    with socket.create_server(("127.0.0.1", 0)) as server:
        inode, pipe = os.fstat(server.fileno()).st_ino, subprocess.PIPE
        command = [str(program), "-ISc", BUSY]
        with subprocess.Popen(command, pass_fds=(server.fileno(),), stdout=pipe, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                (net / "tcp").write_text(f"head\n 0: 00000000:0019 00000000:0000 0A 0:0 00:0 0 0 0 {inode} 1\n")
                (tmp_path / str(process.pid)).symlink_to(f"/proc/{process.pid}")
                found = [len(gateways(tmp_path, tmp_path / "none")) for _ in range(100)]
            finally:
                process.kill()
    assert found == [2] * 100


def test_nothing_to_see(tmp_path: Path) -> None:
    """Where the kernel shows nothing, or not what it should, there is nothing to say."""
    assert gateways(tmp_path, tmp_path) == []
    (tmp_path / "self/net").mkdir(parents=True)
    (tmp_path / "self/net/route").write_text("head\nno route\n")
    assert gateways(tmp_path, tmp_path) == []


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        (("192.0.2.0/24",), ["192.0.2.0/24 holds 192.0.2.1, the gateway of eth0"]),
        (("192.0.2.0/24", "192.0.2.1"), ["192.0.2.1/32 holds 192.0.2.1, the gateway of eth0"]),
        (("192.0.2.0/24", "!192.0.2.1"), []),
        (("198.51.100.0/24",), []),
    ],
    ids=["held", "the most specific", "excluded", "elsewhere"],
)
def test_doubts(networks: tuple[str, ...], said: list[str]) -> None:
    """One that is in a local network is doubted, with what to do; the most specific network decides."""
    local = Networks(map(parse_network, networks))
    seen = [Gateway(ipaddress.IPv4Address("192.0.2.1"), "the gateway of eth0")]
    found = [*doubts(local.find, seen)]
    assert [doubt.partition(": ")[0] for doubt in found] == said
    assert all(doubt.endswith("add never-local 192.0.2.1") for doubt in found)


def test_several_in_one_network() -> None:
    """Of several in one network there is one warning, which says what to do about each."""
    seen = [Gateway(ipaddress.IPv4Address(f"192.0.2.{at}"), f"the gateway of eth{at}") for at in (1, 2)]
    (found,) = doubts(Networks([parse_network("192.0.2.0/24")]).find, seen)
    assert found.startswith("192.0.2.0/24 holds 192.0.2.1, the gateway of eth1, and 192.0.2.2, the gateway of eth2: ")
    assert found.endswith("add never-local 192.0.2.1 and never-local 192.0.2.2")
