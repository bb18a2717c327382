"""What there is to say of a summary: sections of tables and charts, as data; terminal, page and JSON show the same.

Every text that comes from the log is made harmless here, once: printable ASCII of a bounded length.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from relaymilter.observe.printable import printable_text, shortened
from relaymilter.observe.shared_addresses import evidence
from relaymilter.policy.guard.limits import Limit
from relaymilter.report.counting import Summary
from relaymilter.report.heaviest import Heaviest, Tally
from relaymilter.report.nearness import near
from relaymilter.report.sharing import Sharing
from relaymilter.report.thefts import Theft, thefts
from relaymilter.report.times import Series, series

Cell: TypeAlias = str | int
_LONGEST = 80
_TOP = 25
_DRAWN = 10
"""Lines of a chart; the table has more."""


class Bar(NamedTuple):
    """A line of a chart: a name and decisions by verdict; or a share, in per cent, of what may be."""

    label: str
    permit: int
    reject: int
    defer: int

    @property
    def total(self) -> int:
        """Its length."""
        return self.permit + self.reject + self.defer


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what it says, a chart if there is one, and the table behind it."""

    key: str
    title: str
    lead: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    bars: tuple[Bar, ...] = ()
    series: Series | None = None
    empty: str = ""
    """What is said where there are no rows."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "title": self.title,
            "rows": [dict(zip(map(_key, self.columns), row, strict=True)) for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All of it, in the order in which it is read."""

    first: str
    last: str
    totals: Tally
    dry_run: int
    unread: int
    sections: tuple[Section, ...]
    thefts: tuple[Theft, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "first": self.first,
            "last": self.last,
            "decisions": {name: getattr(self.totals, name) for name in ("permit", "reject", "defer")},
            "dry_run": self.dry_run,
            "unread_lines": self.unread,
            "sections": {section.key: section.as_dict() for section in self.sections},
            "notes": [*self.notes],
        }


def harmless(text: str) -> str:
    """As the log has it, if it is ASCII that can be shown; else with escapes; not too long for a table."""
    if not (text.isascii() and text.isprintable()):
        text = printable_text(text)
    return text if len(text) <= _LONGEST else shortened(text, _LONGEST - 3) + "..."


def report(summary: Summary, sharing: Sharing, limits_of: Callable[[str], Sequence[Limit]]) -> Report:
    """Of a whole log; `limits_of` a login, as a configuration has them."""
    held = thefts(summary, harmless)
    whole = series(summary.times)
    sections = (
        _over_time(whole),
        _why(summary),
        _refused("refused_networks", "Refused, by network", "/24 of IPv4, /48 of IPv6.", summary.refused_networks),
        _refused("refused_domains", "Refused, by recipient", "The domains of recipients.", summary.refused_domains),
        _refused(
            "refused_logins", "Refused, by login", "Whoever is here has proved the login.", summary.refused_logins
        ),
        _near(summary, limits_of),
        _thefts(held),
        _shared(summary, sharing),
        _all("networks", "Networks", "Those with the most decisions.", summary.networks),
        _all("logins", "Logins", "Those with the most decisions.", summary.logins),
    )
    by_verdict = [sum(counts[verdict] for counts in summary.times.values()) for verdict in range(3)]
    return Report(
        first=harmless(summary.first) if summary.last else "",
        last=harmless(summary.last),
        totals=Tally(*by_verdict),
        dry_run=summary.dry_run,
        unread=summary.unread,
        sections=sections,
        thefts=tuple(held),
        notes=tuple(_notes(summary)),
    )


def _over_time(whole: Series) -> Section:
    rows = tuple((column.label, *column.counts) for column in whole.columns)
    return Section(
        "verdicts", "Verdicts over time", f"Recipients in each {whole.step_words}, UTC.",
        (whole.step_words.capitalize(), "Permitted", "Rejected", "Deferred"), rows, series=whole, empty="No decision.",
    )  # fmt: skip


def _why(summary: Summary) -> Section:
    found = [(f"{harmless(rule)}: {harmless(reason)}", tally) for (rule, reason), tally in summary.reasons.top(_TOP)]
    return _counted("reasons", "Why it was refused", "The rule that decided, and its reason.", "Reason", found)


def _refused(key: str, title: str, lead: str, counted: Heaviest[str]) -> Section:
    found = [(harmless(name), tally) for name, tally in counted.top(_TOP)]
    return _counted(key, title, lead, "Name", found)


def _counted(key: str, title: str, lead: str, what: str, found: list[tuple[str, Tally]]) -> Section:
    return _tallied(Section(key, title, lead, (what, "Rejected", "Deferred"), empty="Nothing was refused."), found, 1)


def _all(key: str, title: str, lead: str, counted: Heaviest[str]) -> Section:
    found = [(harmless(name), tally) for name, tally in counted.top(_TOP)]
    return _tallied(Section(key, title, lead, ("Name", "Permitted", "Rejected", "Deferred"), empty="None."), found, 0)


def _tallied(section: Section, found: list[tuple[str, Tally]], since: int) -> Section:
    """With a last column, where some may not have been counted: how many there are at most."""
    unsure = any(tally.more for _, tally in found)
    columns = (*section.columns, "At most") if unsure else section.columns
    rows: list[tuple[Cell, ...]] = [(name, *tally[since:3], tally.total + tally.more) for name, tally in found]
    cut = tuple(row[: len(columns)] for row in rows)
    return replace(section, columns=columns, rows=cut, bars=_bars(found))


def _bars(found: Iterable[tuple[str, Tally]]) -> tuple[Bar, ...]:
    return tuple(Bar(name, *tally[:3]) for name, tally in [*found][:_DRAWN])


def _near(summary: Summary, limits_of: Callable[[str], Sequence[Limit]]) -> Section:
    found = near(summary, limits_of)[:_TOP]
    rows = tuple((harmless(each.login), each.limit, each.most, each.when, each.share) for each in found)
    pairs = [*zip(rows, found, strict=True)]
    return Section(
        "near_limits", "Logins near their limits",
        "In the fullest hour or day of the clock, with mail to your own mailboxes, which no limit counts.",
        ("Login", "Limit", "Recipients", "When", "Per cent"), rows,
        tuple(Bar(f"{row[0]}: {row[1]}", min(each.share, 100), 0, 0) for row, each in pairs[:_DRAWN]),
        empty="None above half of a limit that the log or the configuration names.",
    )  # fmt: skip


def _thefts(held: Iterable[Theft]) -> Section:
    rows = tuple(
        (each.login, _moment(each.throttled), _moment(each.suspended), each.permitted, each.deferred, each.rejected,
         "; ".join(each.reasons))
        for each in held
    )  # fmt: skip
    columns = ("Login", "Throttled", "Suspended", "Permitted", "Deferred", "Rejected", "Why")
    lead = (
        "Logins that the ledger held for what looks like theft. Permitted: from two hours before the first refusal on."
    )
    return Section("thefts", "Thefts contained", lead, columns, rows, empty="None.")


def _shared(summary: Summary, sharing: Sharing) -> Section:
    told = {each.name: (each.evidence, each.reason) for each in summary.said if each.what == "shared"}
    ours = {name: (evidence(alarm), "by this log") for name, alarm in sharing.alarms.items()}
    rows = tuple((harmless(name), *map(harmless_sentence, words)) for name, words in sorted((ours | told).items()))
    lead = "Local addresses that speak for many hosts, as a proxy or NAT in front of the MTA does: all may relay."
    return Section("shared", "Addresses that look shared", lead, ("Address", "Evidence", "Known"), rows, empty="None.")


def harmless_sentence(text: str) -> str:
    """What may be longer than a name."""
    return text[:300] if text.isascii() and text.isprintable() else printable_text(text[:300])


def _notes(summary: Summary) -> Iterable[str]:
    counted = (
        summary.reasons, summary.networks, summary.logins, summary.refused_networks, summary.refused_logins,
        summary.refused_domains,
    )  # fmt: skip
    floors = [each.floor for each in counted]
    if any(floors):
        yield (
            "There are more names than are counted one by one: a count may be too low, by what `at most` says, and no "
            f"name that is left out has more than {max(floors)}."
        )
    else:
        yield "All counts of names are exact."
    if summary.busy.floor:
        yield f"A login's hours may lack up to {summary.busy.floor} recipients in each ten minutes."
    if summary.dry_run:
        yield f"{summary.dry_run} decisions are of a dry run: their refusals were not told to the client."
    if summary.unread:
        yield f"{summary.unread} lines are neither decisions nor of the daemon's warnings, and were passed over."
    if summary.untimed:
        yield f"{summary.untimed} decisions have no time, or are of too many days, and are in no chart over time."
    yield "Limits on messages and new recipients, and what your own mailboxes got, cannot be told from the log."


def _moment(time: str) -> str:
    """To the second; `-` for never."""
    return time[:19].replace("T", " ") or "-"


def _key(column: str) -> str:
    return column.lower().replace(" ", "_")
