"""Whether a file is there: a switch that an administrator, or a script, turns by touch(1) and rm(1)."""

import logging
import os

log = logging.getLogger(__name__)


class Presence:
    """A file, looked for each time it is asked about; where it cannot be told whether it is there, it is taken to be.

    So the switch is turned from that moment on, for connections that are open already, too. A look is one stat(2),
    1.4 to 2 us on the machine that README's figures are from: a tenth of what a decision costs, and none is made for a
    recipient that no rule permits. The file belongs on a local disk: a file server that hangs holds mail up.
    """

    __slots__ = ("_path", "_there", "_what")

    def __init__(self, path: str, what: str) -> None:
        """`what` it turns on, for the log."""
        self._path = path
        self._what = what
        self._there = False

    def __call__(self) -> bool:
        """Is it there?"""
        there = self._look()
        if there != self._there:
            self._there = there
            log.warning("%s: %s, %s", self._what, "on" if there else "off", self._path)
        return there

    def _look(self) -> bool:
        try:
            os.stat(self._path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True
