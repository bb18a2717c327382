"""What a subject has done, as a record of one or two KiB: windows, busy weeks, networks, standing.

A record begins with the version of its form. One that is of no known version, or damaged, is LookupFailed: nothing is
permitted on the strength of what cannot be read. All times are whole seconds of Unix time, days are of UTC.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from relaymilter.policy.guard.footprint import DAY, Footprint
from relaymilter.policy.guard.windows import KEPT, Window
from relaymilter.policy.ports import LookupFailed

VERSION = 2
MOST_WINDOWS = 24
WEEKS = 10
"""For each of the last ones the busiest day is kept: long enough for what is done once a month to come twice."""


class Unit(IntEnum):
    """What is counted. The numbers are in records, and keep their meaning."""

    RECIPIENTS = 1
    MESSAGES = 2
    NEW = 3
    """Recipients to whom this login never wrote."""
    STRANGE = 4
    """Joint novelty, in parts of what a login may do of it in a day (novelty.py)."""
    NETWORKS = 5
    """Changes to a network that was not used within the hour."""
    REFUSED = 6
    """Different new recipients that were refused for joint novelty."""
    FAMILIAR = 7
    """Recipients who are known, from a new network."""


class Standing(IntEnum):
    """How far a login is trusted. The numbers are in records."""

    GOOD = 0
    THROTTLED = 1
    SUSPENDED = 2


class Cause(IntEnum):
    """Why a login does not stand well. The numbers are in records."""

    NONE = 0
    LIMIT = 1
    NOVELTY = 2
    ADMINISTRATOR = 3


@dataclass(slots=True)
class History:
    """Mutable: it lives as long as one change of the ledger."""

    first: int
    """When the subject was first heard of."""
    days: int = 0
    """On which something was sent."""
    day: int = 0
    """The last of them, since 1970."""
    today: list[int] = field(default_factory=lambda: [0, 0])
    """Recipients and new ones on that day."""
    known_before: int = 0
    """Recipients who were known, on the day before it."""
    together: int = 0
    """Until when the last recipient is remembered; 0: a new one."""
    week: int = 0
    """The last one of which `busiest` knows, since 1970."""
    busiest: list[int] = field(default_factory=lambda: [0] * (2 * WEEKS))
    """Recipients on the busiest day of each of the last weeks, by their number modulo WEEKS; then new ones."""
    standing: Standing = Standing.GOOD
    cause: Cause = Cause.NONE
    since: int = 0
    until: int = 0
    """0: until someone changes it."""
    windows: dict[tuple[int, int], Window] = field(default_factory=dict)
    """By unit and seconds."""
    footprint: Footprint = field(default_factory=Footprint)

    def window(self, unit: Unit, seconds: int) -> Window:
        """The window of this unit and length; of too many, the oldest goes."""
        window = self.windows.get((unit, seconds))
        if window is None:
            while len(self.windows) >= MOST_WINDOWS:
                del self.windows[next(iter(self.windows))]
            window = self.windows[unit, seconds] = Window(seconds)
        return window

    def busy_day(self, unit: Unit, rank: int) -> int:
        """The busiest day by recipients or new ones of the busiest week (1), of the next busiest (2), and so on.

        A feast makes one busy week, a trade makes many.
        """
        at = 0 if unit is Unit.RECIPIENTS else WEEKS
        return sorted(self.busiest[at : at + WEEKS])[-rank]

    def known_lately(self, now: int) -> int:
        """Recipients who were known, of this day or of the one before, whichever had more."""
        ago = now // DAY - self.day
        return max(self._known_today if 0 <= ago <= 1 else 0, self.known_before if ago == 0 else 0)

    @property
    def _known_today(self) -> int:
        return min(max(0, self.today[0] - self.today[1]), _WIDEST)

    def count(self, now: int, new: bool, normal: bool) -> None:
        """A recipient was permitted; one that is not `normal` does not count for what is."""
        day = now // DAY
        if day != self.day:
            self._turn(day)
        if normal:
            self.today[0] += 1
            self.today[1] += new

    def stand(self, standing: Standing, cause: Cause, since: int, until: int) -> None:
        """Change the standing."""
        self.standing, self.cause, self.since, self.until = standing, cause, since, until

    def _turn(self, day: int) -> None:
        """A day is over: was it the busiest of its week? The clock may step back, which only begins another day."""
        week = self.day // 7
        for old in range(max(self.week + 1, week - WEEKS + 1), week + 1):
            self.busiest[old % WEEKS] = self.busiest[WEEKS + old % WEEKS] = 0
        self.week = week
        for at, count in zip((week % WEEKS, WEEKS + week % WEEKS), self.today, strict=True):
            self.busiest[at] = max(self.busiest[at], min(count, _WIDEST))
        self.known_before = self._known_today if day == self.day + 1 else 0
        self.day, self.today = day, [0, 0]
        self.days = min(self.days + 1, _WIDEST)


_FIXED = struct.Struct(f"<BBBBIHHIIHIH{2 * WEEKS}HII")
_WINDOW = struct.Struct(f"<{KEPT + 3}I")
FIXED_SIZE, WINDOW_SIZE = _FIXED.size, _WINDOW.size
"""Octets of what a record begins with, and of each window after it; networks are last."""
_WIDEST = 65535
_STANDINGS = tuple(Standing)
_CAUSES = tuple(Cause)


def encode(history: History) -> bytes:
    """The record of it."""
    fixed = _FIXED.pack(
        *(VERSION, len(history.windows), history.cause, history.standing, history.first, history.days, history.day),
        *(*history.today, history.known_before, history.together, history.week),
        *(*history.busiest, history.since, history.until),
    )
    windows = (_WINDOW.pack(*key, window.newest, *window.counts) for key, window in history.windows.items())
    return b"".join((fixed, *windows, history.footprint.entries))


def decode(record: bytes) -> History:
    """What is in a record. Raises LookupFailed."""
    if not record or record[0] != VERSION:
        version = record[0] if record else "none"
        raise LookupFailed(f"a record in the ledger is of version {version}, and {VERSION} is the only one known here")
    try:
        return _decode(record)
    except (struct.error, ValueError, IndexError) as error:
        raise LookupFailed(f"a record in the ledger is damaged: {error}") from error


def _decode(record: bytes) -> History:
    _, count, cause, standing, first, days, day, recipients, new, known_before, together, week, *rest = (
        _FIXED.unpack_from(record)
    )
    end = FIXED_SIZE + count * WINDOW_SIZE
    windows = {}
    for unit, seconds, newest, *counts in _WINDOW.iter_unpack(record[FIXED_SIZE:end]):
        if not seconds:
            raise ValueError("a window of no seconds")
        windows[unit, seconds] = Window(seconds, newest, counts)
    if len(windows) != count:
        raise ValueError("fewer windows than it says")
    footprint = Footprint(bytearray(record[end:]))
    return History(
        *(first, days, day, [recipients, new], known_before, together, week, rest[: 2 * WEEKS]),
        *(_STANDINGS[standing], _CAUSES[cause], rest[-2], rest[-1], windows, footprint),
    )
