"""Memory, descriptors and threads stay as they are, however long it runs; `--soak-seconds 1800` for half an hour."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon.process import Daemon
from tests.rig import MtaSettings, Namespace, Postfix, Sendmail, running
from tests.servers.unbound import Unbound
from tests.tables.kinds import kinds

from .conftest import SEEN
from .traffic import Traffic, busy

ENTRIES = {"relayed0.example": "OK"}
WARM = 0.4
"""The part of the time after which nothing may grow any more: caches and pools are full then."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the daemon's processes have together."""

    at: float
    rss: int
    descriptors: int
    threads: int


def sample(pids: list[int]) -> Sample:
    """RSS is in KiB."""
    status = [
        dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
        for pid in pids
    ]
    return Sample(
        time.monotonic(),
        sum(int(each["VmRSS"].split()[0]) for each in status),
        sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        sum(int(each["Threads"]) for each in status),
    )


@contextlib.contextmanager
def every_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A table of every type that there is, as values of --relay-domain."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(make(tmp_path_factory.mktemp("table"), ENTRIES)) for make in kinds().values()]
        yield [specimen.text for specimen in made]


@pytest.mark.parametrize("runtime", ["loop", "libmilter"])
def test_nothing_piles_up(
    namespace: Namespace,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    runtime: str,
) -> None:
    """And nothing is opened, nothing of ours refused for good, and no worker lost."""
    seconds, seed = request.config.getoption("--soak-seconds"), request.config.getoption("--seed")
    with every_table(tmp_path_factory) as tables, running(Unbound(folder / "unbound", "")) as unbound:
        flags = (
            *("--local-domain", "example.org", "--socket-mode", "0666", "--runtime", runtime, "--log-format", "json"),
            *(word for table in tables for word in ("--relay-domain", table)),
            *("--ledger", f"sqlite:{folder}/ledger.db", "--limit", "100000000 recipients/day per client"),
            *("--dnsbl", "bl.test", "--dns-server", unbound.server, "--cache-negative", "1"),
        )
        mtas = [kind(namespace, folder / kind.name, MtaSettings((f"unix:{folder}/s",))) for kind in (Postfix, Sendmail)]
        with Daemon(folder, *flags) as daemon, running(mtas[0]), running(mtas[1]):
            workers = daemon.workers()
            with busy(mtas, folder / "s", seed) as traffic:
                samples, ends = [], time.monotonic() + seconds
                while time.monotonic() < ends:
                    samples.append(sample([daemon.pid, *workers]))
                    time.sleep(min(1, seconds / 40))
            assert workers == daemon.workers()
    report(request, runtime, samples, traffic)
    assert traffic.opened == []
    assert {250} >= {code for (kind, code), _ in traffic.heard.items() if kind == "to us" and not 400 <= code < 500}
    assert min(traffic.heard["to us", 250], traffic.heard["a login", 250], traffic.heard["a victim's", 554]) > 0
    before, after = halves(samples)
    assert after.threads <= before.threads + 1
    assert after.descriptors <= before.descriptors + 20
    if seconds >= 120:
        assert after.rss <= before.rss * 1.05


def halves(samples: list[Sample]) -> tuple[Sample, Sample]:
    """The greatest of the middle, when all is warm, and of the last fifth."""

    def greatest(part: list[Sample]) -> Sample:
        return Sample(
            part[0].at, *(max(getattr(each, name) for each in part) for name in ("rss", "descriptors", "threads"))
        )

    count = len(samples)
    return greatest(samples[int(count * WARM) : int(count * 0.8)]), greatest(samples[int(count * 0.8) :])


def report(request: pytest.FixtureRequest, runtime: str, samples: list[Sample], traffic: Traffic) -> None:
    """What was measured, for the end of the run."""
    fifth = (samples[-1].at - samples[0].at) / 5
    waits = [[wait for at, wait in traffic.waits if int((at - samples[0].at) / fifth) == part] for part in range(5)]
    median = " ".join(f"{statistics.median(part) * 1000:.1f}" for part in waits if part)
    few = samples[:: max(1, len(samples) // 6)]
    heard = ", ".join(f"{kind} {code}: {number}" for (kind, code), number in sorted(traffic.heard.items()))
    request.config.stash.setdefault(SEEN, []).extend(
        (
            f"soak on {runtime}; median wait of RCPT in ms, by fifths of the time: {median}",
            "  RSS in KiB, descriptors, threads: " + "; ".join(f"{e.rss} {e.descriptors} {e.threads}" for e in few),
            f"  heard: {heard}",
        )
    )
