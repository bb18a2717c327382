"""Sessions on the wire whose outcome is known."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from tests.rig import Relaymilter, wait_for

from .mta import Answer, Mta, Reply

STRANGER = "203.0.113.7"
VICTIM = b"<victim@example.com>"
BOB = b"<bob@example.org>"
DENIED = Reply(554, "5.7.1", "<victim@example.com>: Relay access denied")


_marks = itertools.count(1)


def greeted(daemon: Relaymilter, address: str = STRANGER, *, version: int = 6, timeout: float = 5.0) -> Mta:
    """A connection on which a client has said HELO."""
    mta = Mta(daemon.milter, version=version, timeout=timeout)
    mta.negotiate()
    mta.wanted_macros("connect", {b"v": b"Postfix 3.7.11"})
    mta.connect(address)
    mta.helo()
    return mta


def rcpt(mta: Mta, path: bytes, macros: Mapping[bytes, bytes] | None = None) -> Answer:
    """RCPT with these macros, and {rcpt_addr}, which every MTA sends."""
    mta.macros("rcpt", {b"{rcpt_addr}": path.strip(b"<>"), **(macros or {})})
    return mta.rcpt(path)


def serves(daemon: Relaymilter) -> None:
    """A good session is answered as ever."""
    with greeted(daemon) as mta:
        mta.mail()
        assert rcpt(mta, VICTIM) == DENIED
        assert rcpt(mta, BOB) == "continue"
        assert mta.message() == "continue"
        mta.quit()


def logged(daemon: Relaymilter) -> str:
    """The log, with every decision up to now: it may be a little behind the replies, but keeps their order."""
    mark = f"mark{next(_marks)}@example.org"
    with greeted(daemon) as mta:
        mta.mail()
        assert rcpt(mta, f"<{mark}>".encode()) == "continue"
    wait_for(lambda: mark in daemon.log(), "a decision in the log")
    return daemon.log()
