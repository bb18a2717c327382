"""The daemon's decision log, read line by line as it grows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.rig import wait_for

from .play import Decision, Heard

Line = dict[str, Any]
_REPLY = re.compile(r"(\d\d\d) ([45]\.\d+\.\d+) (.*)")


class DecisionTail:
    """What the log has to say from now on."""

    def __init__(self, path: Path) -> None:
        self._file = path.open(encoding="ascii")
        self._file.seek(0, 2)
        self._partial = ""

    def take(self, wait: bool) -> Line | None:
        """The next decision; None if there is none, at the end of a while if `wait`."""
        if not wait:
            return self._next()
        try:
            return wait_for(self._next, "a decision in the log", 2)
        except TimeoutError:
            return None

    def rest(self) -> list[str]:
        """What no one has taken."""
        return [str(line) for line in iter(self._next, None)]

    def close(self) -> None:
        """End reading."""
        self._file.close()

    def _next(self) -> Line | None:
        while line := self._file.readline():
            self._partial += line
            if not line.endswith("\n"):
                return None
            whole, self._partial = self._partial, ""
            if whole.startswith("{"):
                return dict(json.loads(whole))
        return None


def decision(line: Line) -> Decision:
    """The decision that a line tells of."""
    found = _REPLY.fullmatch(line["reply"])
    reply = Heard(int(found[1]), found[2], found[3]) if found else None
    return Decision(line["verdict"], line["rule"], reply)


def readable(raw: bytes) -> bool:
    """Whether the log shows this as it is: printable ASCII without a backslash, and not too long."""
    return re.fullmatch(rb"[ -\[\]-~]{0,400}", raw) is not None
