"""The ledger in Redis through what happens to a fleet."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from relaymilter.ledger.guarded import GuardedLedger
from relaymilter.ledger.redis import GRACE
from relaymilter.ledger.registry import open_ledger
from relaymilter.lookups import waiting
from relaymilter.policy.ports import Change, Ledger, LookupFailed, MustWait, Past
from tests.rig.waiting import wait_for
from tests.servers import redis as server
from tests.servers import redis_fleet

from .kinds import Open
from .kinds.redis import opener, single

NOW = 1_800_000_000
LATER = NOW + 1000
ALICE = "login alice"


def add(ledger: Ledger) -> int:
    """Add one to a count: the sum."""

    def change(past: Past) -> Change[int]:
        total = int(past.record or b"0") + 1
        return Change(total, str(total).encode(), LATER, ((b"h", LATER),))

    return ledger.update(ALICE, NOW, (), change)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """What opens a ledger in one server, empty."""
    with single(tmp_path) as found:
        yield found


def add_often(opened: Open, times: int) -> None:
    """What one of several hosts does."""
    ledger = opened()
    for _ in range(times):
        add(ledger)


def test_eight_hosts_lose_nothing(opened: Open) -> None:
    """Each adds to the same count at the same time: the sum is exact."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_often, args=(opened, 25)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [0] * 8 == [process.exitcode for process in processes]
    assert b"200" == opened().read(ALICE, NOW)


def test_every_key_goes_by_itself(opened: Open) -> None:
    """A subject that is not written any more leaves nothing behind."""
    add(opened())
    client = server.shared().client
    keys = client.keys("*")
    assert 2 == len(keys)
    assert all(0 < client.ttl(key) <= LATER - NOW + GRACE for key in keys)


def test_a_server_that_forgot_everything(opened: Open) -> None:
    """Its scripts are sent anew."""
    ledger = opened()
    add(ledger)
    server.shared().client.script_flush()
    assert 2 == add(ledger)


def test_down_frozen_and_back(opened: Open) -> None:
    """A server that is gone, or does not answer, is a failure in bounded time; when it is back the ledger goes on."""
    ledger = opened()
    add(ledger)
    running = server.shared()
    running.kill()
    with pytest.raises(LookupFailed):
        add(ledger)
    running.start()
    assert 2 == add(opened())
    running.hang()
    try:
        begun = time.monotonic()
        with pytest.raises(LookupFailed):
            add(opened())
        assert time.monotonic() - begun < 5
    finally:
        running.resume()
    assert 3 <= add(opened())


def test_failover_keeps_what_was_charged(tmp_path: Path) -> None:
    """Sentinels make the replica the master when that one dies: the count goes on from what had been copied."""
    with redis_fleet.watched_over() as (master, replica, sentinel), waiting.allowing():
        opened = opener(f'sentinels = ["127.0.0.1:{sentinel.port}"]\nmaster = "ledger"\n', tmp_path)
        ledger = opened()
        for _ in range(5):
            add(ledger)
        written = master.client.info("replication")["master_repl_offset"]  # WAIT is for writes of its own connection
        wait_for(lambda: replica.client.info("replication")["slave_repl_offset"] >= written, "all of it is copied")
        master.kill()
        total, end = 0, time.monotonic() + 30
        while not total and time.monotonic() < end:
            try:
                total = add(ledger)
            except LookupFailed:
                time.sleep(0.2)
        assert 6 == total
        assert "master" == replica.client.info("replication")["role"]


def test_only_who_may_wait_asks(opened: Open) -> None:
    """The thread of an event loop does not."""
    ledger = opened()
    assert isinstance(ledger, GuardedLedger)
    with ThreadPoolExecutor(1) as threads, pytest.raises(MustWait):
        threads.submit(add, ledger).result()


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        pytest.param("", "give one of url, sentinels, cluster", id="nothing"),
        pytest.param('url = "redis://a"\ncluster = ["b"]', "give one of", id="two"),
        pytest.param('sentinels = ["a"]', "master: the name by which", id="no master"),
        pytest.param('url = "redis://a"\nmaster = "m"', "master: the name by which", id="a master of none"),
        pytest.param('cluster = ["a/b"]', "is no server: give HOST or HOST:PORT", id="a path"),
        pytest.param('cluster = ["a"]\ndb = 1', "db: a cluster has none", id="a database of a cluster"),
        pytest.param('url = "http://a"', "url: it begins with one of redis://", id="http"),
        pytest.param("set = 1", "no such key: set", id="a table's key"),
    ],
)
def test_descriptions_are_judged_before_use(tmp_path: Path, description: str, reason: str) -> None:
    """What no server can be is refused in words, with the file."""
    path = tmp_path / "ledger.toml"
    path.write_text(description)
    with pytest.raises(ValueError, match=reason) as found:
        open_ledger(f"redis:{path}")
    assert str(path) in str(found.value)
