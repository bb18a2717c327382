# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages a second through a real Postfix: without a milter, and with one after the other of the rows.

Each row has, on each transport, a private Postfix of its own (tests/rig, unpacked by contrib/test), in a network
without an outside; all run throughout, and each round measures them one after the other, every other round backwards.
Medians, the ratio to no milter, and that to bareloop.py: of the same round each, the median, and how sure that is.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.rig import PORT, MtaSettings, Namespace, Postfix, Release, open_folder, running, wait_for, why_unusable

from . import machine, milters, needs, process, rows, site

RECIPIENT = "bob@example.org"
RESAMPLES = 2000
HEAD = "milter                msg/s  of none  of bare  95 of 100        CPU us/msg  over bare"


@dataclass(slots=True)
class Measured:
    """A Postfix, its milter if it has one, and what each round gave: messages a second, CPU us a message."""

    name: str
    postfix: Postfix
    milter: milters.Running | None
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def row(self) -> str:
        """The row that it measures; none without a milter."""
        return self.milter.row.name if self.milter else ""

    @property
    def transport(self) -> str:
        """What it speaks to its milter by: unix or inet."""
        return self.milter.socket.partition(":")[0] if self.milter else ""

    def send(self, messages: int, clients: int) -> None:
        """Send so many messages by so many clients at once."""
        words = ("smtp-source", "-s", str(clients), "-m", str(messages), "-f", "a@example.net", "-t", RECIPIENT)
        self.postfix.run(*words, f"{self.postfix.address}:{PORT}", timeout=120)

    def measure(self, messages: int, clients: int) -> None:
        """One round, begun and ended with an empty queue, so that no row pays for the mail of another."""
        before, begun = self.used(), time.monotonic()
        self.send(messages, clients)
        self.rates.append(messages / (time.monotonic() - begun))
        self.cpu.append((self.used() - before) / messages * 1e6)
        self.wait_until_empty()

    def wait_until_empty(self) -> None:
        """Until everything is delivered."""
        queues = [self.postfix.directory / "queue" / name for name in ("incoming", "active")]
        wait_for(lambda: not any(path.is_file() for queue in queues for path in queue.rglob("*")), "an empty queue")

    def used(self) -> float:
        """CPU seconds of the milter so far."""
        return process.cpu_seconds(self.milter.popen.pid) if self.milter else 0.0


def as_postfix_writes(socket: str) -> str:
    """inet:PORT@HOST as inet:HOST:PORT; a unix socket as it is."""
    port, at, host = socket.removeprefix("inet:").partition("@")
    return f"inet:{host}:{port}" if at else socket


@contextmanager
def postfixes(chosen: list[rows.Row], names: dict[str, str], transports: list[str]) -> Iterator[list[Measured]]:
    """No milter, then a Postfix for each row and transport; this thread stays in their network."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        network = stack.enter_context(Namespace(Release.DEBIAN_12))
        network.enter()
        found = [Measured("none", stack.enter_context(running(Postfix(network, folder / "none", MtaSettings()))), None)]
        for transport in transports:
            sockets = folder / transport
            sockets.mkdir(mode=0o755)
            for milter in stack.enter_context(milters.running(chosen, sockets, names, tcp=transport == "tcp")):
                if transport == "unix":
                    Path(milter.socket.removeprefix("unix:")).chmod(0o666)
                name = f"{milter.row.name}-{transport}"
                postfix = Postfix(network, folder / name, MtaSettings((as_postfix_writes(milter.socket),)))
                found.append(Measured(name, stack.enter_context(running(postfix)), milter))
        yield found


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("extra", nargs="*", metavar="NAME=COMMAND", help="more milters, as for contrib/bench/run")
    parser.add_argument(
        "-r", "--rows", default="c,off,json,bare,libmilter", help="rows of contrib/bench/run (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=20, help="(%(default)s)")
    parser.add_argument("--messages", type=int, default=400, help="in a round (%(default)s)")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--transports", default="unix,tcp", help="of unix and tcp (%(default)s)")
    asked = parser.parse_args()
    if reason := why_unusable():
        print(f"postfix: {reason}; run contrib/test once", file=sys.stderr)  # noqa: T201
        return 69
    python = needs.python(None)
    with tempfile.TemporaryDirectory() as lists:
        names = {
            "python": python,
            "tree": str(needs.TREE),
            "refmilter": str(needs.program("refmilter")),
            "pyref": str(needs.HERE / "pyref.py"),
            "bareloop": str(needs.HERE / "bareloop.py"),
            "policy": site.policy_flags(Path(lists)),
        }
        asked_for = {*asked.rows.split(","), *(extra.partition("=")[0] for extra in asked.extra)}
        chosen = [row for row in rows.chosen(asked.rows, asked.extra) if row.name in asked_for]
        with postfixes(chosen, names, asked.transports.split(",")) as measured:
            for each in measured:
                each.send(asked.messages // 4, asked.clients)
                each.wait_until_empty()
            for number in range(asked.rounds):
                for each in reversed(measured) if number % 2 else measured:
                    each.measure(asked.messages, asked.clients)
            report(measured, machine.circumstances(python), asked.clients)
    return 0


def ratio(rates: list[float], others: list[float]) -> tuple[float, float, float]:
    """The median over rounds of the ratio in each, and between what 95 of 100 such medians would lie (bootstrap)."""
    ratios = [rate / other for rate, other in zip(rates, others, strict=True)]
    chance = random.Random(1)  # noqa: S311
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return statistics.median(ratios), medians[RESAMPLES // 40], medians[-RESAMPLES // 40]


def report(measured: list[Measured], about: dict[str, str], clients: int) -> None:
    """The table."""
    for name, value in about.items():
        print(f"{name:<12}{value}")  # noqa: T201
    print(f"\nthrough Postfix, {clients} clients, {len(measured[0].rates)} rounds\n{HEAD}")  # noqa: T201
    bare = {each.transport: each for each in measured if each.row == rows.BARE}
    for each in measured:
        rate, cpu = statistics.median(each.rates), statistics.median(each.cpu)
        of_none, _, _ = ratio(each.rates, measured[0].rates)
        line = f"{each.name:<20}{rate:7.0f}{of_none:9.2f}"
        if each.transport in bare:
            other = bare[each.transport]
            of_bare, low, high = ratio(each.rates, other.rates)
            more = statistics.median(mine - its for mine, its in zip(each.cpu, other.cpu, strict=True))
            line += f"{of_bare:9.3f}  {f'({low:.3f}-{high:.3f})':<15}{cpu:12.0f}{more:11.0f}"
        else:
            line += f"{'-':>9}  {'':<15}{cpu:12.0f}{'-':>11}"
        print(line)  # noqa: T201
