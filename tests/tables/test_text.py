"""`file:`: one entry a line, with comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.tables.table import Entry, TableError
from relaymilter.tables.text import open_table


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"\n\n  \n\t\n", []),
        (b"# nothing\n   # here\n", []),
        (b"example.org\n", [(1, "example.org")]),
        (b"example.org", [(1, "example.org")]),
        (b"  example.org\t\n", [(1, "example.org")]),
        (b"example.org # the company\n", [(1, "example.org")]),
        (b"example.org#the company\n", [(1, "example.org")]),
        (b"# ours\n\na.test\n# theirs\nb.test\n", [(3, "a.test"), (5, "b.test")]),
        (b"a.test\r\nb.test\r\n", [(1, "a.test"), (2, "b.test")]),
        ("bücher.test\n".encode(), [(1, "bücher.test")]),
        (b"two words\n", [(1, "two words")]),
        ("a.test\u2028b.test\n".encode(), [(1, "a.test\u2028b.test")]),
    ],
    ids=[
        "empty",
        "blank lines",
        "comments only",
        "one",
        "no end of line",
        "blanks around",
        "comment after blank",
        "comment at once",
        "line numbers",
        "CR LF",
        "UTF-8",
        "a blank inside is kept for the parser to refuse",
        "LINE SEPARATOR ends no line",
    ],
)
def test_entries(tmp_path: Path, content: bytes, found: list[tuple[int, str]]) -> None:
    """An entry comes with its line number; comments and blank lines do not count."""
    path = tmp_path / "list"
    path.write_bytes(content)
    loaded = open_table("file", str(path))
    assert [Entry(*entry) for entry in found] == [*loaded.entries]
    assert (str(path), (path,)) == (loaded.source, loaded.files)


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"\xe9\n", 1), (b"a.test\nb.test\nc\xe9.test\n", 3), (b"a.test\n# caf\xe9\n", 2), (b"a.test\n\xc3", 2)],
    ids=["first line", "third line", "in a comment", "cut short"],
)
def test_not_utf8(tmp_path: Path, content: bytes, line: int) -> None:
    """A file that is not UTF-8 is refused with the line."""
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(TableError, match=f"/list: line {line} is not UTF-8$"):
        open_table("file", str(path))


def test_missing(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(TableError, match="/list: No such file or directory$"):
        open_table("file", str(tmp_path / "list"))


def test_folder(tmp_path: Path) -> None:
    """A folder is no list."""
    with pytest.raises(TableError, match="Is a directory$"):
        open_table("file", str(tmp_path))
