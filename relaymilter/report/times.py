"""Decisions over time, in columns of a width that a person can read: ten minutes to thirty days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MOST = 144
"""Columns."""
_STEPS = (
    (10, "ten minutes"),
    (30, "half hour"),
    (60, "hour"),
    (180, "three hours"),
    (360, "six hours"),
    (720, "half day"),
    (1440, "day"),
    (10_080, "week"),
    (43_200, "thirty days"),
)
"""In minutes."""


@dataclass(frozen=True, slots=True)
class Column:
    """The begin of a time, and the decisions in it: permitted, rejected, deferred."""

    label: str
    counts: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Series:
    """Columns that follow on each other without a gap."""

    columns: tuple[Column, ...] = ()
    step_words: str = "ten minutes"
    ticks: tuple[str, ...] = ()
    """Labels of the begins of as many parts of the same length."""


def series(times: Mapping[str, Sequence[int]], most: int = _MOST) -> Series:
    """Of ten minutes each: `2026-11-24T04:2`."""
    known = {begin: counts for bucket, counts in times.items() if (begin := _begin(bucket)) is not None}
    if not known:
        return Series()
    first, last = min(known), max(known)
    minutes, words = next((step for step in _STEPS if _columns(first, last, step[0]) <= most), _STEPS[-1])
    first = _rounded(first, minutes)
    wanted = min(_columns(first, last, minutes), 1000)
    sums = [[0, 0, 0] for _ in range(wanted + -wanted % 4)]  # so that ticks part it into whole columns
    for begin, counts in known.items():
        at = int((begin - first) / timedelta(minutes=minutes))
        for verdict, count in enumerate(counts[:3]):
            sums[min(at, len(sums) - 1)][verdict] += count
    begins = [first + timedelta(minutes=minutes * number) for number in range(len(sums))]
    columns = [Column(_label(at), (each[0], each[1], each[2])) for at, each in zip(begins, sums, strict=True)]
    return Series(tuple(columns), words, _ticks(first, minutes * len(sums)))


def _begin(bucket: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{bucket}0:00+00:00")
    except ValueError:
        return None


def _rounded(moment: datetime, minutes: int) -> datetime:
    whole = min(minutes, 1440)
    of_day = moment.hour * 60 + moment.minute
    return moment - timedelta(minutes=of_day % whole)


def _columns(first: datetime, last: datetime, minutes: int) -> int:
    return int((last - _rounded(first, minutes)) / timedelta(minutes=minutes)) + 1


def _label(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _ticks(first: datetime, minutes: int) -> tuple[str, ...]:
    """Eight, or four where the time does not part into eight; the day where it is more than one."""
    parts = next((parts for parts in (8, 4, 2) if minutes % (10 * parts) == 0), 1)
    form = "%H:%M" if minutes <= 1440 else "%d %b %H:%M" if minutes <= 8 * 1440 else "%d %b"
    return tuple((first + timedelta(minutes=minutes * part / parts)).strftime(form) for part in range(parts))
