# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of milterload, which plays the MTA. A wrong verdict or a lost session is an exception."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .site import Workload


class WrongAnswer(Exception):
    """The milter answered otherwise than it must, or not at all: the figures would be worthless."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load generator and the mail it sends."""

    program: Path
    workload: Workload

    def command(self, socket: str, clients: int, *options: str) -> list[str]:
        """Its command line."""
        mail = [*self.workload.options, "--expect", self.workload.expect]
        return [str(self.program), "-c", str(clients), *mail, *options, socket]

    def prepare(self, socket: str) -> None:
        """Send what the workload has before anything is measured."""
        if self.workload.first:
            self._send(socket, 64, "-n", str(self.workload.first))

    def run(self, socket: str, clients: int, seconds: float, rate: float = 0) -> dict[str, float]:
        """Send mail for that long; sessions, their rate, and times in us. `rate`: no more sessions in a second."""
        answer = self._send(socket, clients, "-t", str(seconds), "--rate", f"{rate:.0f}")
        times = {f"{of}_{q}_us": answer[f"{of}_us"][q] for of in ("rcpt", "session") for q in ("p50", "p99")}
        return {key: answer[key] for key in ("sessions", "sessions_per_s")} | times

    def _send(self, socket: str, clients: int, *options: str) -> dict[str, Any]:
        command = self.command(socket, clients, "--limit", "60", *options)
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        if done.returncode:
            raise WrongAnswer(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
