"""Name servers that fail: never a yes, never a no, and answered again soon after they are back."""

from __future__ import annotations

import os
import random
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relaymilter import dns
from relaymilter.lookups.breaker import FAILURES
from relaymilter.lookups.guard import Limits
from relaymilter.policy.ports import LookupFailed
from tests.rig import wait_for
from tests.servers.unbound import Unbound

from .conftest import resolver
from .impostor import Impostor, Say, coded, section, truthful

GOOD = "backed.test MX 10 mx1.backed.test"


def header(question: bytes, flags: int, *counts: int) -> bytes:
    """The head of an answer to this question: its id, these flags, these counts of records."""
    return question[:2] + struct.pack("!5H", flags, *counts)


def good(question: bytes) -> bytes:
    """What it should say."""
    return truthful(question, GOOD)


NONSENSE: dict[str, Say] = {
    "silence": lambda _: None,
    "one byte": lambda _: b"x",
    "noise": lambda _: random.Random(5).randbytes(200),
    "the question itself": lambda question: question,
    "a header alone": lambda question: header(question, 0x8180, 1, 1, 0, 0),
    "nothing that is asked": lambda question: header(question, 0x8180, 0, 0, 0, 0),
    "a wrong id": lambda question: bytes([question[0] ^ 1]) + good(question)[1:],
    "cut off": lambda question: good(question)[:-5],
    "a byte too many": lambda question: good(question) + b"x",
    "truncated, and no TCP": lambda question: header(question, 0x8380, 1, 0, 0, 0) + question[12:],
    "a name that points to itself": lambda question: header(question, 0x8180, 1, 1, 0, 0) + question[12:] + b"\xc0\x1d",
    "an MX without a host": lambda question: (
        header(question, 0x8180, 1, 1, 0, 0) + question[12:] + b"\xc0\x0c\0\x0f\0\x01\0\0\0\x05\0\x02\0\x0a"
    ),
    "another's answer": lambda question: section(question, answer=("other.test MX 10 mx1.backed.test",)),
    "another type": lambda question: section(question, answer=("backed.test A 192.0.2.1",)),
    "a referral": lambda question: section(question, authority=("test NS ns.test",)),
    **{code: partial(coded, code=code) for code in ("SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "YXDOMAIN", "NOTAUTH")},
}


@pytest.mark.parametrize("say", NONSENSE.values(), ids=NONSENSE)
def test_nonsense(say: Say) -> None:
    """What is no answer is none, whatever it looks like; the next good one counts."""
    with Impostor(say) as server:
        asking = resolver(server.address, lifetime=0.05)
        for ask in (asking.exchangers, asking.addresses):
            with pytest.raises(LookupFailed, match=r"^DNS: backed\.test "):
                ask("backed.test")
        server.say = good
        assert [(10, "mx1.backed.test")] == [*resolver(server.address).exchangers("backed.test")]


QUESTION = b"\x06backed\x04test\0\0\x0f\0\x01"
"""The section of it: the name, MX, IN (RFC 1035 4.1.2)."""


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_mangled(data: st.DataObject) -> None:
    """A good answer with any bytes of it changed is one to the question, of mail exchangers, or none: no other error.

    One to another question is none, whatever is in it; and the next good one counts.
    """
    changes = data.draw(st.dictionaries(st.integers(4, 60), st.integers(0, 255), min_size=1, max_size=6))
    of_another = []

    def mangled(question: bytes) -> bytes:
        answer = bytearray(good(question))
        for position, value in changes.items():
            if position < len(answer):
                answer[position] = value
        of_another.append(answer[12 : len(QUESTION) + 12].lower() != QUESTION)
        return bytes(answer)

    found = None
    with Impostor(mangled) as server:
        with suppress(LookupFailed):
            found = resolver(server.address, lifetime=0.05).exchangers("backed.test")
        server.say = good
        assert [(10, "mx1.backed.test")] == [*resolver(server.address).exchangers("backed.test")]
    if found is not None:
        assert not of_another[-1]
        assert all(0 <= preference < 1 << 16 and host == host.lower() for preference, host in found)


def recovers(asking: Callable[[str], object]) -> None:
    """It answers again, no later than the breaker lets it."""

    def answered() -> bool:
        with suppress(LookupFailed):
            return bool(asking("backed.test"))
        return False

    wait_for(answered, "the DNS answers again", 40)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that are not there are soon given up."""
    monkeypatch.setattr(dns, "PROBE", 0.05)


@pytest.fixture(autouse=True)
def _restored(unbound: Unbound) -> Iterator[None]:
    yield
    unbound.resume()
    unbound.start()


FRESH = Limits(positive=0, negative=0)


def test_down_at_the_start(unbound: Unbound) -> None:
    """A server that is down when we start is no reason not to; what is asked meanwhile is unknown."""
    unbound.kill()
    asking = resolver(unbound.address, lifetime=0.1, limits=FRESH)
    for _ in range(5):
        with pytest.raises(LookupFailed):
            asking.exchangers("backed.test")
    unbound.start()
    recovers(asking.exchangers)


def test_the_breaker_opens(unbound: Unbound) -> None:
    """A server that is gone costs time for a few questions; then all is unknown at once, and it is left alone."""
    with Impostor(lambda _: None) as server:
        asking = resolver(server.address, lifetime=0.05)
        for number in range(FAILURES):
            with pytest.raises(LookupFailed, match="no answer in time"):
                asking.exchangers(f"d{number}.test")
        server.asked = 0
        for number in range(1000):
            with pytest.raises(LookupFailed, match="not asked for a while"):
                asking.exchangers(f"e{number}.test")
        assert server.asked < 5  # the breaker's own trial, should this have taken longer than its pause


@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_lost_and_back(unbound: Unbound, fault: str) -> None:
    """A server that is killed or hangs under load, and is back: unknown meanwhile, right before and after."""
    asking = resolver(unbound.address, lifetime=0.3, limits=FRESH)
    seen: list[object] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                seen.append(asking.exchangers("backed.test"))
            except LookupFailed:
                seen.append(None)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: any(seen), "an answer")
    getattr(unbound, fault)()
    wait_for(lambda: None in seen[-3:], "a failure")
    unbound.resume()
    unbound.start()
    count = len(seen)
    wait_for(lambda: any(seen[count:]), "an answer again", 40)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert {((10, "mx1.backed.test"), (20, "mx2.here.test")), None} == set(seen)


def test_slow(unbound: Unbound) -> None:
    """An answer within the time counts, a later one does not; and the time is one for all servers together."""
    release = threading.Event()

    def late(question: bytes) -> bytes | None:
        release.wait(0.2)
        return good(question)

    with Impostor(late) as server:
        assert resolver(server.address).exchangers("backed.test")
        with pytest.raises(LookupFailed):
            resolver(server.address, lifetime=0.1).exchangers("backed.test")
        release.set()


def descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


def test_nothing_is_left_behind(unbound: Unbound) -> None:
    """Hundreds of questions, answered, by TCP, refused, cut off or lost, leave no descriptor and no thread."""
    with Impostor(NONSENSE["truncated, and no TCP"]) as liar:
        asking = resolver(unbound.address, limits=FRESH)
        lied_to = resolver(liar.address, lifetime=0.05)
        before = descriptors(), threading.active_count()
        for number in range(100):
            asking.exchangers("backed.test")
            asking.exchangers("many.test")
            for again, name in ((asking, f"x{number}.failing.example"), (lied_to, f"x{number}.test")):
                with pytest.raises(LookupFailed):
                    again.exchangers(name)
        assert before == (descriptors(), threading.active_count())
