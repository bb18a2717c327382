# SPDX-License-Identifier: GPL-2.0-or-later
"""Milters that run: started on sockets in a temporary folder, waited for, and ended by process id."""

import os
import shlex
import signal
import socket as sockets
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from . import process
from .rows import Row


class DidNotStart(Exception):
    """A milter ended, or was not there in time."""


@dataclass(frozen=True, slots=True)
class Running:
    """A milter that listens: its row, process, socket in milter form, and what it wrote."""

    row: Row
    popen: subprocess.Popen[bytes]
    socket: str
    log: Path

    def lines(self) -> int:
        """Lines it has written so far."""
        with self.log.open("rb") as log:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: log.read(1 << 20), b""))


def free_port() -> int:
    """A TCP port of the loopback that nothing listens on."""
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(socket: str) -> bool:
    """Whether a connection to the milter socket succeeds."""
    kind, _, where = socket.partition(":")
    family = sockets.AF_UNIX if kind == "unix" else sockets.AF_INET
    port, _, host = where.partition("@")
    with sockets.socket(family) as probe, suppress(OSError):
        probe.connect(where if kind == "unix" else (host, int(port)))
        return True
    return False


def start(row: Row, folder: Path, names: Mapping[str, str], tcp: bool) -> Running:
    """Start a row's command; its socket and log are in the folder."""
    socket = f"inet:{free_port()}@127.0.0.1" if tcp else f"unix:{folder / row.name}.sock"
    log = folder / f"{row.name}.log"
    command = shlex.split(row.command.format(socket=socket, folder=folder, name=row.name, **names))
    environment = os.environ | {"PYTHONPATH": names["tree"]}
    with log.open("wb") as output:
        popen = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env=environment
        )
    return Running(row, popen, socket, log)


def wait_for(milter: Running, seconds: float = 60.0) -> None:
    """Return once it listens."""
    deadline = time.monotonic() + seconds
    while not listens(milter.socket):
        if milter.popen.poll() is not None or time.monotonic() > deadline:
            shell = shlex.join(map(str, milter.popen.args)) if isinstance(milter.popen.args, list) else ""
            said = milter.log.read_text(errors="replace")[-2000:]
            raise DidNotStart(f"{milter.row.name}: {shell}\nexit status {milter.popen.poll()}\n{said}")
        time.sleep(0.02)


def stop(milters: list[Running]) -> None:
    """TERM to all, then KILL to what is still there after libmilter's own 5 seconds."""
    families = [list(process.family(milter.popen.pid)) for milter in milters]
    for milter in milters:
        milter.popen.terminate()
    deadline = time.monotonic() + 8
    for milter, members in zip(milters, families, strict=True):
        try:
            milter.popen.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            for member in members:
                with suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
            milter.popen.wait()


@contextmanager
def running(rows: list[Row], folder: Path, names: Mapping[str, str], tcp: bool = False) -> Iterator[list[Running]]:
    """All the rows' milters, listening; ended on the way out, whatever happens."""
    milters: list[Running] = []
    try:
        for row in rows:
            milters.append(start(row, folder, names, tcp))
        for milter in milters:
            wait_for(milter)
        yield milters
    finally:
        stop(milters)
