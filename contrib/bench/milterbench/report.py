# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables for people, and everything as JSON."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from .memory import Held
from .process import Memory
from .rounds import Cell
from .starting import Started

CELL_HEAD = (
    f"{'clients':>7} {'milter':<16}{'CPU us':>7} {'(middle half)':<14}{'of c':>6}{'of bare':>8}"
    f"{'sess/s':>8}{'rcpt p50':>10}{'p99 us':>8}{'sess p50':>10}{'p99 us':>8}{'stolen':>8}"
)
STARTED_HEAD = f"{'milter':<16}{'':<16}{'parent':>12}{'workers: RSS (PSS) in MiB':>28}"
HELD_HEAD = f"{'milter':<16}{'':>12}{'RSS MiB':>9}{'PSS MiB':>9}{'processes':>11}{'threads':>9}"


def cell_line(cell: Cell, reference: Cell, bare: Cell | None) -> str:
    """One line of the table: medians, the quartiles of the CPU, and its ratios to both references."""
    m, (low, high) = cell.middle(), cell.middle_half()
    return (
        f"{cell.clients:>7} {cell.row:<16}{m['cpu_us']:>7.0f} {f'({low:.0f}-{high:.0f})':<14}"
        f"{cell.ratio(reference):>6.2f}{f'{cell.ratio(bare):.2f}' if bare else '-':>8}{m['sessions_per_s']:>8.0f}"
        f"{m['rcpt_p50_us']:>10.0f}{m['rcpt_p99_us']:>8.0f}"
        f"{m['session_p50_us']:>10.0f}{m['session_p99_us']:>8.0f}{m['stolen']:>8.0%}"
    )


def held_lines(held: Held) -> Iterable[str]:
    """Two lines of the table of memory."""
    yield _memory_line(held.row, "idle", held.idle)
    yield _memory_line("", f"{held.connections} held", held.busy)


def _memory_line(name: str, when: str, used: Memory) -> str:
    return f"{name:<16}{when:>12}{used.rss_mib:>9.1f}{used.pss_mib:>9.1f}{used.processes:>11}{used.threads:>9}"


def started_lines(started: Started) -> Iterable[str]:
    """Two lines of the table of starts."""
    yield _started_line(started.row, f"start {started.start_s:.2f} s", started.after_start)
    yield _started_line("", f"reload {started.reload_s:.2f} s", started.after_reload)


def _started_line(name: str, what: str, used: Iterable[Memory]) -> str:
    return f"{name:<16}{what:<16}" + "".join(f"{f'{one.rss_mib:.0f} ({one.pss_mib:.0f})':>12}" for one in used)


def as_json(
    about: dict[str, str], cells: Iterable[Cell], holds: Iterable[Held], starts: Iterable[Started]
) -> dict[str, Any]:
    """Everything that was measured, each round by itself."""
    return {
        "about": about,
        "cells": [asdict(cell) for cell in cells],
        "memory": [asdict(held) for held in holds],
        "starts": [asdict(started) for started in starts],
    }
