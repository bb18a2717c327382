# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy and the mail of the benchmark: a site with ten local networks and a hundred local domains.

And a large one, with 100,000 networks, IPv4 and IPv6, of many prefix lengths, some excluded, and a million domains.

The client of every workload is a stranger (192.0.2.0/24 is in no network). The right answer is known, so
every answer is compared, and a wrong one fails the run.
"""

import ipaddress
import random
import shlex
import subprocess
from collections.abc import Iterable, Iterator
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
    first: int = 0
    """Sessions before anything is measured."""


WORKLOADS = {
    "permit": Workload("a stranger to a local mailbox", ("--rcpt", "user%d@example.org"), "permit"),
    "login": Workload(
        "a login that sends as a mailbox of its own to a third party",
        ("--auth", "login-00077", "--from", "mailbox-000077@example.org", "--rcpt", "victim%d@example.com"),
        "permit",
    ),
    "send": Workload(
        "20,000 logins to third parties, to somebody new each time",
        ("--auth", "login-%d", "--from", "someone@example.org", "--rcpt", "person%d@example.com"),
        "permit",
    ),
    "known": Workload(
        "20,000 logins to a third party whom they know",
        ("--auth", "login-%d", "--from", "someone@example.org", "--rcpt", "friend@example.com"),
        "permit",
        first=60_000,  # three of each login: a ledger knows the friend then, and the program
    ),
    "reject": Workload("a stranger to a third party", ("--rcpt", "victim%d@example.com"), "reject"),
}


LARGE_NETWORKS = 100_000
LARGE_DOMAINS = 1_000_000
LOGINS = 100_000
MAILBOXES = 500_000
LENGTHS = {
    4: (16, 18, 20, 22, 24, 24, 24, 26, 28, 29, 30, 32, 32),
    6: (32, 36, 40, 44, 48, 48, 52, 56, 60, 64, 64, 128),
}

WRITE_LMDB = """
import sys, lmdb
with lmdb.open(sys.argv[1], subdir=False, map_size=1 << 30) as file, file.begin(write=True) as all_of_it:
    for line in open(sys.argv[2], "rb"):
        if not line.startswith(b"#"):
            all_of_it.put(line.strip(), b"yes")
"""


def large_networks() -> Iterator[str]:
    """The same ones each time, none of which holds the client."""
    yield from NETWORKS
    chance = random.Random(1)  # noqa: S311
    for number in range(LARGE_NETWORKS - len(NETWORKS)):
        version = 6 if number % 2 else 4
        length = chance.choice(LENGTHS[version])
        bits = 0x2A00 << 112 | chance.getrandbits(112) if version == 6 else chance.randrange(20 << 24, 150 << 24)
        first = (ipaddress.IPv6Address if version == 6 else ipaddress.IPv4Address)(bits)
        yield f"{'!' if chance.random() < 0.1 else ''}{ipaddress.ip_network((first, length), strict=False)}"


def large_domains() -> Iterator[str]:
    """Names as a hoster has them."""
    yield from DOMAINS
    yield from (f"customer-{n:07}.example.{('net', 'com')[n % 2]}" for n in range(LARGE_DOMAINS - len(DOMAINS)))


def policy_flags(folder: Path) -> str:
    """Write the site's lists to files in the folder; relaymilter's flags for them, quoted for shlex."""
    return _flags(networks=_written(folder / "networks", NETWORKS), domains=_written(folder / "domains", DOMAINS))


def large_flags(folder: Path, python: str) -> dict[str, str]:
    """Write the large site's lists; relaymilter's flags for them, and for the same with the domains in an LMDB file."""
    networks = _written(folder / "large-networks", large_networks())
    domains = _written(folder / "large-domains", large_domains())
    database = folder / "large-domains.lmdb"
    subprocess.run([python, "-c", WRITE_LMDB, database, folder / "large-domains"], check=True, timeout=120)
    return {"large": _flags(networks, domains), "lmdb": _flags(networks, f"lmdb:{database}")}


def bound_flags(folder: Path) -> str:
    """Write 100,000 logins, and five mailboxes that each owns; relaymilter's flags for them."""
    logins = _written(folder / "logins", (f"login-{n:05}" for n in range(LOGINS)))
    owned = (f"mailbox-{n:06}@example.org login-{n % LOGINS:05}" for n in range(MAILBOXES))
    mailboxes = _written(folder / "mailboxes", owned)
    return f"--authorised-login {shlex.quote(logins)} --sender-login {shlex.quote(mailboxes)}"


def _written(path: Path, entries: Iterable[str]) -> str:
    path.write_text("# written by contrib/bench\n" + "".join(f"{entry}\n" for entry in entries), encoding="ascii")
    return f"file:{path}"


def _flags(networks: str, domains: str) -> str:
    return f"--local-network {shlex.quote(networks)} --local-domain {shlex.quote(domains)}"
