"""The entries of a list option: given one by one, or `file:PATH` with one a line; each parsed, each with its place."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from relaymilter.config.problems import Problems, Value
from relaymilter.policy.domains import domain_form
from relaymilter.policy.networks import LocalNetwork, parse_network, suspicion
from relaymilter.tables import text

T = TypeVar("T")


def parsed(values: list[Value], parse: Callable[[str], T], problems: Problems) -> list[tuple[T, str]]:
    """Every entry that can be parsed, with its place; what cannot goes to problems."""
    found = []
    for value in _spread(values, problems):
        try:
            found.append((parse(value.text), value.place))
        except ValueError as error:
            problems.error(value.place, str(error))
    return found


def _spread(values: list[Value], problems: Problems) -> Iterator[Value]:
    for value in values:
        if not value.text.startswith("file:"):
            yield Value(value.text.strip(), value.place)
            continue
        key = value.place.rpartition(" ")[2].removeprefix("--")
        path = Path(value.text.removeprefix("file:"))
        try:
            entries = text.entries(path)
        except (OSError, ValueError) as error:
            problems.error(value.place, f"{path}: {getattr(error, 'strerror', None) or error}")
            continue
        if not entries:
            problems.warn(value.place, f"{path} has no entries")
        for line, entry in entries:
            yield Value(entry, f"{path}:{line}: {key}")


def networks(values: list[Value], problems: Problems) -> tuple[LocalNetwork, ...]:
    """Local networks; those that look like a mistake are warned of."""
    found = parsed(values, parse_network, problems)
    for local, place in found:
        if doubt := suspicion(local):
            problems.warn(place, f"{local} {doubt}")
    if found and all(local.excluded for local, _ in found):
        problems.warn(found[0][1], "networks are only excluded, so no client is local: name those that are, too")
    return tuple(local for local, _ in found)


def domains(values: list[Value], problems: Problems) -> frozenset[str]:
    """Local or relay domains, in domain_form."""
    found = parsed(values, parse_domain, problems)
    for domain, place in found:
        if domain.startswith(".") and "." not in domain[1:]:
            problems.warn(place, f"{domain} stands for every domain that ends so")
    return frozenset(domain for domain, _ in found)


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
