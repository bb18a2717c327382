"""Whether a file is there: a switch that an administrator, or a script, turns by touch(1) and rm(1)."""

import logging
import os
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

SECONDS = 1.0
"""How often the file is looked for at most."""


class Presence:
    """A file, looked for when it is asked about; where it cannot be told whether it is there, it is taken to be."""

    __slots__ = ("_clock", "_looked_at", "_path", "_there", "_what")

    def __init__(self, path: str, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`what` it turns on, for the log."""
        self._path = path
        self._what = what
        self._clock = clock
        self._looked_at = float("-inf")
        self._there = False

    def __call__(self) -> bool:
        """Is it there?"""
        now = self._clock()
        if now - self._looked_at >= SECONDS:
            self._looked_at = now
            there = self._look()
            if there != self._there:
                log.warning("%s: %s, %s", self._what, "on" if there else "off", self._path)
            self._there = there
        return self._there

    def _look(self) -> bool:
        try:
            os.stat(self._path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True
