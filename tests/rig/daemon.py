"""A running `relaymilter run`, as its users start it: a process, its socket and its log."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from .namespace import Namespace
from .processes import children
from .waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]

Line = dict[str, Any]


def flag_form(milter: str) -> str:
    """Turn Postfix's form of an IPv6 socket into the one of our flag; the others are the same."""
    host, _, port = milter.removeprefix("inet:").rpartition(":")
    return f"inet6:{port}@{host}" if host.startswith("[") else milter


class Relaymilter:
    """The daemon, with a JSON log.  `flags` are those of `relaymilter run`, but for the socket.

    `milter` is its socket in Postfix's form.  By default that is a Unix socket in `directory`,
    which may be outside any namespace; an inet: one needs the MTA's `namespace`.
    """

    def __init__(self, directory: Path, *flags: str, milter: str = "", namespace: Namespace | None = None) -> None:
        directory.mkdir(exist_ok=True)
        self.milter = milter or f"unix:{directory}/milter"
        self._flags = flags
        self._namespace = namespace
        self._log = directory / "log"
        self.process: subprocess.Popen[str] | None = None

    @property
    def command(self) -> list[str]:
        """What is run.  An MTA's own user connects to the socket, hence its mode."""
        fixed = ["-p", flag_form(self.milter), "--log-format", "json"]
        if self.milter.startswith("unix:"):
            fixed += ["--socket-mode", "0666"]
        return [sys.executable, "-m", "relaymilter", "run", *fixed, *self._flags]

    def start(self) -> None:
        """Start it, and return when it accepts connections, and a worker serves them."""
        served = self.log().count("serving on")
        with open(self._log, "a") as log:
            options: Line = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": ROOT}
            if self._namespace:
                self.process = self._namespace.popen(*self.command, **options)
            else:
                self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self.command], text=True, **options)
        wait_for(self._accepts, "relaymilter listens")
        wait_for(lambda: self.log().count("serving on") > served, "a worker serves")

    def stop(self) -> None:
        """End it by SIGTERM, and demand exit status 0."""
        status = self.end(signal.SIGTERM)
        if status != 0:
            raise AssertionError(f"relaymilter ended with {status}: {self.log()[-2000:]}")

    def end(self, number: signal.Signals) -> int:
        """Send it a signal and return its exit status; 0 if it was not running."""
        process, self.process = self.process, None
        if process is None:
            return 0
        with process:
            process.send_signal(number)
            try:
                return process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    def children(self) -> list[int]:
        """The process ids of its workers."""
        return children(self.process.pid) if self.process else []

    def log(self) -> str:
        """All that it has written so far."""
        return self._log.read_text(errors="backslashreplace") if self._log.exists() else ""

    def decisions(self) -> list[Line]:
        """Every decision so far, as the log has it."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if "verdict" in line]

    def wait_decision(self, **fields: object) -> Line:
        """Wait for a decision with these fields, such as recipient="<a@b>"; return the last such."""

        def found() -> Line | None:
            alike = [line for line in self.decisions() if fields.items() <= line.items()]
            return alike[-1] if alike else None

        line = wait_for(found, f"a decision with {fields} in the log")
        assert line is not None
        return line

    def _accepts(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"relaymilter did not start: {self.log()[-2000:]}")
        kind, _, where = self.milter.partition(":")
        if kind == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(where) == 0
        host, _, port = where.rpartition(":")
        if self._namespace:
            return self._namespace.listens(host.strip("[]"), int(port))
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0
