"""The entries of a list option: given one by one, or tables; each parsed, each with its place.

A table that can be read is read here, whole; one that can only be asked becomes part of the settings as it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from relaymilter.config.model import NameSet, NetworkSet
from relaymilter.config.problems import Problems, Value
from relaymilter.policy.domains import domain_form
from relaymilter.policy.networks import parse_network, suspicion
from relaymilter.policy.ports import Table
from relaymilter.tables.registry import is_table, open_table
from relaymilter.tables.table import Loaded, Sort, TableError

T = TypeVar("T")


@dataclass(slots=True)
class Sources:
    """What list options are read from, across all of them."""

    problems: Problems
    files: set[Path] = field(default_factory=set)
    """Read, and to be read again when they change."""

    def parsed(self, values: list[Value], parse: Callable[[str], T], asked: list[Table]) -> Iterator[tuple[T, str]]:
        """Every entry that can be parsed, with its place; what cannot goes to problems; tables to ask go to `asked`."""
        for value in values:
            if not is_table(value.text):
                yield from self._one(value.text.strip(), value.place, parse)
                continue
            try:
                table = open_table(value.text)
                if isinstance(table, Loaded):
                    yield from self._all(table, value.place, parse)
                else:
                    asked.append(table)
            except TableError as error:
                self.problems.error(value.place, str(error))

    def _one(self, text: str, place: str, parse: Callable[[str], T]) -> Iterator[tuple[T, str]]:
        try:
            yield parse(text), place
        except ValueError as error:
            self.problems.error(place, str(error))

    def _all(self, table: Loaded, place: str, parse: Callable[[str], T]) -> Iterator[tuple[T, str]]:
        key = place.rpartition(" ")[2].removeprefix("--")
        table = table.only(_SORTS[parse]) if table.only else table
        self.files.update(table.files)
        empty = True
        for entry in table.entries:
            empty = False
            yield from self._one(entry.key, f"{table.source}:{entry.number}: {key}", parse)
        for note in table.notes:
            self.problems.warn(f"{table.source}:{note.number}: {key}" if note.number else place, note.text)
        if empty:
            self.problems.warn(place, f"{table.source} has no entries")


def networks(values: list[Value], sources: Sources) -> NetworkSet:
    """Local networks; those that look like a mistake are warned of."""
    asked: list[Table] = []
    found = [*sources.parsed(values, parse_network, asked)]
    for local, place in found:
        if doubt := suspicion(local):
            sources.problems.warn(place, f"{local} {doubt}")
    if found and not asked and all(local.excluded for local, _ in found):
        sources.problems.warn(
            found[0][1], "networks are only excluded, so no client is local: name those that are, too"
        )
    return NetworkSet(tuple(local for local, _ in found), tuple(asked))


def domains(values: list[Value], sources: Sources) -> NameSet:
    """Local or relay domains, in domain_form."""
    asked: list[Table] = []
    found = set()
    for value in values:
        tables: list[Table] = []
        for domain, place in sources.parsed([value], parse_domain, tables):
            found.add(domain)
            if value.subdomains and domain[0] not in ".[":
                found.add("." + domain)
            if domain.startswith(".") and "." not in domain[1:]:
                sources.problems.warn(place, f"{domain} stands for every domain that ends so")
        asked += [Subdomains(table) for table in tables] if value.subdomains else tables
    return NameSet(frozenset(found), tuple(asked))


def logins(values: list[Value], sources: Sources) -> NameSet:
    """Logins, as the MTA gives them."""
    asked: list[Table] = []
    return NameSet(frozenset(login for login, _ in sources.parsed(values, parse_login, asked)), tuple(asked))


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


def parse_domain(entry: str) -> str:
    """An entry of a domain list in the form that is compared. Raises ValueError with what was probably meant."""
    if not entry:
        raise ValueError("an empty domain")
    if "@" in entry:
        raise ValueError(f"{entry!r} is a mailbox: give its domain, {entry.rpartition('@')[2]}")
    if "*" in entry:
        raise ValueError(f"{entry!r} has a wildcard: .example.org stands for the subdomains of example.org")
    parent = entry.startswith(".")
    try:
        form = domain_form(entry[1:] if parent else entry)
    except ValueError as error:
        raise ValueError(f"{entry!r} is no domain: {error}") from None
    if parent and form.startswith("["):
        raise ValueError(f"{entry!r} is no domain: an address literal has no subdomains")
    if form.rpartition(".")[2].isdigit():
        raise ValueError(f"{entry!r} is an address: in a mailbox it is written [{entry}]")
    return "." + form if parent else form


def parse_login(entry: str) -> str:
    """A login as {auth_authen} has it. Raises ValueError."""
    if not entry or not entry.isprintable():
        raise ValueError(f"{entry!r} is no login")
    return entry


_SORTS: dict[Callable[[str], Any], Sort] = {
    parse_network: "network",
    parse_domain: "domain",
    parse_login: "login",
}
"""What each function that parses an entry wants of a table that holds several sorts."""
