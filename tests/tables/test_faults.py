"""Every table that a server answers for, while that server is down, dies, hangs and comes back.

Never a yes that should not be, never a no for a key that is there: what cannot be found out is LookupFailed.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from relaymilter.lookups import breaker, waiting
from relaymilter.lookups.guard import GuardedTable, Limits
from relaymilter.policy.ports import LookupFailed, Table
from relaymilter.tables.registry import open_table
from tests.rig.waiting import wait_for

from .kinds import Make, Server, Specimen, kinds

ENTRIES = {"example.org": "OK", "example.net": "OK"}
WITHOUT_SERVER = ("file", "inline", "lmdb", "postfix", "sendmail", "sqlite")
"""What the names of kinds begin with that no server answers for."""
NO_CACHE = Limits(positive=0, negative=0)
LONG = 6.0
"""Seconds that no question may take; on an idle machine it is 2."""

SERVED = {name: make for name, make in kinds().items() if not name.startswith(WITHOUT_SERVER)}


class Clock:
    """Goes only when it is told to, but for a pause after which the breaker lets a question through."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float = breaker.LONGEST_PAUSE + 1) -> None:
        """Later."""
        self.now += seconds


@pytest.fixture(scope="module", params=[pytest.param(make, id=name) for name, make in SERVED.items()])
def specimen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Specimen]:
    """A table with ENTRIES, and a server."""
    make: Make = request.param
    with make(tmp_path_factory.mktemp("table"), ENTRIES) as made:
        assert made.server is not None, "a kind without a server belongs into WITHOUT_SERVER"
        yield made


@pytest.fixture
def server(specimen: Specimen) -> Server:
    """Its server; a test leaves it as it found it: running."""
    assert specimen.server is not None
    return specimen.server


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Sixteen threads that may wait, as those of the milter's pool; all of them have begun."""
    with ThreadPoolExecutor(16, initializer=waiting.allow) as pool:
        all_of_them = threading.Barrier(16)
        list(pool.map(lambda _: all_of_them.wait(20), range(16)))
        yield pool


@contextmanager
def down(server: Server) -> Iterator[None]:
    """Meanwhile it is dead."""
    server.kill()
    try:
        yield
    finally:
        server.start()


def opened(specimen: Specimen) -> Table:
    """The table, anew."""
    table = open_table(specimen.text)
    assert hasattr(table, "find")
    assert table.waits
    return table


def outcome(table: GuardedTable, key: str) -> str | None:
    """The answer, or `failed`; whatever is asked, it is not asked for too long."""
    began = time.monotonic()
    try:
        return table.find(key)
    except LookupFailed:
        return "failed"
    finally:
        assert time.monotonic() - began < LONG


def outcomes(threads: ThreadPoolExecutor, table: GuardedTable, *keys: str) -> list[str | None]:
    """Of questions asked at the same time."""
    return list(threads.map(lambda key: outcome(table, key), keys))


def value(specimen: Specimen) -> str:
    """Of a key that is there."""
    return "OK" if specimen.keeps_values else ""


def test_down_at_the_start(specimen: Specimen, server: Server, threads: ThreadPoolExecutor) -> None:
    """The table can be opened, gives no answer, opens the breaker, and is asked when the pause is over."""
    clock = Clock()
    with down(server):
        table = GuardedTable(opened(specimen), NO_CACHE, clock)
        keys = ("example.org", "example.com", "example.net") * 2
        assert {"failed"} == set(outcomes(threads, table, *keys))
    assert ["failed"] * 2 == outcomes(threads, table, "example.org", "example.com")
    clock.go(breaker.FIRST_PAUSE + 0.1)
    assert [value(specimen)] == outcomes(threads, table, "example.org")
    assert [None, value(specimen)] == outcomes(threads, table, "example.com", "example.net")


def test_killed_while_threads_ask(specimen: Specimen, server: Server, threads: ThreadPoolExecutor) -> None:
    """No answer is wrong, before, meanwhile, or after; and all threads get answers again."""
    clock, seen, stop = Clock(), Counter[tuple[str, str | None]](), threading.Event()
    table = GuardedTable(opened(specimen), NO_CACHE, clock)

    def ask(key: str) -> None:
        while not stop.is_set():
            found = outcome(table, key)
            seen[key, found] += 1
            if found == "failed":
                stop.wait(0.005)

    good, bad = ("example.org", value(specimen)), ("example.com", None)
    asking = [threads.submit(ask, key) for key in ("example.org", "example.com") * 6]
    try:
        wait_for(lambda: seen[good] and seen[bad], "answers before it is killed")
        with down(server):
            wait_for(lambda: seen["example.org", "failed"], "it is missed")
        seen[good] = seen[bad] = 0

        def answered() -> bool:
            clock.go()
            return seen[good] > 20 and seen[bad] > 20

        wait_for(answered, "answers after it is back")
    finally:
        stop.set()
    for future in asking:
        future.result(20)
    assert {good, bad, ("example.org", "failed"), ("example.com", "failed")} >= set(seen)


def test_hangs_and_goes_on(specimen: Specimen, server: Server, threads: ThreadPoolExecutor) -> None:
    """With connections that it has, and with new ones: no answer in bounded time; and later to each key its own."""
    clock = Clock()
    known, new = (GuardedTable(opened(specimen), NO_CACHE, clock) for _ in range(2))
    assert [value(specimen), None] == outcomes(threads, known, "example.org", "example.com")
    server.hang()
    try:
        asked = [(table, key) for table in (known, new) for key in ("example.org", "example.com", "example.net")]
        found = list(threads.map(lambda pair: outcome(*pair), asked))
        at_once = [outcome(known, "example.org") for _ in range(100)]
    finally:
        server.resume()
    assert ["failed"] * 6 == found
    assert {"failed"} == set(at_once)
    clock.go()
    for table in (known, new):
        wait_for(lambda table=table: clock.go() or outcomes(threads, table, "example.org") != ["failed"], "it goes on")
        keys = ("example.com", "example.org", "example.net", "example.com") * 4
        expected = [None, value(specimen), value(specimen), None] * 4
        assert expected == outcomes(threads, table, *keys)


def test_nothing_grows(specimen: Specimen, server: Server, threads: ThreadPoolExecutor) -> None:
    """Neither descriptors nor threads, over many deaths of the server."""
    clock = Clock()
    table = GuardedTable(opened(specimen), NO_CACHE, clock)
    counts = []
    for _ in range(6):
        wait_for(lambda: clock.go() or outcomes(threads, table, "example.org") != ["failed"], "it answers")
        outcomes(threads, table, *["example.org", "example.com"] * 8)
        counts.append((len(os.listdir("/proc/self/fd")), threading.active_count()))
        with down(server):
            assert {"failed"} == set(outcomes(threads, table, *["example.org"] * 16))
    allowed = 8  # as many connections are kept as threads met, up to that; each of 48 that failed would be one more
    assert min(count for count, _ in counts[3:]) <= max(count for count, _ in counts[:3]) + allowed
    assert counts[-1][1] <= counts[1][1]
