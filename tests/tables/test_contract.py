"""What every type of table must do, on the real thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from relaymilter.tables.registry import open_table
from relaymilter.tables.table import Loaded

from .kinds import Make, Specimen, kinds

ENTRIES = {"example.org": "OK", "xn--bcher-kva.example": "one two", "192.0.2.7": "RELAY", "alice@example.org": "a, b"}
ABSENT = (
    "example.com",
    "sub.example.org",
    ".example.org",
    "xample.org",
    "example.org.",
    "192.0.2.70",
    "alice",
    "*",
    "%",
)
HOSTILE = tuple(f"exa{chr(code)}mple.org" for code in (*range(1, 48), *range(58, 65), *range(91, 97), *range(123, 256)))


@pytest.fixture(scope="module", params=[pytest.param(make, id=name) for name, make in kinds().items()])
def specimen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Specimen]:
    """A table with ENTRIES."""
    make: Make = request.param
    with make(tmp_path_factory.mktemp("table"), ENTRIES) as made:
        yield made


def finder(specimen: Specimen) -> Callable[[str], str | None]:
    """What looks a key up, as the milter does."""
    table = open_table(specimen.text)
    if isinstance(table, Loaded):
        return {entry.key: entry.value for entry in table.entries}.get
    return table.find


def test_finds_what_is_there(specimen: Specimen) -> None:
    """Every key, and its value where the type keeps values."""
    find = finder(specimen)
    expected = dict(ENTRIES) if specimen.keeps_values else dict.fromkeys(ENTRIES, "")
    assert expected == {key: find(key) for key in ENTRIES}


@pytest.mark.parametrize("key", ABSENT)
def test_finds_nothing_else(specimen: Specimen, key: str) -> None:
    """A neighbour, a parent, a pattern are not the key."""
    assert finder(specimen)(key) is None


def test_no_byte_of_a_key_means_anything(specimen: Specimen) -> None:
    """Quotes, wildcards, parentheses, controls, in a query, a filter or a protocol: such a key is simply not there."""
    find = finder(specimen)
    assert {key: None for key in HOSTILE} == {key: find(key) for key in HOSTILE}


def test_the_name_is_what_was_written(specimen: Specimen) -> None:
    """In the log a table has the name that its administrator gave it."""
    table = open_table(specimen.text)
    assert isinstance(table, Loaded) or table.name == specimen.text
