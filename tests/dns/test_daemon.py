"""The daemon over a real name server: what it says of backed up domains while that fails under load."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relaymilter.audit.explain import explain_request
from relaymilter.config.reader import Flags, read
from relaymilter.policy.envelope import client, request
from tests.daemon.process import DENIED, Daemon
from tests.rig import wait_for
from tests.servers.unbound import Unbound
from tests.wire.mta import Answer, Reply

POLICY = (
    *("--local-domain", "example.org"),
    *("--mx-backup", "backed.test", "--mx-backup", "elsewhere.test", "--mx-backup", "silent.example"),
    *("--mx-backup-networks", "192.0.2.0/28", "--mx-backup-networks", "2001:db8::/64", "--mx-name", "mx2.here.test"),
)
FRESH = ("--cache-positive", "0", "--cache-negative", "0", "--lookup-timeout", "0.5")
LATER = Reply(451, "4.7.1", "Cannot decide on this recipient now, try again later")


def denied(domain: str) -> Reply:
    """The refusal of a mailbox there."""
    return DENIED._replace(text=f"<v@{domain}>: Relay access denied")


ALLOWED: dict[str, set[Answer]] = {
    "backed.test": {"continue", LATER},
    "elsewhere.test": {denied("elsewhere.test"), LATER},
    "silent.example": {LATER},
    "stranger.test": {denied("stranger.test")},
    "example.org": {"continue"},
}
"""What a stranger may hear, whatever the name server does."""


@contextmanager
def load(daemon: Daemon) -> Iterator[dict[str, list[Answer]]]:
    """Strangers who ask for each domain, again and again, and what they hear."""
    heard: dict[str, list[Answer]] = {domain: [] for domain in ALLOWED}
    stop = threading.Event()

    def ask(domain: str) -> None:
        while not stop.is_set():
            heard[domain].append(daemon.ask(f"<v@{domain}>".encode()))

    threads = [threading.Thread(target=ask, args=(domain,)) for domain in ALLOWED for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def size(pid: int) -> tuple[int, int]:
    """The descriptors and the threads of a process."""
    return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


@pytest.mark.parametrize(("runtime", "fault"), [("libmilter", "hang"), ("loop", "kill")])
def test_fault_under_load(unbound: Unbound, tmp_path: Path, runtime: str, fault: str) -> None:
    """Killed or hanging, and back: no permit that is none, no 5xx for what is backed up, permits again, no growth."""
    flags = (*POLICY, *FRESH, "--dns-server", unbound.server, "--runtime", runtime)
    with Daemon(tmp_path, *flags) as daemon:
        (worker,) = daemon.workers()
        try:
            with load(daemon) as heard:
                backed = heard["backed.test"]
                wait_for(lambda: "continue" in backed, "a permit")
                getattr(unbound, fault)()
                wait_for(lambda: backed[-1] == LATER, "a deferral")
                unbound.resume()
                unbound.start()
                wait_for(lambda: backed[-1] == "continue", "a permit again", 45)
            assert {domain: set(said) | ALLOWED[domain] for domain, said in heard.items()} == ALLOWED
            assert all(heard.values())
        finally:
            unbound.resume()
            unbound.start()
        wait_for(lambda: size(worker) <= (40, 40), "it is small again")
        descriptors, threads = size(worker)
        assert threads <= 24  # those of the pool, and few others
        with load(daemon) as heard:
            wait_for(lambda: len(heard["backed.test"]) > 50, "more permits")
        wait_for(lambda: size(worker)[0] <= descriptors + 2, "no descriptor is left over")


@pytest.mark.parametrize(
    ("domain", "verdict", "why"),
    [
        ("backed.test", "permit", ("mx-backup", "permit", "backed.test is a domain to back up")),
        (
            "elsewhere.test",
            "reject",
            (
                "mx-backup",
                "no opinion",
                "the best mail exchanger, mx.far.test, is at 203.0.113.99, in no network to back up",
            ),
        ),
        ("stranger.test", "reject", ("mx-backup", "no opinion", "stranger.test is not a domain to back up")),
    ],
)
def test_explained(unbound: Unbound, domain: str, verdict: str, why: tuple[str, str, str]) -> None:
    """`explain` asks the name server as the daemon does, last of all, and says what came of it."""
    given: dict[str, tuple[str, ...]] = {"dns-server": (unbound.server,)}
    for flag, value in zip(POLICY[::2], POLICY[1::2], strict=True):
        given[flag[2:]] = (*given.get(flag[2:], ()), value)
    asked = request(client("203.0.113.7"), f"<v@{domain}>".encode())
    explanation = explain_request(read(Flags(given)).settings.policy, asked)
    assert (verdict, why) == (explanation.verdict, explanation.trail[5])


def test_down_at_the_start(unbound: Unbound, tmp_path: Path) -> None:
    """The daemon starts without a name server, and serves what needs none."""
    unbound.kill()
    try:
        with Daemon(tmp_path, *POLICY, *FRESH, "--dns-server", unbound.server) as daemon:
            for domain in ("backed.test", "stranger.test", "example.org"):
                assert daemon.ask(f"<v@{domain}>".encode()) in ALLOWED[domain]
            assert daemon.ask(b"<v@backed.test>") == LATER
            unbound.start()
            wait_for(lambda: daemon.ask(b"<v@backed.test>") == "continue", "a permit", 45)
    finally:
        unbound.start()


@pytest.mark.parametrize("runtime", ["loop", "libmilter"])
def test_dead_domains_take_no_threads(unbound: Unbound, tmp_path: Path, runtime: str) -> None:
    """A domain whose name servers do not answer costs a thread now and then, and keeps no other waiting."""
    with Daemon(tmp_path, *POLICY, "--dns-server", unbound.server, "--runtime", runtime) as daemon:
        assert daemon.ask(b"<v@silent.example>") == LATER  # after the lookup-timeout of 2 s
        assert daemon.ask(b"<v@backed.test>") == "continue"
        wait_for(lambda: quick(daemon, b"<v@silent.example>"), "it is not asked for any more")


def quick(daemon: Daemon, recipient: bytes) -> bool:
    """It is deferred in less time than a question takes."""
    began = time.monotonic()
    assert daemon.ask(recipient) == LATER
    return time.monotonic() - began < 1
