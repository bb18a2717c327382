"""Keeps questions that strangers choose, such as those for their domains, from taking all threads that decide.

Whoever owns a domain can make each question for a name in it take as long as we wait. While many do so only so many are
let in; the others get no answer, at once. Any number of quick ones is let in.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from relaymilter.lookups import waiting
from relaymilter.policy.ports import LookupFailed

MOST = 12
"""Under way at a time, of the 16 threads in which decisions are made,"""
MOST_WITH_LISTS = 14
"""with questions to lists, which strangers cannot make slow by themselves, and which are still asked then,"""
MOST_SLOW = 6
"""while so many of them are slow:"""
SLOW = 0.5
"""seconds."""


class Crowd:
    """The questions that are under way."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._began: dict[object, float] = {}

    @contextmanager
    def joined(self, most: int = MOST) -> Iterator[None]:
        """While a question is asked, where it may be waited for. Raises LookupFailed where there are too many."""
        if not waiting.allowed():
            yield
            return
        now, began = self._clock(), list(self._began.values())
        if len(began) >= most and sum(now - then > SLOW for then in began) >= MOST_SLOW:
            raise LookupFailed(f"{self._name}: {len(began)} questions are under way, and slow")
        question = object()
        self._began[question] = now
        try:
            yield
        finally:
            del self._began[question]
