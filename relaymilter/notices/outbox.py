"""What waits to be sent, bounded: a step by itself at first; in a flood of steps one notice a minute with all of them.

Pure: the clock is given, in seconds of any origin that do not go backward.
"""

from collections import deque

from relaymilter.notices.step import Notice, Step

BURST = 20
"""Notices at once, before they must wait."""
INTERVAL = 60.0
"""Seconds for each one more."""
MOST = 100
"""Steps that are kept; of more only the number."""
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds until what could not be sent is tried again, doubled each time."""

LAST_SECONDS = 4.0
"""For what is left at the end."""


class Outbox:
    """Of one way to send."""

    def __init__(self, now: float) -> None:
        self._steps: deque[Step] = deque()
        self._more = 0
        self._room = float(BURST)
        self._at = now
        self._pause = FIRST_PAUSE
        self._not_before = now

    def add(self, step: Step) -> None:
        """It waits, too."""
        if len(self._steps) < MOST:
            self._steps.append(step)
        else:
            self._more += 1

    def take(self, now: float) -> Notice | None:
        """What is to be sent now, if anything is."""
        self._fill(now)
        if not self._steps or self._room < 1 or now < self._not_before:
            return None
        alone = len(self._steps) <= self._room and not self._more
        self._room -= 1
        return Notice((self._steps.popleft(),)) if alone else self.rest()

    def rest(self) -> Notice | None:
        """All that waits, in one, however often something was sent."""
        if not self._steps:
            return None
        notice = Notice(tuple(self._steps), self._more)
        self._steps.clear()
        self._more = 0
        return notice

    def due(self, now: float) -> float | None:
        """Seconds until something is to be sent; None: nothing waits."""
        self._fill(now)
        if not self._steps:
            return None
        return max(0.0, (1 - self._room) * INTERVAL, self._not_before - now)

    def sent(self) -> None:
        """The last notice was taken."""
        self._pause = FIRST_PAUSE

    def put_back(self, notice: Notice, now: float) -> float:
        """It could not be sent, and is tried again, together with what comes meanwhile: the pause in seconds."""
        later = [*notice.steps, *self._steps]
        self._steps = deque(later[:MOST])
        self._more += notice.more + len(later[MOST:])
        pause = self._pause
        self._not_before, self._pause = now + pause, min(2 * pause, LONGEST_PAUSE)
        return pause

    def _fill(self, now: float) -> None:
        self._room = min(float(BURST), self._room + max(0.0, now - self._at) / INTERVAL)
        self._at = now
