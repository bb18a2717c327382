# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a relaymilter takes to start and to reload, and the memory of its parent and of each worker then."""

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import milters, process
from .load import Load
from .rows import Row

LIMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Started:
    """Seconds until it answers, and until a reload is over; the memory of parent and workers after each."""

    row: str
    start_s: float
    reload_s: float
    after_start: tuple[process.Memory, ...]
    after_reload: tuple[process.Memory, ...]


def start(row: Row, load: Load, folder: Path, names: Mapping[str, str]) -> Started:
    """Start it alone, send it some mail, and reload."""
    begun = time.monotonic()
    milter = milters.start(row, folder, names, tcp=False)
    try:
        milters.wait_for(milter, LIMIT_SECONDS)
        said(milter, "serving on")
        start_s = time.monotonic() - begun
        load.run(milter.socket, 8, 0.3)
        after_start = memories(milter.popen.pid)
        begun = time.monotonic()
        milter.popen.send_signal(signal.SIGHUP)
        said(milter, "reloaded")
        reload_s = time.monotonic() - begun
        load.run(milter.socket, 8, 0.3)
        time.sleep(1)  # the workers of before end
        return Started(row.name, start_s, reload_s, after_start, memories(milter.popen.pid))
    finally:
        milters.stop([milter])


def said(milter: milters.Running, text: str) -> None:
    """Wait until it has written this."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while text not in milter.log.read_text(errors="replace"):
        if milter.popen.poll() is not None or time.monotonic() > deadline:
            raise milters.DidNotStart(f"{milter.row.name}: no {text!r} in\n{milter.log.read_text(errors='replace')}")
        time.sleep(0.01)


def memories(pid: int) -> tuple[process.Memory, ...]:
    """Of the parent, and of each worker."""
    return tuple(process.memory(member, alone=True) for member in process.family(pid))
