# SPDX-License-Identifier: GPL-2.0-or-later
"""What the decision alone costs: relaymilter.policy in this process, from the raw path to the Decision.

The rule set is wired as the daemon wires it, for the site of site.py. Alone here, it imports
relaymilter.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import process_time_ns

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.policy.envelope import client, request
from relaymilter.policy.ruleset import Ruleset

from . import site

TARGET_US = 15.0
BATCH = 500
STRANGER = "192.0.2.7"


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of RCPT command; {n} in the path counts up, so that no two are the same."""

    name: str
    rule: str
    path: str = "<user{n}@example.org>"
    rcpt_addr: str | None = None
    login: str | None = None
    address: str = STRANGER


KINDS = (
    Kind("a local client to a third party", "local-client", "<user{n}@example.com>", address="10.1.2.3"),
    Kind("a local IPv6 client", "local-client", "<user{n}@example.com>", address="2001:db8:1::25"),
    Kind("a login to a third party", "authorised-login", "<user{n}@example.com>", login="joe"),
    Kind("a local recipient", "local-recipient", rcpt_addr="user{n}@example.org"),
    Kind("a recipient at a relay domain", "relay-domain", "<user{n}@relayed.example.net>"),
    Kind("relay refused", "no-rule", "<victim{n}@example.com>"),
    Kind("a percent hack refused", "no-rule", "<victim{n}%example.com@example.org>", "victim{n}@example.com"),
    Kind("a quoted path, local", "local-recipient", '<"john {n}"@example.org>', '"john {n}"@example.org'),
    Kind("a source route refused", "no-rule", "<@example.org:victim{n}@example.com>", "victim{n}@example.com"),
    Kind("a U-label", "local-recipient", "<user{n}@b\u00fccher.example>", "user{n}@xn--bcher-kva.example"),
    Kind("a malformed path", "bad-path", "<user{n}@example.org"),
)


def site_ruleset() -> Ruleset:
    """The rule set of the site, with a relay domain and a domain that has a U-label."""
    domains = (*site.DOMAINS, "xn--bcher-kva.example")
    given = {"local-network": site.NETWORKS, "local-domain": domains, "relay-domain": (".example.net",)}
    return ruleset(read(Flags(given)).settings.policy)


def batch_of(kind: Kind, rules: Ruleset) -> Callable[[], None]:
    """A function that decides BATCH requests of this kind. Ends the program if a rule is wrong."""
    numbers = [str(n) for n in range(BATCH)]
    paths = [kind.path.replace("{n}", n).encode() for n in numbers]
    macro = kind.rcpt_addr
    macros = [macro.replace("{n}", n).encode() if macro else None for n in numbers]
    pairs, who, login, decide = (
        list(zip(paths, macros, strict=True)),
        client(kind.address, 2525),
        kind.login,
        rules.decide,
    )
    for path, macro_value in pairs:
        found = decide(request(who, path, login=login, rcpt_addr=macro_value)).rule
        if found != kind.rule:
            sys.exit(f"WRONG ANSWER: {path!r} is decided by {found}, not {kind.rule}")

    def batch() -> None:
        for path, macro_value in pairs:
            decide(request(who, path, login=login, rcpt_addr=macro_value))

    return batch


def client_batch() -> None:
    """The client of BATCH connections."""
    for n in range(BATCH):
        client(f"192.0.2.{n % 250}", 2525)


def timed(batch: Callable[[], None], batches: int) -> tuple[float, float]:
    """Median and best of the batches, in us of CPU each."""
    batch()
    times = []
    for _ in range(batches):
        start = process_time_ns()
        batch()
        times.append((process_time_ns() - start) / 1000 / BATCH)
    return median(times), min(times)


def main() -> int:
    """Print the table; 1 if a kind is above the target at its best."""
    p = argparse.ArgumentParser(prog="contrib/bench/decision", description="us of CPU a decision, in this process")
    p.add_argument("--batches", type=int, default=60, help=f"of {BATCH} decisions each (%(default)s)")
    p.add_argument("--at-most", type=float, default=TARGET_US, help="us a kind may take at its best (%(default)s)")
    args = p.parse_args()
    rules = site_ruleset()
    lines = [("the client, once a connection", timed(client_batch, args.batches))]
    lines += [(kind.name, timed(batch_of(kind, rules), args.batches)) for kind in KINDS]
    table = [f"{'':<32}{'median us':>10}{'best us':>9}"]
    for name, (middle, best) in lines:
        table.append(f"{name:<32}{middle:>10.2f}{best:>9.2f}{'  above the target' if best > args.at_most else ''}")
    sys.stdout.write(f"Python {sys.version.split()[0]}\n" + "\n".join(table) + "\n")
    return 1 if any(best > args.at_most for _, (_, best) in lines) else 0
