# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what relaymilter costs on the milter wire, against a minimal C milter in the same run."""

import argparse
import json
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NoReturn

from . import machine, memory, milters, needs, report, rounds, rows, site, starting
from .load import Load, WrongAnswer


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    p = argparse.ArgumentParser(
        prog="contrib/bench/run",
        description=__doc__,
        epilog=listed(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("extra", nargs="*", metavar="NAME=COMMAND", help="more milters; {socket} is where theirs goes")
    p.add_argument("-c", "--clients", default="1,8,64", help="clients at once, comma-separated (%(default)s)")
    p.add_argument("-r", "--rows", default="", help="comma-separated rows, or all")
    p.add_argument(
        "--site",
        choices=("small", "large"),
        default="small",
        help="large: the rows with a million domains and 100,000 networks, how they start, and their memory",
    )
    p.add_argument("-w", "--workload", choices=site.WORKLOADS, default="permit", help="(%(default)s)")
    p.add_argument("--rounds", type=int, default=9, help="(%(default)s)")
    p.add_argument("--seconds", type=float, default=0.5, help="of one measurement (%(default)s)")
    p.add_argument(
        "--share",
        type=float,
        help="measure each row a second time, at this share of the sessions a second that it took (such as 0.5)",
    )
    p.add_argument("--transports", default="unix", help="of unix and tcp, which is on loopback (%(default)s)")
    p.add_argument("--doze", action="store_true", help="let idle cores halt; see README.rst")
    p.add_argument("--hold", type=int, default=1000, help="idle connections, 0 for no table (%(default)s)")
    p.add_argument("--at-most", type=float, metavar="RATIO", help="fail if row off is above it at 8 clients")
    p.add_argument("--python", help="interpreter of the Python milters")
    p.add_argument("--json", type=Path, metavar="FILE", help="write every round here")
    return p


def arguments() -> argparse.Namespace:
    """What was asked for; a row that does not exist, or an addition that is no command, ends the program."""
    p = parser()
    args = p.parse_args()
    if args.site == "large" and not args.rows:
        args.rows = rows.ON_LARGE_SITE
    unknown = set(filter(None, args.rows.split(","))) - {"all", *(row.name for row in rows.ROWS)}
    if unknown or not all("=" in extra for extra in args.extra):
        p.error(f"no such row: {', '.join(unknown)}" if unknown else "an addition is NAME=COMMAND")
    return args


def listed() -> str:
    """The rows for --help."""
    return "rows (* unless --rows says otherwise):\n" + "\n".join(
        f"  {row.name:<16}{'*' if row.default else ' '} {row.says}" for row in rows.ROWS
    )


def names(folder: Path, python: str, wanted: set[str]) -> dict[str, str]:
    """What the rows' commands may name; the large lists only where wanted, since they take seconds to write."""
    paths: dict[str, str | Path] = {
        "python": python,
        "refmilter": needs.program("refmilter"),
        "pyref": needs.HERE / "pyref.py",
        "bareloop": needs.HERE / "bareloop.py",
        "tree": needs.TREE,
    }
    quoted = {key: shlex.quote(str(path)) for key, path in paths.items()}
    policies = {"policy": site.policy_flags(folder)}
    if wanted & {"large", "lmdb"}:
        policies |= site.large_flags(folder, python)
    if "bound" in wanted:
        policies["bound"] = f"{policies['policy']} {site.bound_flags(folder)}"
    return quoted | policies


def speed(
    args: argparse.Namespace, load: Load, folder: Path, named: dict[str, str], transport: str
) -> list[list[rounds.Cell]]:
    """Measure the rows under load, and print as it goes."""
    table = []
    clients = [int(number) for number in args.clients.split(",")]
    awake = machine.kept_awake(None if args.doze else needs.program("awake"))
    say(f"\n{load.workload.name}, {transport} socket\n{report.CELL_HEAD}")
    with awake, milters.running(rows.chosen(args.rows, args.extra), folder, named, transport == "tcp") as running:
        for cells in rounds.measure(running, load, transport, clients, args.rounds, args.seconds, args.share):
            table.append(cells)
            bare = next((cell for cell in cells if cell.row == rows.BARE), None)
            for cell in cells:
                say(report.cell_line(cell, cells[0], bare))
        for milter in running:
            rounds.require_log(milter, list(chain.from_iterable(table)))
    return table


def holds(args: argparse.Namespace, load: Load, folder: Path, named: dict[str, str]) -> list[memory.Held]:
    """The memory of the rows that say nothing, started afresh."""
    held: list[memory.Held] = []
    if not args.hold:
        return held
    chosen = [row for row in rows.chosen(args.rows, args.extra) if not row.logs]
    with milters.running(chosen, folder, named) as running:
        say(f"\n{report.HELD_HEAD}")
        for milter in running:
            held.append(memory.hold(milter, load, args.hold))
            say("\n".join(report.held_lines(held[-1])))
    return held


def starts(load: Load, folder: Path, named: dict[str, str]) -> list[starting.Started]:
    """How the rows of the large site start, one after the other."""
    found = []
    say(f"\n{report.STARTED_HEAD}")
    for row in rows.named(rows.STARTED):
        found.append(starting.start(row, load, folder, named))
        say("\n".join(report.started_lines(found[-1])))
    return found


def above(limit: float | None, table: Iterable[list[rounds.Cell]]) -> list[str]:
    """What --at-most finds."""
    cells = ((cell, cells[0]) for cells in table for cell in cells if (cell.row, cell.clients) == ("off", 8))
    ratios = [cell.ratio(reference) for cell, reference in cells]
    return [f"row off at 8 clients: {ratio:.2f}, above {limit}" for ratio in ratios if limit and ratio > limit]


def say(text: str) -> None:
    """A line of the report, at once."""
    print(text, flush=True)  # noqa: T201


def complain(text: str) -> None:
    """What is wrong, to whoever ran the command."""
    print(f"contrib/bench/run: {text}", file=sys.stderr)  # noqa: T201


def interrupted(number: int, _frame: object) -> NoReturn:
    """TERM ends as an exception does, so that every milter is stopped."""
    sys.exit(128 + number)


def bench(args: argparse.Namespace) -> int:
    """Everything asked for; 1 if --at-most was exceeded."""
    python = needs.python(args.python)
    about = machine.circumstances(python)
    say("\n".join(f"{key:<12}{value}" for key, value in about.items()))
    load = Load(needs.program("milterload"), site.WORKLOADS[args.workload])
    with tempfile.TemporaryDirectory(prefix="relaymilter-bench-") as folder:
        named = names(Path(folder), python, rows.policies_of(rows.chosen(args.rows, args.extra), args.site))
        table: list[list[rounds.Cell]] = []
        for transport in args.transports.split(","):
            table += speed(args, load, Path(folder), named, transport)
        held = holds(args, load, Path(folder), named)
        started = starts(load, Path(folder), named) if args.site == "large" else []
    if args.json:
        written = report.as_json(about, list(chain.from_iterable(table)), held, started)
        args.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    for found in (excess := above(args.at_most, table)):
        complain(found)
    return 1 if excess else 0


def main() -> int:
    """1 if an answer was wrong or --at-most exceeded, 69 if something needed is missing."""
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return bench(arguments())
    except WrongAnswer as wrong:
        complain(f"WRONG ANSWER, the figures are worthless: {wrong}")
        return 1
    except (needs.Missing, milters.DidNotStart, subprocess.SubprocessError) as missing:
        complain(str(missing))
        return 69
