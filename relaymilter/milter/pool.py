"""Decisions that need a look-up which can block: made in a bounded pool of threads, each with a deadline.

A callback of libmilter waits for one, the event loop goes on meanwhile. A full pool and a missed deadline are answers
too: uncertain, at once. A thread that is late goes on until its look-up ends; its answer is thrown away.
"""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from functools import partial

from relaymilter.lookups import waiting
from relaymilter.milter.message import GiveBack
from relaymilter.milter.session import Session
from relaymilter.policy.envelope import Request
from relaymilter.policy.guard.charges import Charges
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.verdict import Decision

log = logging.getLogger(__name__)

THREADS = 16
QUEUE = 256
DEADLINE = 2.0
"""Seconds. MTAs give a milter 10 (Sendmail) or 30 (Postfix) for an answer."""


class LookupPool:
    """Threads to decide in. To be made after the fork, since threads do not survive one."""

    def __init__(self, threads: int = THREADS, queue: int = QUEUE, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self._room = threading.BoundedSemaphore(threads + queue)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="lookup")

    def start(self, session: Session, asked: Request) -> "Future[Decision]":
        """The decision to come; the future raises only if too_late() cancelled it."""
        if not self._room.acquire(blocking=False):
            full: Future[Decision] = Future()
            full.set_result(session.uncertain("too many look-ups are under way"))
            return full
        return self._executor.submit(self._decide, session, asked, time.monotonic() + self.deadline)

    def _decide(self, session: Session, asked: Request, until: float) -> Decision:
        try:
            with waiting.allowing(until):
                return session.decide(asked)
        finally:
            self._room.release()

    def wait(self, session: Session, asked: Request) -> Decision:
        """The decision, or "uncertain" once the deadline is over."""
        future = self.start(session, asked)
        try:
            return future.result(self.deadline)
        except Late:
            return self.too_late(session, asked, future)

    def too_late(self, session: Session, asked: Request, future: "Future[Decision]") -> Decision:
        """What a missed deadline says; a look-up that has not begun is not made any more."""
        if future.cancel():
            self._room.release()
        else:
            future.add_done_callback(lambda late: session.thrown_away(asked, late.result()))
        return session.uncertain(f"no answer within {self.deadline:g} s")

    def giving_back(self, charges: Charges | None) -> GiveBack | None:
        """What gives back messages that were charged and not sent; None where none are charged."""
        if charges is None or not charges.counts_messages:
            return None
        return partial(self._give_back, charges)

    def _give_back(self, charges: Charges, asked: Request, then: float) -> "Future[None] | None":
        """At once, or where it must be waited for, in a thread; there is no more of this than there are sessions."""
        try:
            _give_back(charges, asked, then)
        except MustWait:
            return self._executor.submit(self._give_back_later, charges, asked, then)
        return None

    def _give_back_later(self, charges: Charges, asked: Request, then: float) -> None:
        with waiting.allowing(time.monotonic() + self.deadline):
            _give_back(charges, asked, then)


def _give_back(charges: Charges, asked: Request, then: float) -> None:
    """Raises MustWait. Where it fails, one message too many stays charged, which closes."""
    try:
        charges.give_back(asked, then)
    except MustWait:
        raise
    except LookupFailed as failure:
        log.warning("a message that was not sent stays charged: %s", failure)
    except Exception:
        log.exception("a message that was not sent stays charged")
