# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process and all its descendants use, read from /proc: CPU, memory, threads."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident and proportional set size of a family in MiB, and its processes and threads."""

    rss_mib: float
    pss_mib: float
    processes: int
    threads: int


def family(pid: int) -> Iterator[int]:
    """The process and its descendants, as far as they still run."""
    yield pid
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """User and system time of the family, to the microsecond, with that of children that have ended meanwhile."""
    seconds = 0.0
    for member in family(pid):
        with suppress(OSError):
            seconds += time.clock_gettime(_cpu_clock(member))
            ended = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()[13:15]
            seconds += sum(map(int, ended)) / TICKS_PER_SECOND
    return seconds


def _cpu_clock(pid: int) -> int:
    """The clock of a process's CPU time, of all its threads (clock_getcpuclockid(3), which Python has not)."""
    return ~pid << 3 | 2


def memory(pid: int, alone: bool = False) -> Memory:
    """The family's memory now, or this process's alone."""
    rss = pss = processes = threads = 0
    for member in (pid,) if alone else family(pid):
        with suppress(OSError):
            rollup = dict(
                line.split(":", 1) for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()[1:]
            )
            rss += int(rollup["Rss"].split()[0])
            pss += int(rollup["Pss"].split()[0])
            processes += 1
            threads += len(os.listdir(f"/proc/{member}/task"))
    return Memory(rss / 1024, pss / 1024, processes, threads)
