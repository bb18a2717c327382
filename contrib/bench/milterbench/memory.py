# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of a milter at rest, and with many connections open that are past RCPT and say nothing more."""

import subprocess
from dataclasses import dataclass

from . import process
from .load import Load, WrongAnswer
from .milters import Running

HOLD_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Held:
    """What a milter uses idle and with so many connections."""

    row: str
    connections: int
    idle: process.Memory
    busy: process.Memory


def hold(milter: Running, load: Load, connections: int) -> Held:
    """Read the milter's memory, open the connections, and read it again while they are held."""
    load.run(milter.socket, 1, 0.2)
    idle = process.memory(milter.popen.pid)
    command = load.command(milter.socket, connections, "--hold", str(HOLD_SECONDS), "--limit", "30")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as holder:
        said = holder.stderr.readline() if holder.stderr else ""
        busy = process.memory(milter.popen.pid)
        out, errors = holder.communicate(timeout=60)
    if not said.startswith("holding") or holder.returncode:
        raise WrongAnswer(f"{milter.row.name}: {connections} connections could not be held\n{said}{errors}{out}")
    return Held(milter.row.name, connections, idle, busy)
