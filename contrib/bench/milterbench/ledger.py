# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger by itself: what a decision costs with each, and how large a year of many logins is.

One login lives a year by the policy's own functions, on five days of seven: a dozen recipients a day of a circle that
grows, from home, office and a phone. Its record then stands for all logins, each with as many hashes of its own.
"""

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from relaymilter.ledger import schema
from relaymilter.ledger.memory import MemoryLedger
from relaymilter.ledger.registry import open_ledger
from relaymilter.lookups import waiting
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import client, request
from relaymilter.policy.guard.charges import Charges
from relaymilter.policy.ports import Ledger
from relaymilter.policy.recipients import Ours

DAY = 86_400
HOME, OFFICE = "192.0.2.7", "198.51.100.7"
PERSON = "login person"


def charges(ledger: Ledger, now: float | None = None) -> Charges:
    """With the default thresholds; `now` in place of the clock."""
    ours = Ours(DomainList(frozenset({"example.org"})))
    return Charges(ledger, MemoryLedger(), b"k" * 32, time.time if now is None else lambda: now, ours)


def a_year() -> tuple[bytes, int]:
    """The record of a login after a year, and how many hashes are remembered of it."""
    ledger, chance, now = MemoryLedger(), random.Random(1), time.time() - 365 * DAY  # noqa: S311
    for day in range(365):
        now += DAY
        for _ in range(12 if day % 7 < 5 else 0):
            where = chance.choice([HOME, OFFICE, f"100.{64 + day % 30}.{chance.randrange(20)}.7"])
            friend = int(chance.paretovariate(0.8)) % (200 + day)
            asked = request(client(where), b"<friend-%d@example.com>" % friend, login="person", helo=b"laptop")
            charges(ledger, now).judge(asked)
    record = ledger.read(PERSON, int(now))
    if record is None:
        raise SystemExit("nothing is kept of the year")
    return record, ledger.remembered(PERSON, int(now))


def fill(path: Path, logins: int) -> str:
    """Write the year of so many logins into a database that is not there yet: what was written."""
    record, hashes = a_year()
    until = int(time.time()) + 180 * DAY
    with closing(schema.connect(str(path))) as connection:
        connection.execute("BEGIN")
        for number in range(1, logins + 1):
            values = (number, f"login login-{number}".encode(), record, until, until // DAY, hashes)
            connection.execute("INSERT INTO subjects (id, name, record, until, day, kept) VALUES (?,?,?,?,?,?)", values)
            mine = [(number, os.urandom(8), until) for _ in range(hashes)]
            connection.executemany("INSERT OR IGNORE INTO hashes VALUES (?,?,?)", mine)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size / 2**20
    return f"{logins} logins, {len(record)} octets and {hashes} hashes each: {size:.0f} MiB"


def decisions(ledger: Ledger, threads: int, seconds: float, logins: int) -> tuple[int, float]:
    """How many in that time, of so many logins to somebody new, and us of CPU of this process for one."""
    charging, until = charges(ledger), time.monotonic() + seconds

    def decide(thread: int) -> int:
        count, chance = 0, random.Random(thread)  # noqa: S311
        with waiting.allowing():
            while time.monotonic() < until:
                login = f"login-{chance.randrange(logins) + 1}"
                path = b"<p%d@example.com>" % chance.getrandbits(40)
                charging.judge(request(client(HOME), path, login=login, helo=b"laptop"))
                count += 1
        return count

    begun = time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        total = sum(pool.map(decide, range(threads)))
    return total, (time.process_time() - begun) * 1e6 / total


def main() -> int:
    """Print what was asked for."""
    p = argparse.ArgumentParser(prog="contrib/bench/ledger", description=__doc__.partition("\n")[0])
    p.add_argument("ledger", nargs="*", help="others than memory: and a new file of SQLite, such as redis:/FILE")
    p.add_argument("--logins", type=int, default=20_000, help="(%(default)s)")
    p.add_argument("--threads", type=int, default=1, help="that decide at once (%(default)s)")
    p.add_argument("--seconds", type=float, default=5, help="of each measurement (%(default)s)")
    args = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="relaymilter-bench-") as folder:
        path = Path(folder) / "ledger.db"
        sys.stdout.write(f"{fill(path, args.logins)}\n{'ledger':<24}{'decisions/s':>12}{'CPU us':>8}\n")
        for name in ("memory:", f"sqlite:{path}", *args.ledger):
            count, cpu = decisions(open_ledger(name), args.threads, args.seconds, args.logins)
            sys.stdout.write(f"{name.rpartition('/')[2]:<24}{count / args.seconds:>12.0f}{cpu:>8.0f}\n")
            sys.stdout.flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"peak RSS of this process: {peak:.0f} MiB\n")
    return 0
