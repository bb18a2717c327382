"""Time stamps of log lines: RFC 3339, and those of old syslog, `Nov 24 18:23:07`, which have neither year nor zone.

The latter are in the time of this host, and of the year that makes the first line of a file no younger than the file;
where the month falls back by more than half a year, another year has begun.
"""

import re
import time
from datetime import datetime, timedelta

MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_HALF = 6
_SECONDS = re.compile(rb":(\d\d(?:\.\d+)?)")
_DAY = 86_400
_MOST_KEPT = 1000
"""Stamps that are remembered."""


def month_of(line: bytes) -> int:
    """Of a line with a stamp that has no year; 0: it has another one, or none."""
    return MONTHS.get(line[:3], 0)


def year_of(line: bytes, written: float) -> int:
    """The year of the first line of a file that was last written to at this Unix time, at the latest."""
    year = time.localtime(written).tm_year
    return year if Stamps(year).seconds(line) <= written + _DAY else year - 1


def years_on(month: int, year: int, then: int) -> int:
    """The year of a month that comes after this one of this year."""
    if month - then > _HALF:
        return year + 1
    return year - 1 if then - month > _HALF else year


class Stamps:
    """Reads the stamps of lines that follow one another; those of a minute are alike."""

    def __init__(self, year: int, month: int = 0) -> None:
        """The year of the first line, and its month; 0: of no other one."""
        self._year = year
        self._month = month
        self._minutes: dict[bytes, float] = {}
        self._whole: dict[bytes, float] = {}
        """Of whole stamps: lines of one second are many."""

    def seconds(self, line: bytes) -> float:
        """Unix time. Raises ValueError."""
        if not line[:1].isdigit():
            minute = line[:12]
            begun = self._minutes.get(minute)
            return (self._minute(minute) if begun is None else begun) + int(line[13:15])
        stamp = line[: line.find(b" ")]
        known = self._whole.get(stamp)
        return self._of_zone(stamp) if known is None else known

    def _of_zone(self, stamp: bytes) -> float:
        second = _SECONDS.match(stamp, 16)
        if second is None:
            raise ValueError("no time stamp")
        minute = stamp[:16] + stamp[second.end() :]
        begun = self._minutes.get(minute)
        seconds = (self._minute_of_zone(minute) if begun is None else begun) + float(second[1])
        if len(self._whole) > _MOST_KEPT:
            self._whole.clear()
        self._whole[stamp] = seconds
        return seconds

    def _minute(self, minute: bytes) -> float:
        month = month_of(minute)
        if not month:
            raise ValueError("no time stamp")
        day, clock = int(minute[4:6]), minute[7:]
        year = years_on(self._month, self._year, month) if self._month else self._year
        begun = time.mktime((year, month, day, int(clock[:2]), int(clock[3:]), 0, 0, 0, -1))
        return self._keep(minute, begun)

    def _minute_of_zone(self, minute: bytes) -> float:
        return self._keep(minute, datetime.fromisoformat(minute.decode("ascii", "replace")).timestamp())

    def _keep(self, minute: bytes, begun: float) -> float:
        if len(self._minutes) > _MOST_KEPT:
            self._minutes.clear()
        self._minutes[minute] = begun
        return begun


def stamp(seconds: float) -> bytes:
    """RFC 3339 in UTC, with microseconds, as Stamps reads it."""
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="microseconds").encode() + b"Z"
