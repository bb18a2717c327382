# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process and all its descendants use, read from /proc: CPU, memory, threads."""

import os
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
    """User and system time of the family, with that of children that have ended meanwhile."""
    ticks = 0
    for member in family(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_PER_SECOND


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
