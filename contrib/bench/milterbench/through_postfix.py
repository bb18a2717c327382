# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages a second through a real Postfix: without a milter, and with one after the other of the rows.

Each row has a private Postfix of its own (tests/rig, unpacked by contrib/test), in a network without an outside; all
run throughout, and each round measures them one after the other. Medians, and the ratio to no milter.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.rig import PORT, MtaSettings, Namespace, Postfix, open_folder, running, why_unusable

from . import machine, milters, needs, process, rows, site

RECIPIENT = "bob@example.org"


@dataclass(slots=True)
class Measured:
    """A Postfix, its milter if it has one, and what each round gave: messages a second, CPU us a message."""

    name: str
    postfix: Postfix
    milter: milters.Running | None
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def send(self, messages: int, clients: int) -> None:
        """Send so many messages by so many clients at once."""
        words = ("smtp-source", "-s", str(clients), "-m", str(messages), "-f", "a@example.net", "-t", RECIPIENT)
        self.postfix.run(*words, f"{self.postfix.address}:{PORT}", timeout=120)

    def measure(self, messages: int, clients: int) -> None:
        """One round."""
        before, begun = self.used(), time.monotonic()
        self.send(messages, clients)
        self.rates.append(messages / (time.monotonic() - begun))
        self.cpu.append((self.used() - before) / messages * 1e6)

    def used(self) -> float:
        """CPU seconds of the milter so far."""
        return process.cpu_seconds(self.milter.popen.pid) if self.milter else 0.0


@contextmanager
def postfixes(chosen: list[rows.Row], names: dict[str, str]) -> Iterator[list[Measured]]:
    """No milter, then a Postfix for each row."""
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        network = stack.enter_context(Namespace())
        sockets = folder / "sockets"
        sockets.mkdir(mode=0o755)
        found: list[Measured] = []
        for row, milter in [
            (None, None),
            *((m.row, m) for m in stack.enter_context(milters.running(chosen, sockets, names))),
        ]:
            name = row.name if row else "none"
            if milter:
                Path(milter.socket.removeprefix("unix:")).chmod(0o666)
            settings = MtaSettings((milter.socket,) if milter else ())
            postfix = stack.enter_context(running(Postfix(network, folder / name, settings)))
            found.append(Measured(name, postfix, milter))
        yield found


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-r", "--rows", default="c,off,loop,loop-json", help="rows of contrib/bench/run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=20)
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
            "policy": site.policy_flags(Path(lists)),
        }
        chosen = [row for row in rows.chosen(asked.rows, []) if row.name in asked.rows.split(",")]
        with postfixes(chosen, names) as measured:
            for each in measured:
                each.send(asked.messages // 4, asked.clients)
            for _ in range(asked.rounds):
                for each in measured:
                    each.measure(asked.messages, asked.clients)
            report(measured, machine.circumstances(python), asked.clients)
    return 0


def report(measured: list[Measured], about: dict[str, str], clients: int) -> None:
    """The table."""
    for name, value in about.items():
        print(f"{name:<12}{value}")  # noqa: T201
    print(f"\nthrough Postfix, {clients} clients, unix socket\nmilter        msg/s  of none  CPU us/msg")  # noqa: T201
    first = statistics.median(measured[0].rates)
    for each in measured:
        rate = statistics.median(each.rates)
        print(f"{each.name:<12}{rate:7.0f}{rate / first:9.2f}{statistics.median(each.cpu):12.0f}")  # noqa: T201
