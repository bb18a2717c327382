"""A turn of the event loop: what its decisions change is committed once for all of them, and then they are answered.

One commit for sixty decisions costs little more than one for one. Nothing is answered that is not committed: where the
commit fails, all is as if none of these decisions had been made, and each is made again.
"""

import logging
from collections.abc import Callable
from typing import TypeAlias

log = logging.getLogger(__name__)

MOST = 64
"""Decisions that wait for one commit: others who want to write wait for it, too."""

Later: TypeAlias = Callable[[Callable[[], None]], object]
"""Calls a function in the next turn of the loop, as loop.call_soon does."""


class Turn:
    """What the loop's thread has changed and not committed, and who waits for that. For that thread alone."""

    def __init__(self, later: Later) -> None:
        self._later = later
        self._commit: Callable[[], bool] | None = None
        self._waiting: list[Callable[[bool], None]] = []
        self._changed = False

    @property
    def open(self) -> bool:
        """Something has begun that is to be committed."""
        return self._commit is not None

    def begin(self, commit: Callable[[], bool]) -> None:
        """From now on changes belong together; `commit` says at the end whether they were made. It raises nothing."""
        self._commit = commit
        self._later(self.end)

    def change(self) -> None:
        """Something was changed, or was asked beside what has been."""
        self._changed = True

    def changed(self) -> bool:
        """Whether anything was since this was asked last: who asks must wait."""
        changed, self._changed = self._changed, False
        return changed

    def wait(self, then: Callable[[bool], None]) -> None:
        """Call this when the changes are committed (True), or undone, or where there are none to be committed."""
        if self._commit is None and not self._waiting:
            self._later(self.end)
        self._waiting.append(then)
        if len(self._waiting) >= MOST:
            self.end()

    def end(self) -> None:
        """Commit what has been changed, if anything, and tell who waits for it."""
        commit, self._commit = self._commit, None
        waiting, self._waiting = self._waiting, []
        made = commit is not None and commit()
        for then in waiting:
            try:
                then(made)
            except Exception:  # the others wait for their answers
                log.exception("an answer could not be given")
