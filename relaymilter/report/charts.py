"""Charts as rectangles in a box of 1000 by 100, which the page stretches; texts stand beside it, unbent."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from relaymilter.report.times import Series

WIDTH, HEIGHT = 1000, 100
VERDICTS = ("permit", "reject", "defer")


class Rect(NamedTuple):
    """A part of a column or a bar; `verdict` gives its colour."""

    x: float
    y: float
    width: float
    height: float
    verdict: str


class Panel(NamedTuple):
    """One chart over time, with its own scale."""

    title: str
    rects: tuple[Rect, ...]
    ceiling: int
    """What the height stands for."""


class Drawn(NamedTuple):
    """A line of a chart of names."""

    label: str
    rects: tuple[Rect, ...]
    total: int


def panels(series: Series) -> Iterator[Panel]:
    """All decisions, and, since they are few beside them, the refusals by themselves."""
    yield panel("All decisions", series, (0, 1, 2))
    if any(sum(column.counts[1:]) for column in series.columns):
        yield panel("Refused", series, (1, 2))


def panel(title: str, series: Series, verdicts: Sequence[int]) -> Panel:
    """Columns of these verdicts, one upon the other, refusals at the bottom."""
    ceiling = rounded_up(max((sum(column.counts[v] for v in verdicts) for column in series.columns), default=0))
    step = WIDTH / max(1, len(series.columns))
    rects = []
    for number, column in enumerate(series.columns):
        bottom = float(HEIGHT)
        for verdict in sorted(verdicts, key=(1, 2, 0).index):
            height = round(HEIGHT * column.counts[verdict] / ceiling, 1)
            if height:
                bottom = round(bottom - height, 1)
                gap = step * 0.14
                rects.append(
                    Rect(round(number * step + gap / 2, 1), bottom, round(step - gap, 1), height, VERDICTS[verdict])
                )
    return Panel(title, tuple(rects), ceiling)


def bars(lines: Iterable[tuple[str, int, int, int]], ceiling: int = 0) -> list[Drawn]:
    """Each as long as its sum, the longest as long as the box; or as long as its part of the ceiling."""
    known = [*lines]
    longest = ceiling or max((sum(line[1:]) for line in known), default=0) or 1
    return [_drawn(line[0], line[1:], longest) for line in known]


def _drawn(label: str, counts: Sequence[int], longest: int) -> Drawn:
    x, rects = 0.0, []
    for verdict, count in zip(VERDICTS, counts, strict=True):
        width = round(WIDTH * count / longest, 1)
        if count:
            rects.append(Rect(x, 0, max(width, 2), HEIGHT, verdict))
        x = round(x + width, 1)
    return Drawn(label, tuple(rects), sum(counts))


def rounded_up(most: int) -> int:
    """The next of 1, 2, 4, 5, 6, 8 and 10, or that times a power of ten."""
    power = 1
    while power * 10 < most:
        power *= 10
    return next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if step * power >= most)
