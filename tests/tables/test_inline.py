"""Entries in the name of a table."""

from __future__ import annotations

import pytest

from relaymilter.tables.registry import open_table
from relaymilter.tables.table import Loaded, TableError


def entries(text: str) -> list[tuple[int, str, str]]:
    """Its entries."""
    table = open_table(text)
    assert isinstance(table, Loaded)
    assert table.files == ()
    return [(entry.number, entry.key, entry.value) for entry in table.entries]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inline:a", [(1, "a", "")]),
        ("inline:a,b", [(1, "a", ""), (2, "b", "")]),
        ("inline: a , b\n\tc ", [(1, "a", ""), (2, "b", ""), (3, "c", "")]),
        ("inline:{ a=1, b=2 }", [(1, "a", "1"), (2, "b", "2")]),
        ("inline:{a=1}", [(1, "a", "1")]),
        ("inline:{ {a = one, two}, {b c = d = e}, f }", [(1, "a", "one, two"), (2, "b c", "d = e"), (3, "f", "")]),
        ("inline:{ {{a} = {b}} }", [(1, "{a}", "{b}")]),
        ("inline:{ {a = }, b= }", [(1, "a", ""), (2, "b", "")]),
        ("inline:a=x,{b = y z}", [(1, "a", "x"), (2, "b", "y z")]),
        ("inline:{ }", []),
        ("inline:,", []),
        ("inline:{ 2001:db8::1=x }", [(1, "2001:db8::1", "x")]),
    ],
)
def test_entries(text: str, expected: list[tuple[int, str, str]]) -> None:
    """Commas and blanks come between entries, but not inside braces; what follows the first `=` is the value."""
    assert expected == entries(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("inline:{ a", "there is a } missing"),
        ("inline:a }", "there is a } too many"),
        ("inline:{ a } }", "there is a } too many"),
        ("inline:{ =b }", "has no key"),
        ("inline:{ {= b}, a }", "has no key"),
        ("inline:{ {}, a }", "has no key"),
        ("inline:", "names no table"),
    ],
)
def test_no_entries(text: str, words: str) -> None:
    """What cannot be read is refused in words."""
    with pytest.raises(TableError, match=words):
        entries(text)
