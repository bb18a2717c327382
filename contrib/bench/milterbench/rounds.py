# SPDX-License-Identifier: GPL-2.0-or-later
"""Measurement: every milter runs throughout; a round measures them one after the other, so that a slow spell
of the machine touches all of them, and medians leave it out."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from statistics import median, quantiles

from . import machine, process
from .load import Load, WrongAnswer
from .milters import Running

WARM_UP_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Sample:
    """One milter in one round: CPU of its family in us a session, times in us, and the share of the machine
    that its host gave to others meanwhile: figures with much of it are worth less."""

    cpu_us: float
    sessions: float
    sessions_per_s: float
    rcpt_p50_us: float
    rcpt_p99_us: float
    session_p50_us: float
    session_p99_us: float
    stolen: float


@dataclass(frozen=True, slots=True)
class Cell:
    """All rounds of one milter at one number of clients."""

    row: str
    transport: str
    clients: int
    samples: list[Sample]

    def middle(self) -> dict[str, float]:
        """The median of each figure."""
        rounds = [asdict(sample) for sample in self.samples]
        return {key: median(sample[key] for sample in rounds) for key in rounds[0]}

    def middle_half(self) -> tuple[float, float]:
        """The quartiles of the CPU, between which half of the rounds lie."""
        cpu = [sample.cpu_us for sample in self.samples]
        low, _, high = quantiles(cpu, n=4, method="inclusive") if len(cpu) > 1 else cpu * 3
        return low, high

    def ratio(self, reference: "Cell") -> float:
        """Median CPU over that of the reference."""
        return self.middle()["cpu_us"] / max(reference.middle()["cpu_us"], 0.1)


def sample(milter: Running, load: Load, clients: int, seconds: float, rate: float = 0) -> Sample:
    """Measure one milter once."""
    stolen, before = machine.stolen_ticks(), process.cpu_seconds(milter.popen.pid)
    result = load.run(milter.socket, clients, seconds, rate)
    cpu = process.cpu_seconds(milter.popen.pid) - before
    return Sample(cpu_us=cpu * 1e6 / result["sessions"], stolen=machine.stolen_since(stolen), **result)


def measure(
    milters: list[Running],
    load: Load,
    transport: str,
    clients: Iterable[int],
    rounds: int,
    seconds: float,
    share: float | None = None,
) -> Iterator[list[Cell]]:
    """A cell for each milter, in their order, on one transport, for one number of clients after the other.

    `share`: then the same again, each at this share of the sessions a second that it took.
    """
    for milter in milters:
        load.prepare(milter.socket)
    for number in clients:
        cells = [Cell(milter.row.name, transport, number, []) for milter in milters]
        for milter in milters:
            load.run(milter.socket, number, WARM_UP_SECONDS)
        for _ in range(rounds):
            for cell, milter in zip(cells, milters, strict=True):
                cell.samples.append(sample(milter, load, number, seconds))
        yield cells
        if share is not None:
            rates = [share * cell.middle()["sessions_per_s"] for cell in cells]
            paced = [Cell(f"{cell.row} {share:.0%}", transport, number, []) for cell in cells]
            for _ in range(rounds):
                for cell, milter, rate in zip(paced, milters, rates, strict=True):
                    cell.samples.append(sample(milter, load, number, seconds, rate))
            yield paced


def require_log(milter: Running, cells: Iterable[Cell]) -> None:
    """A row that claims to log must have written a line a decision, and one that does not, none."""
    decisions = sum(sample.sessions for cell in cells if cell.row == milter.row.name for sample in cell.samples)
    lines = milter.lines()
    if milter.row.logs and lines < decisions:
        raise WrongAnswer(f"{milter.row.name}: {lines} log lines for {decisions:.0f} decisions")
    if milter.row.logs is False and lines > 100:
        raise WrongAnswer(f"{milter.row.name}: {lines} lines written, though its decision log is off")
