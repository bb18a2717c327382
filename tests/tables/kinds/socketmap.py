"""`socketmap:`: a small server in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.rig.waiting import wait_for

from . import Make, Specimen

# A thread for each connection; a request after the other.
SERVER = r"""
import json, os, socket, socketserver, sys

address, entries = json.loads(sys.argv[1]), json.loads(sys.argv[2])

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            digits = b""
            while (octet := self.rfile.read(1)) != b":":
                if not octet:
                    return
                digits += octet
            name, _, key = self.rfile.read(int(digits)).decode().partition(" ")
            assert self.rfile.read(1) == b","
            value = entries.get(key) if name == "domains" else None
            reply = b"NOTFOUND " if value is None else b"OK " + value.encode()
            self.wfile.write(b"%d:%b," % (len(reply), reply))

class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

if isinstance(address, str) and os.path.exists(address):
    os.unlink(address)
with (Unix(address, Handler) if isinstance(address, str) else Tcp(tuple(address), Handler)) as server:
    print(json.dumps(server.server_address), flush=True)
    server.serve_forever()
"""


class SocketMapServer:
    """It comes back at the same place."""

    def __init__(self, address: str | tuple[str, int], entries: Mapping[str, str]) -> None:
        self.address = address
        self.entries = dict(entries)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Return when it listens."""
        argv = [sys.executable, "-c", SERVER, json.dumps(self.address), json.dumps(self.entries)]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv], stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        assert self._process.stdout is not None
        bound = json.loads(self._process.stdout.readline())
        self.address = bound if isinstance(bound, str) else (bound[0], bound[1])

    def kill(self) -> None:
        """No goodbye."""
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None

    def hang(self) -> None:
        """Stop it."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        state = Path(f"/proc/{self._process.pid}/stat")
        wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "the server is stopped")

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def make(form: str, folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A server, and its name."""
    server = SocketMapServer(str(folder / "socket") if form == "unix" else ("127.0.0.1", 0), entries)
    server.start()
    try:
        where = server.address if isinstance(server.address, str) else ":".join(map(str, server.address))
        yield Specimen(f"socketmap:{form}:{where}:domains", server=server)
    finally:
        server.kill()


KINDS: dict[str, Make] = {f"socketmap-{form}": partial(make, form) for form in ("unix", "inet")}
