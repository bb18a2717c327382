"""Decisions that need a look-up which can block: made in a bounded pool of threads, each with a deadline.

A callback of libmilter waits for one, the event loop goes on meanwhile. A full pool and a missed deadline are answers
too: uncertain, at once. A thread that is late goes on until its look-up ends; its answer is thrown away.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late

from relaymilter.milter.session import Session
from relaymilter.policy.envelope import Request
from relaymilter.policy.verdict import Decision

THREADS = 16
WAITING = 256
DEADLINE = 2.0
"""Seconds. MTAs give a milter 10 (Sendmail) or 30 (Postfix) for an answer."""


class LookupPool:
    """Threads to decide in. To be made after the fork, since threads do not survive one."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self._room = threading.BoundedSemaphore(threads + waiting)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="lookup")

    def start(self, session: Session, asked: Request) -> "Future[Decision]":
        """The decision to come. The future never raises."""
        if not self._room.acquire(blocking=False):
            full: Future[Decision] = Future()
            full.set_result(session.uncertain("too many look-ups are under way"))
            return full
        future = self._executor.submit(session.decide, asked)
        future.add_done_callback(lambda _: self._room.release())
        return future

    def wait(self, session: Session, asked: Request) -> Decision:
        """The decision, or "uncertain" once the deadline is over."""
        future = self.start(session, asked)
        try:
            return future.result(self.deadline)
        except Late:
            future.cancel()
            return self.too_late(session)

    def too_late(self, session: Session) -> Decision:
        """What a missed deadline says."""
        return session.uncertain(f"no answer within {self.deadline:g} s")
