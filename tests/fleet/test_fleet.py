"""A login's limit holds over a fleet: exactly, and nearly while the ledger's master is replaced or out of reach."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.rig import Release, open_folder, wait_for
from tests.rig.repeating import repeating

from .hosts import Fleet, Host, Node, fleet

LIMIT = 2000
SPARED = 20
"""What each host lets out of a login in a day while it does not reach the ledger."""
FLAGS = (
    *("--limit", f"{LIMIT} recipients/day per login", "--lookup-timeout", "1"),
    # What else a ledger would say of such a burst.
    *("--new-recipients", "none", "--new-recipients-from-new-network", "none"),
    *("--networks-per-login", "none", "--suspend-after", "none"),
)
BATCH = 50
BACK = "answers again after"
"""What the log says of a ledger."""


@pytest.fixture(scope="module")
def three(release: Release) -> Iterator[Fleet]:
    """The fleet."""
    with open_folder() as folder, fleet(release, Path(folder), *FLAGS) as hosts:
        yield hosts


class Attack:
    """Everything that a thief sends with a login's password, through all hosts at once."""

    def __init__(self, hosts: list[Host], login: str) -> None:
        self._hosts, self._login = hosts, login
        self.heard: Counter[tuple[int, int]] = Counter()
        """How often each host said each code."""
        self._lock = threading.Lock()

    @property
    def sent(self) -> int:
        """Recipients that were taken."""
        return sum(number for (_, code), number in self.heard.items() if code == 250)

    @property
    def late(self) -> int:
        """Recipients that may have been charged, though they were not taken."""
        return sum(number for (_, code), number in self.heard.items() if code == 451)

    def is_exact(self) -> bool:
        """Not one beyond the limit, nor fewer, but such as were charged, and whose answer came too late: 451."""
        return LIMIT - min(self.late, LIMIT // 100) <= self.sent <= LIMIT

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Go on, whatever the thief hears, until this is so."""
        works = [partial(self._send, number, host) for number, host in enumerate(self._hosts)]
        with repeating(works, 0.01):
            wait_for(done, what, 60)

    def _send(self, number: int, host: Host) -> None:
        """A message to many."""
        with host.mta.smtp() as client:
            client.ehlo()
            assert client.auth(self._login).ok
            begun = client.mail()
            codes = [client.rcpt("<victim@example.com>").code for _ in range(BATCH)] if begun.ok else [begun.code]
        with self._lock:
            self.heard.update((number, code) for code in codes)


def test_the_limit_of_all_hosts(three: Fleet) -> None:
    """It is exact, whoever asks where."""
    attack = Attack(three.hosts, "alice")
    attack.until(
        lambda: min(attack.heard[number, 450] for number in range(3)) > 50, "every host says that it is enough"
    )
    assert attack.is_exact(), attack.heard


def test_cut_off(three: Fleet) -> None:
    """A host that does not reach the ledger falls back to small limits, says so, and comes back; the others go on."""
    lonely, *others = three.hosts
    lonely.cut_off()
    try:
        attack = Attack([lonely], "bob")
        attack.until(lambda: attack.heard[0, 450] > 50, "the small limit is reached")
        rest = Attack(others, "bob")
        rest.until(lambda: min(rest.heard[number, 450] for number in range(2)) > 50, "the others say that it is enough")
    finally:
        lonely.rejoin()
    assert 0 < attack.sent <= SPARED  # fewer where an answer came too late, and was 451
    assert "small limits in memory hold" in lonely.daemon.log()
    assert rest.is_exact(), rest.heard
    again = Attack([lonely], "bob+tag")
    again.until(lambda: again.sent > 100, "it asks the ledger again")


def test_failover(three: Fleet) -> None:
    """The master dies mid-attack: what each host spares meanwhile is charged afterwards, and the limit holds."""
    attack = Attack(three.hosts, "alice@other.example")

    def killed_and_back() -> bool:
        if three.master.running and attack.sent > LIMIT // 3:
            _kill_when_copied(three)
        return not three.master.running and all(BACK in host.daemon.log()[at:] for at, host in logs)

    logs = [(len(host.daemon.log()), host) for host in three.hosts]
    attack.until(killed_and_back, "the ledger answers every host again")
    assert "role:master" in three.replica.says("info", "replication")
    final = Attack(three.hosts, "alice@other.example")
    final.until(lambda: min(final.heard[number, 450] for number in range(3)) > 50, "every host says that it is enough")
    late = attack.late + final.late
    assert LIMIT - late - LIMIT // 100 <= attack.sent + final.sent <= LIMIT, (attack.heard, final.heard)


def _kill_when_copied(three: Fleet) -> None:
    """The master writes nothing more, its replica has all of it, and then it dies: a write lost is no fault of ours."""
    three.master.says("client", "pause", "60000", "write")
    wait_for(
        lambda: _offset(three.master, "master_repl_offset") == _offset(three.replica, "slave_repl_offset"),
        "the replica has what the master has",
    )
    three.master.kill()


def _offset(node: Node, name: str) -> str:
    return node.says("info", "replication").partition(f"{name}:")[2].split()[0]
