"""Processes that die, limits of the system that are reached, and a clock that is wrong."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.process import Daemon
from tests.rig import wait_for

from .conftest import Begin
from .load import Kind

Make = Callable[..., Daemon]


def test_worker_killed(daemon_at: Make, begin: Begin) -> None:
    """Another one takes its place; what it had in hand is deferred."""
    with daemon_at() as daemon, begin(daemon) as fault:
        os.kill(daemon.workers()[0], signal.SIGKILL)
        fault.over()
        daemon.wait_log("serving on", 1)
        assert "was killed by signal 9" in daemon.log or "SIGKILL" in daemon.log


def test_parent_killed(daemon_at: Make, begin: Begin) -> None:
    """Its workers end with it, Postfix defers, and the next start finds nothing in its way."""
    with daemon_at() as daemon, begin(daemon) as fault:
        workers = daemon.workers()
        daemon.stop(signal.SIGKILL)
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers have ended")
        wait_for(lambda: any(code // 100 == 4 for code in fault.load.codes(Kind.TO_US)), "Postfix defers")
        daemon.start()
        daemon.ready(2)
        fault.over()


def test_hup_storm(daemon_at: Make, begin: Begin) -> None:
    """Two hundred reloads in two seconds: nobody is deferred for it."""
    with daemon_at() as daemon, begin(daemon) as fault:
        for _ in range(200):
            daemon.tell(signal.SIGHUP)
            time.sleep(0.01)
        fault.over()
        assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()


def test_configuration_is_garbage(daemon_at: Make, begin: Begin, at: Path) -> None:
    """The old one stays in force, and the log names the line."""
    configuration = at / "relaymilter.toml"
    configuration.write_text("# nothing yet\n")
    with daemon_at("-c", str(configuration)) as daemon, begin(daemon) as fault:
        configuration.write_bytes(os.urandom(4096))
        daemon.tell(signal.SIGHUP)
        daemon.wait_log(str(configuration))
        fault.over()
        assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()


def test_log_pipe_gone(daemon_at: Make, begin: Begin) -> None:
    """Who reads the log has ended: lines are lost, mail is not."""
    reading, writing = os.pipe()
    daemon = daemon_at(stdout=writing, stderr=writing)
    daemon.start()
    try:
        os.close(writing)
        with begin(daemon) as fault:
            os.close(reading)
            time.sleep(0.5)
            fault.over()
            assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()
        assert 0 == daemon.stop()
    finally:
        daemon.close()


@pytest.mark.parametrize("runtime", ["loop", "libmilter"])
def test_log_pipe_full(daemon_at: Make, begin: Begin, runtime: str) -> None:
    """Nobody reads the log, a pipe of another user that cannot be opened anew: lines are lost, mail is not."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.fchown(writing, 4711, 4711)
    os.fchmod(writing, 0o600)
    powerless = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    daemon = daemon_at("--runtime", runtime, stdout=writing, stderr=writing, prefix=powerless)
    daemon.start()
    os.close(writing)
    try:
        with begin(daemon) as fault:
            # Far more lines than the pipe holds.
            wait_for(lambda: fault.load.codes(Kind.TO_US, fault.began).total() > 60, "mail goes on")
            fault.over()
            assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()
        assert 0 == daemon.stop()
    finally:
        daemon.close()
        os.close(reading)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k,mode=0755", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_disk_full(daemon_at: Make, begin: Begin, folder: Path) -> None:
    """Of the ledger's database, and of the log: small limits hold in memory until there is room again."""
    with small_disk(folder / "disk") as disk, (disk / "log").open("ab") as log:
        limits = ("--limit", "1000000 recipients/day per client")
        daemon = daemon_at("--ledger", f"sqlite:{disk}/ledger.db", *limits, stdout=log, stderr=log)
        daemon.start()
        try:
            with begin(daemon) as fault:
                with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
                    while ballast.write(b"\0" * 4096):
                        pass
                time.sleep(1)
                (disk / "ballast").unlink()
                fault.over()
            assert 0 == daemon.stop()
        finally:
            daemon.close()


def test_out_of_descriptors(daemon_at: Make, begin: Begin) -> None:
    """A worker that may open nothing more takes connections again as soon as it may."""
    with daemon_at() as daemon, begin(daemon) as fault:
        (worker,) = daemon.workers()
        before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{worker}/fd")), before[1]))
        time.sleep(1)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
        fault.over()


def test_memory_limit(daemon_at: Make, begin: Begin, at: Path) -> None:
    """A worker that gets no more memory while connections pile up, each with a large packet that does not end."""
    with daemon_at() as daemon, begin(daemon) as fault:
        (worker,) = daemon.workers()
        status = Path(f"/proc/{worker}/status").read_text()
        size = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmSize:"))
        resource.prlimit(worker, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        with contextlib.ExitStack() as held:
            for _ in range(500):
                held.enter_context(held_open(at / "s", LARGE))
            wait_for(lambda: worker not in daemon.workers(), "it ends")
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(worker, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        fault.over()
        assert "out of memory: this worker ends, and another takes its place" in daemon.log


LARGE = (65_000).to_bytes(4, "big") + b"O" + bytes(60_000)


def held_open(path: Path, data: bytes = b"") -> socket.socket:
    """A connection to the milter, on which this was sent."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    with contextlib.suppress(OSError):
        connection.connect(str(path))
        connection.sendall(data)
    return connection


def test_slow_loris(daemon_at: Make, begin: Begin, at: Path) -> None:
    """Two hundred connections that send a packet an octet at a time are closed; mail goes on meanwhile."""
    with daemon_at() as daemon, begin(daemon) as fault, contextlib.ExitStack() as held:
        slow = [held.enter_context(held_open(at / "s", b"\0")) for _ in range(200)]
        for octet in (b"\0", b"\0", b"\x0d"):
            time.sleep(0.2)
            for connection in slow:
                connection.sendall(octet)
        fault.over()
        assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()


def test_many_connections(daemon_at: Make, begin: Begin, at: Path) -> None:
    """Five thousand at once, more than a worker takes: what is over its bound is closed at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        with daemon_at() as daemon, begin(daemon) as fault:
            with contextlib.ExitStack() as held:
                for _ in range(5000):
                    held.enter_context(held_open(at / "s"))
                daemon.wait_log("connections were refused")
            fault.over()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def stepping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of clock.c."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


@pytest.mark.parametrize("days", [30, -30])
def test_clock_steps(daemon_at: Make, begin: Begin, folder: Path, stepping: Path, days: int) -> None:
    """The clock jumps a month and back, with a ledger: neither mail nor its limits mind."""
    clock = folder / "clock"
    clock.write_text("0")
    flags = ("--ledger", f"sqlite:{folder}/ledger.db", "--limit", "1000000 recipients/day per client")
    environment = {"LD_PRELOAD": str(stepping), "CLOCK": str(clock)}
    with daemon_at(*flags, environment=environment) as daemon, begin(daemon) as fault:
        daemon.wait_log(f"time={now(0)}")
        clock.write_text(str(days * 86400))
        daemon.wait_log(f"time={now(days)}")
        clock.write_text("0")
        fault.over()
        assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()


def now(days: int) -> str:
    """The day, as the log has it."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))
