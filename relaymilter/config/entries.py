"""The entries of a list option: given one by one, or tables; each parsed, each with its place.

A table that can be read is read here, whole; one that can only be asked becomes part of the settings as it is.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from relaymilter.config.forms import Form
from relaymilter.config.packed import name_set
from relaymilter.config.problems import FirstOfMany, Problems, Value
from relaymilter.config.sets import NameSet, NetworkSet
from relaymilter.policy.networks import LocalNetwork, Networks
from relaymilter.policy.ports import Table
from relaymilter.tables.registry import is_table, open_table
from relaymilter.tables.table import Entry, Loaded, TableError
from relaymilter.tables.text import Lines

T = TypeVar("T")


@dataclass(slots=True)
class Sources:
    """What list options are read from, across all of them."""

    problems: Problems

    def parsed(self, values: list[Value], form: Form[T], asked: list[Table]) -> Iterator[T]:
        """Every entry that can be parsed; what cannot, or is doubtful, goes to problems; tables to ask to `asked`."""
        for value in values:
            if not is_table(value.text):
                one = Loaded("", (Entry(0, value.text.strip()),))
                yield from self._all(one, form, lambda _, value=value: value.place)  # type: ignore[misc]
                continue
            try:
                table = open_table(value.text)
                if isinstance(table, Loaded):
                    yield from self._table(table, value.place, form)
                else:
                    asked.append(table)
            except TableError as error:
                self.problems.error(value.place, str(error))

    def _table(self, table: Loaded, place: str, form: Form[T]) -> Iterator[T]:
        key = place.rpartition(" ")[2].removeprefix("--")
        table = table.only(form.sort) if table.only else table
        count = yield from self._all(table, form, lambda number: f"{table.source}:{number}: {key}")
        for note in table.notes:
            self.problems.warn(f"{table.source}:{note.number}: {key}" if note.number else place, note.text)
        if not count and not table.may_be_empty:
            self.problems.warn(place, f"{table.source} has no entries")

    def _all(self, table: Loaded, form: Form[T], place: Callable[[int], str]) -> Generator[T, None, int]:
        """A place is made only where something is told of it: there may be a million entries. Returns their number."""
        parse, doubt, count = form.parse, form.doubt, 0
        errors, warnings = FirstOfMany(self.problems.error), FirstOfMany(self.problems.warn)
        for usual, entries in _parts(table, form):
            yield from usual
            count += len(usual)
            for number, key, value in entries:
                count += 1
                try:
                    entry = parse(f"{key}\t{value}" if value and form.with_values else key)
                except ValueError as error:
                    errors(place(number), str(error))
                    continue
                if (doubtful := doubt(entry)) is not None:
                    warnings(place(number), doubtful)
                yield entry
        errors.end(table.source, "mistakes")
        warnings.end(table.source, "warnings")
        return count


def _parts(table: Loaded, form: Form[T]) -> Iterator[tuple[Sequence[T], Iterable[Entry]]]:
    """Entries that are parsed already, and entries that are not, in parts of the table."""
    if not isinstance(table.entries, Lines) or form.usual is None:
        yield (), table.entries
        return
    for block in table.entries.blocks():
        usual = form.usual(block.text)
        yield ((), block.entries()) if usual is None else (usual, ())


def networks(values: list[Value], form: Form[LocalNetwork], sources: Sources) -> NetworkSet:
    """Networks of this form; a list that only excludes is warned of."""
    asked: list[Table] = []
    known = Networks(sources.parsed(values, form, asked))
    if known.only_excluding and not asked:
        sources.problems.warn(
            values[0].place, "networks are only excluded, so no client is local: name those that are, too"
        )
    return NetworkSet(known, tuple(asked))


def names(values: list[Value], form: Form[str], sources: Sources) -> NameSet:
    """Names of this form."""
    asked: list[Table] = []

    def known() -> Iterator[str]:
        for value in values:
            tables: list[Table] = []
            parsed = sources.parsed([value], form, tables)
            yield from _with_subdomains(parsed) if value.subdomains else parsed
            asked.extend([Subdomains(table) for table in tables] if value.subdomains else tables)

    return NameSet(name_set(known()), tuple(asked))


def _with_subdomains(domains: Iterable[str]) -> Iterator[str]:
    for domain in domains:
        yield domain
        if domain[0] not in ".[":
            yield "." + domain


@dataclass(frozen=True, slots=True)
class Subdomains:
    """A table of domains in which `example.org` stands for its subdomains, too."""

    table: Table

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def waits(self) -> bool:
        return self.table.waits

    def find(self, key: str) -> str | None:
        return self.table.find(key.removeprefix("."))
