# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy and the mail of the benchmark: a site with ten local networks and a hundred local domains.

The client of every workload is a stranger (192.0.2.0/24 is in no network). The right answer is known, so
every answer is compared, and a wrong one fails the run.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

NETWORKS = (
    "127.0.0.0/8",
    "::1",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "!192.168.66.0/24",
    "198.51.100.0/24",
    "203.0.113.64/26",
    "2001:db8:1::/48",
    "fd12:3456:789a::/48",
)
DOMAINS = ("example.org", *(f"domain-{n:02}.example.net" for n in range(99)))


@dataclass(frozen=True, slots=True)
class Workload:
    """Mail to send: milterload's options for it, and the verdict that is right."""

    name: str
    options: tuple[str, ...]
    expect: str


WORKLOADS = {
    "permit": Workload("a stranger to a local mailbox", ("--rcpt", "user%d@example.org"), "permit"),
    "reject": Workload("a stranger to a third party", ("--rcpt", "victim%d@example.com"), "reject"),
}


def policy_flags(folder: Path) -> str:
    """Write the site's lists to files in the folder; relaymilter's flags for them, quoted for shlex."""
    flags = []
    for flag, names in (("--local-network", NETWORKS), ("--local-domain", DOMAINS)):
        path = folder / flag.strip("-")
        path.write_text("# written by contrib/bench\n" + "".join(f"{name}\n" for name in names), encoding="ascii")
        flags += [flag, shlex.quote(f"file:{path}")]
    return " ".join(flags)
