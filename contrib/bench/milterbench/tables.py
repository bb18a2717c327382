# SPDX-License-Identifier: GPL-2.0-or-later
"""What a table that must be asked costs a decision: one in an SQL server that is down, and one that is cached.

The server is PostgreSQL's port on the loopback with nobody behind it, through the driver that the daemon would use. The
rule sets are measured by turns, so that a slow spell of the machine touches all of them.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import process_time_ns

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.lookups import waiting
from relaymilter.policy.envelope import client, request
from relaymilter.policy.ports import Table
from relaymilter.policy.ruleset import Ruleset
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import Loaded, TableError

from . import site

BATCH = 500
AT_MOST = 1.05
STRANGER = client("192.0.2.7", 2525)
DESCRIPTION = """host = "127.0.0.1"
port = 1
dbname = "mail"
user = "mail"
query = "SELECT 1 FROM domains WHERE name = :key"
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """A table that has to be waited for, and answers at once."""

    name: str = "bench:answers"
    waits: bool = True

    def find(self, key: str) -> str | None:
        """Every domain of three labels is there."""
        return "OK" if key.count(".") == 2 and not key.startswith(".") else None


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of RCPT command to decide on, the rule set that does, and the rule that is to be the outcome."""

    name: str
    rules: Ruleset
    path: str
    rule: str


def rules(*asked: Table) -> Ruleset:
    """The rule set of the site, with these tables of local domains."""
    given = {"local-network": site.NETWORKS, "local-domain": site.DOMAINS, "relay-domain": (".example.net",)}
    policy = read(Flags(given)).settings.policy
    local = replace(policy.local, domains=replace(policy.local.domains, asked=asked))
    return ruleset(replace(policy, local=local))


def dead_table(folder: Path) -> Table:
    """PostgreSQL where there is none. Raises TableError without its driver."""
    path = folder / "postgresql.toml"
    path.write_text(DESCRIPTION)
    table = open_table(f"postgresql:{path}")
    if isinstance(table, Loaded):
        raise TableError(f"{path} was read, not opened")
    return table


def kinds(folder: Path) -> list[Kind]:
    """The first is what the second is compared with."""
    dead, cached = rules(dead_table(folder)), rules(Answers())
    return [
        Kind("local, in memory, no table", rules(), "<user{n}@example.org>", "local-recipient"),
        Kind("the same, with a table that is down", dead, "<user{n}@example.org>", "local-recipient"),
        Kind("needs the table that is down", dead, "<user{n}@example.com>", "uncertain"),
        Kind("a yes of the cache", cached, "<user{n}@mail.example.com>", "local-recipient"),
        Kind("a no of the cache", cached, "<user{n}@example.com>", "no-rule"),
    ]


def batch_of(kind: Kind) -> Callable[[], None]:
    """A function that decides BATCH requests of this kind. Ends the program if a decision is wrong."""
    paths = [kind.path.replace("{n}", str(n)).encode() for n in range(BATCH)]
    decide = kind.rules.decide
    for path in paths:
        found = decide(request(STRANGER, path)).rule
        if found != kind.rule:
            sys.exit(f"WRONG ANSWER: {path!r} is decided by {found}, not {kind.rule}")

    def batch() -> None:
        for path in paths:
            decide(request(STRANGER, path))

    return batch


def measure(batches: list[Callable[[], None]], rounds: int) -> list[list[float]]:
    """us of CPU a decision: for each batch, of each round."""
    times: list[list[float]] = [[] for _ in batches]
    for _ in range(rounds):
        for taken, batch in zip(times, batches, strict=True):
            start = process_time_ns()
            batch()
            taken.append((process_time_ns() - start) / 1000 / BATCH)
    return times


def main() -> int:
    """Print the table; 1 if the table that is down costs more than it may, 69 if its driver is missing."""
    p = argparse.ArgumentParser(prog="contrib/bench/tables", description="us of CPU a decision, in this process")
    p.add_argument("--rounds", type=int, default=60, help=f"of {BATCH} decisions of each kind (%(default)s)")
    p.add_argument("--at-most", type=float, default=AT_MOST, help="ratio of the second row (%(default)s)")
    args = p.parse_args()
    waiting.allow()
    logging.disable()  # the breaker's warnings
    try:
        with tempfile.TemporaryDirectory(prefix="relaymilter-bench-") as folder:
            measured = kinds(Path(folder))
    except TableError as missing:
        sys.stderr.write(f"contrib/bench/tables: {missing}\n")
        return 69
    times = measure([batch_of(kind) for kind in measured], args.rounds)
    ratio = median(dead / alive for alive, dead in zip(times[0], times[1], strict=True))
    sys.stdout.write(f"Python {sys.version.split()[0]}\n{'':<38}{'median us':>10}{'best us':>9}\n")
    for kind, taken in zip(measured, times, strict=True):
        sys.stdout.write(f"{kind.name:<38}{median(taken):>10.2f}{min(taken):>9.2f}\n")
    sys.stdout.write(f"with a table that is down / without: {ratio:.3f}\n")
    return 1 if ratio > args.at_most else 0
