# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast `relaymilter replay` and its reader go through a log, and in how much memory, beside pflogsumm.

The log is of Postfix: one that is given, or sessions that are made up, again and again with other queue ids and later
time stamps until it is long enough. All read the same file, in turn, round by round; what one takes is the time on the
wall clock and that of all its processes. Memory is the most that was seen of all its processes together, ten times a
second: the sum of what is resident (which counts shared pages several times), and of the proportional sizes.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from relaymilter.audit.replay.logged_transaction import logged_transaction
from relaymilter.maillog.files import look
from relaymilter.maillog.joining import Joining
from relaymilter.maillog.reading import transactions
from relaymilter.maillog.stamps import stamp

from . import process

ROOT = Path(__file__).resolve().parent.parent.parent.parent
_BEGAN = 1_790_000_000
_ID = re.compile(rb"\b([0-9A-F]{9,12})(?=: |\b\))")
_STAMP = re.compile(rb"^(?:\w{3} [ \d]\d [\d:]{8}|\d{4}-\S+) ", re.MULTILINE)


class Run(NamedTuple):
    """What one reading took."""

    wall: float
    cpu: float
    rss_mib: float
    pss_mib: float


def sessions() -> bytes:
    """Of a thousand clients: two thirds send a message, half of those with a login, and one third is refused."""
    return b"".join(line.encode() for number in range(1000) for line in _session(number))


def _session(number: int) -> Iterator[str]:
    begin = f"2026-01-01T00:00:00Z mx postfix/smtpd[{100 + number % 40}]: "
    client = f"host{number}.example.net[192.0.{number % 200}.{number % 250}]"
    yield f"{begin}connect from {client}\n"
    if number % 3 == 2:
        yield (
            f"{begin}NOQUEUE: reject: RCPT from {client}: 554 5.7.1 <v{number}@example.com>: Relay access denied; "
            f"from=<a@example.net> to=<v{number}@example.com> proto=ESMTP helo=<client.example.net>\n"
        )
    else:
        yield from _message(number, begin, client)
    yield f"{begin}disconnect from {client} ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8\n"


def _message(number: int, begin: str, client: str) -> Iterator[str]:
    login = f", sasl_method=PLAIN, sasl_username=user{number % 500}@example.org" if number % 2 else ""
    queue_id = f"A{number:09X}"
    here = f"2026-01-01T00:00:00Z mx postfix/%s: {queue_id}: "
    yield (
        f"{begin}Anonymous TLS connection established from {client}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
        "(256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256\n"
    )
    yield f"{begin}{queue_id}: client={client}{login}\n"
    yield here % "cleanup[99]" + f"message-id=<{number}@host{number}.example.net>\n"
    yield here % "qmgr[7]" + f"from=<user{number % 500}@example.org>, size=1234, nrcpt=1 (queue active)\n"
    yield here % "smtp[98]" + (
        f"to=<r{number % 700}@dom{number % 300}.example>, relay=mx.dom{number % 300}.example[192.0.2.9]:25, delay=0.5, "
        "delays=0.1/0/0.1/0.3, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F2A)\n"
    )
    yield here % "qmgr[7]" + "removed\n"


def write_log(path: Path, seed: bytes, most: int) -> int:
    """Write about so many lines; how many they are."""
    count, lines, number = seed.count(b"\n"), 0, 0
    with path.open("wb") as log:
        while lines < most:
            prefix = b"%05X" % number
            written = _STAMP.sub(stamp(_BEGAN + 60 * number) + b" ", seed)
            log.write(_ID.sub(lambda found, prefix=prefix: prefix + found[1][-7:], written))  # type: ignore[misc]
            lines, number = lines + count, number + 1
    return lines


def measured(command: Sequence[str]) -> Run:
    """Run it to its end."""
    began, rss, pss = time.monotonic(), 0.0, 0.0
    before = os.times()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as running:
        while running.poll() is None:
            now = process.memory(running.pid)
            rss, pss = max(rss, now.rss_mib), max(pss, now.pss_mib)
            time.sleep(0.1)
    after = os.times()
    if running.returncode:
        raise SystemExit(f"{command[0]} failed: {running.returncode}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(time.monotonic() - began, cpu, rss, pss)


def read_only(path: str) -> int:
    """The reader by itself."""
    joining = Joining()
    for _ in transactions([look(path)], logged_transaction, joining, lambda octets: None):
        pass
    return 0


def main() -> int:
    """Measure what is asked for."""
    asked = _arguments()
    if asked.read:
        return read_only(asked.read)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail.log"
        seed = asked.log.read_bytes() if asked.log else sessions()
        _compare(asked, path, write_log(path, seed, asked.lines))
        if asked.memory:
            lines = write_log(path, seed, asked.memory)
            for name, command in _commands(asked, path).items():
                if name != "pflogsumm":
                    _print(name, lines, [measured(command)], None)
    return 0


def _compare(asked: argparse.Namespace, path: Path, lines: int) -> None:
    commands = _commands(asked, path)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            runs[name].append(measured(command))
    for name, taken in runs.items():
        _print(name, lines, taken, runs.get("pflogsumm"))


def _commands(asked: argparse.Namespace, path: Path) -> dict[str, list[str]]:
    replay = [sys.executable, "-m", "relaymilter", "replay", str(path), "--local-domain", "example.org"]
    commands = {
        "the reader": [sys.executable, str(ROOT / "contrib/bench/replay"), "--read", str(path)],
        "replay": replay,
        "replay, with a ledger": [*replay, "--ledger", "memory:"],
    }
    return {"pflogsumm": [*asked.pflogsumm.split(), str(path)], **commands} if asked.pflogsumm else commands


def _print(name: str, lines: int, runs: list[Run], reference: list[Run] | None) -> None:
    wall = median(run.wall for run in runs)
    ratio = "" if reference is None else f", {_ratio(runs, reference):.2f} times as many as pflogsumm"
    print(  # noqa: T201
        f"{name:<22} {lines:,} lines: {wall:.1f} s, {lines / wall:,.0f} lines/s{ratio}; CPU "
        f"{median(run.cpu for run in runs):.1f} s; at most {max(run.rss_mib for run in runs):.0f} MiB RSS, "
        f"{max(run.pss_mib for run in runs):.0f} MiB PSS"
    )


def _ratio(runs: list[Run], reference: list[Run]) -> float:
    return median(theirs.wall / ours.wall for ours, theirs in zip(runs, reference, strict=True))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how fast logs are read, and in how much memory.")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the log that all read")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--log", type=Path, help="a Postfix log to repeat, in place of sessions that are made up")
    parser.add_argument("--pflogsumm", default="", metavar="COMMAND", help="to compare with it (Debian: pflogsumm)")
    parser.add_argument("--memory", type=int, default=0, metavar="LINES", help="read so many once more, without rounds")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    return parser.parse_args()
