"""Several sources asked at the same time, for one decision, which waits no longer than for the slowest of them.

The questions are asked in threads of their own, so that a source that hangs takes none of those in which decisions are
made; of its own threads it takes no more than those who wait for it, and none once its breaker is open.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as Late
from typing import TypeVar

from relaymilter.lookups import deadline, waiting
from relaymilter.lookups.crowd import Crowd
from relaymilter.policy.ports import LookupFailed, MustWait

T = TypeVar("T")

THREADS = 48
"""Three for each of the 16 decisions that may be under way; what finds none free waits for one, within its time."""


class Together:
    """Threads that ask. Made before a fork it works after it, if it was not asked before."""

    def __init__(self, seconds: float, crowd: Crowd, most: int) -> None:
        """`seconds`: how long all questions of a decision may take; so many threads of `crowd` may wait for some."""
        self._seconds = seconds
        self._crowd = crowd
        self._most = most
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="together", initializer=waiting.allow)

    def ask(self, questions: Mapping[str, Callable[[], T]]) -> Iterator[tuple[str, T | LookupFailed | MustWait]]:
        """The answers, by the names of the questions: first those that are there at once, then each as it comes.

        Whoever has heard enough drops the iterator: what has not begun by then is not asked.
        """
        open_questions: dict[str, Callable[[], T]] = {}
        for name, question in questions.items():
            answer = _at_once(question)
            if isinstance(answer, MustWait) and waiting.allowed():
                open_questions[name] = question
            else:
                yield name, answer
        if not open_questions:
            return
        try:
            with self._crowd.joined(self._most):
                yield from self._wait(open_questions)
        except LookupFailed as crowded:
            yield from ((name, crowded) for name in open_questions)

    def _wait(self, questions: Mapping[str, Callable[[], T]]) -> Iterator[tuple[str, T | LookupFailed | MustWait]]:
        whole = waiting.whole() if waiting.is_late() else None
        until = deadline.begin(self._seconds)
        asked = {self._threads.submit(_in_time, question, until, whole): name for name, question in questions.items()}
        try:
            for future in as_completed(list(asked), deadline.left()):
                name = asked.pop(future)
                problem = future.exception()
                yield name, problem if isinstance(problem, LookupFailed) else future.result()
        except Late:
            for name in asked.values():
                yield name, LookupFailed(f"{name}: no answer in time")
        finally:
            for future in asked:
                future.cancel()


def _at_once(question: Callable[[], T]) -> T | LookupFailed | MustWait:
    """What a question comes to that may not wait."""
    try:
        if not waiting.allowed():  # a callback, which has no time for more
            return question()
        with waiting.forbidding():
            return question()
    except (LookupFailed, MustWait) as problem:
        return problem


def _in_time(question: Callable[[], T], until: float, whole: float | None) -> T:
    with waiting.allowing(until, whole):
        return question()
