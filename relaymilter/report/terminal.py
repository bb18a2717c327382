"""The terminal, by rich: the report as tables and small charts, and the frame of the live view.

Every text is handed on as Text, in which rich reads no markup, and is harmless before it comes here.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from relaymilter.report.findings import Cell, Report, Section
from relaymilter.report.times import Series
from relaymilter.report.watching import Watching

_STYLES = ("blue", "red", "yellow")
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_BAR = 24
_TABLE_ROWS = 15
_SHORT = 9
"""What is no longer is not cut."""
_REFUSALS = ("Time", "Verdict", "Rule", "Client", "Login", "Recipient")
_TROUBLED = ("Login", "Standing", "Refused", "Last", "Why")


def print_report(report: Report, stream: TextIO | None = None) -> None:
    """All of it; without colours where it is no terminal."""
    console = Console(file=stream, highlight=False)
    for part in _report(report, console.width):
        console.print(part)


def live(console: Console) -> AbstractContextManager[Live]:
    """A screen of its own that is drawn where it is asked for, and gone at the end."""
    return Live(console=console, screen=True, auto_refresh=False)


def terminal() -> Console:
    """Standard output."""
    return Console(highlight=False)


def screen(watching: Watching, console: Console, now: float) -> Group:
    """What the live view shows: rates, the last refusals, logins in trouble."""
    rates = watching.rates(now)
    head = Text("relaymilter watch   ", style="bold")
    for name, style in zip(("permit", "reject", "defer"), _STYLES, strict=True):
        head.append(f"{name} {rates[name]}/min   ", style=style)
    head.append(f"{watching.decisions:,} in all   q ends", style="dim")
    head.truncate(console.width, overflow="ellipsis")
    room = max(2, console.height - 9)
    troubled = watching.troubled(max(1, room // 3))
    refused = watching.refusals(room - len(troubled))
    parts: list[RenderableType] = [
        head,
        Text(),
        Text("Last refusals", style="bold"),
        _one_line_each(_REFUSALS, refused),
    ]
    if troubled:
        parts += [Text(), Text("Logins in trouble", style="bold"), _one_line_each(_TROUBLED, troubled)]
    return Group(*parts)


def _report(report: Report, width: int) -> Iterator[RenderableType]:
    span = f"{report.first} to {report.last}" if report.last else "no decisions"
    yield Text(f"relaymilter report: {span}", style="bold")
    counts = Text(f"{report.totals.total:,} decisions: ")
    for words, count, style in zip(("permitted", "rejected", "deferred"), report.totals, _STYLES, strict=False):
        counts.append(f"{count:,} {words}  ", style=style)
    yield counts
    for section in report.sections:
        yield Text()
        yield Text(section.title, style="bold")
        if section.lead:
            yield Text(section.lead, style="dim")
        yield from _section(section, width)
    for theft in report.thefts:
        yield Text()
        yield Text(f"Time line of {theft.login}, from {', '.join(theft.networks)}", style="bold")
        yield from (Text(f"  {step.time}  {step.what}") for step in theft.steps)
    yield Text()
    yield from (Text(f"- {note}", style="dim") for note in report.notes)


def _section(section: Section, width: int) -> Iterator[RenderableType]:
    if not section.rows:
        yield Text(section.empty, style="dim")
    elif section.series is not None:
        yield from _over_time(section.series, width)
    elif section.bars:
        bars = _bars(section)
        rows = [(*row, bar) for row, bar in zip(section.rows, bars, strict=False)]
        yield _table((*section.columns, ""), rows)
    else:
        yield _table(section.columns, section.rows[:_TABLE_ROWS])


def _bars(section: Section) -> list[Text]:
    longest = max((bar.total for bar in section.bars), default=0) or 1
    drawn = []
    for bar in section.bars:
        text = Text()
        for count, style in zip(bar[1:], _STYLES, strict=True):
            text.append("█" * round(_BAR * count / longest) or "▏" * (count > 0), style=style)
        drawn.append(text)
    return drawn


def _over_time(series: Series, width: int) -> Iterator[Text]:
    """One line for each verdict, of its own scale."""
    columns = series.columns
    together = -(-len(columns) // max(1, width - 34))
    for verdict, name in enumerate(("permitted", "rejected", "deferred")):
        counts = [column.counts[verdict] for column in columns]
        sums = [sum(counts[at : at + together]) for at in range(0, len(counts), together)]
        most = max(sums)
        line = Text(f"{name:<10}")
        line.append("".join(_EIGHTHS[-(-8 * count // most) if most else 0] for count in sums), style=_STYLES[verdict])
        line.append(f"  at most {most:,}", style="dim")
        yield line
    yield Text(f"{'':<10}{columns[0].label} to {columns[-1].label}", style="dim")


def _table(columns: Sequence[str], rows: Sequence[Sequence[Cell | Text]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        is_count = bool(rows) and isinstance(rows[0][number], int)
        table.add_column(Text(column), justify="right" if is_count else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _one_line_each(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    """A table that is no higher than it has rows, however narrow the terminal is."""
    table = _table(columns, rows)
    for number, column in enumerate(table.columns):
        column.no_wrap, column.overflow = True, "ellipsis"
        longest = max([len(columns[number]), *(len(str(row[number])) for row in rows)])
        column.min_width = longest if longest <= _SHORT else None
    return table


def _cell(cell: Cell | Text) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text(f"{cell:,}" if isinstance(cell, int) else cell)
