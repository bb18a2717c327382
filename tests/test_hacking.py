"""HACKING.rst says what is there: its paths, its names, and its pieces of code."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from pathlib import Path

import pytest

from relaymilter.config.options import OPTIONS
from relaymilter.tables.registry import TYPES

ROOT = Path(__file__).parent.parent
HACKING = (ROOT / "HACKING.rst").read_text()
LITERALS = sorted(set(re.findall(r"``(.+?)``", HACKING)))
PATHS = [text for text in LITERALS if "/" in text or text.endswith((".rst", ".toml"))]
FLAGS = [text for text in LITERALS if text.startswith("--")]
TABLES = [text for text in LITERALS if text.endswith(":")]
WORDS = [text for text in LITERALS if text not in {*PATHS, *FLAGS, *TABLES}]
BLOCKS = re.findall(r"``(\S+/\S+)``[^`]*?::\n\n((?: {4}.*\n|\n)+)", HACKING)
PLACES = re.findall(r"``(\w+)``\s+in\s+``(\S+\.py)``", HACKING)
ELSEWHERE = {
    *("mypy", "ruff", "type:name", "--mutate", "--strict", "--help", "None", "ValueError"),
    *(".venv-floor", ".venv-newest", "--mtas debian13"),
}
"""Tools, and what is Python's or click's own."""


@cache
def source() -> str:
    """Everything that a name may stand in: the package and its tests, without this one."""
    files = [*ROOT.glob("relaymilter/**/*.py"), *ROOT.glob("tests/**/*.py")]
    return "\n".join(path.read_text() for path in files if path != Path(__file__))


def test_something_is_asked() -> None:
    """The three walks are found, with paths, flags, names and code."""
    assert re.findall(r"^(Add .*)\n-+$", HACKING, re.MULTILINE) == ["Add an option", "Add a restriction", "Add a table"]
    assert min(map(len, (PATHS, FLAGS, TABLES, WORDS, BLOCKS, PLACES))) > 0
    assert len(BLOCKS) == HACKING.count("::\n\n")


@pytest.mark.parametrize("path", PATHS)
def test_path(path: str) -> None:
    """A file or a folder that is named is there, from the top or in the package or its tests."""
    assert any((top / path).exists() for top in (ROOT, ROOT / "relaymilter", ROOT / "tests"))


@pytest.mark.parametrize("flag", FLAGS)
def test_flag(flag: str) -> None:
    """A flag that is named is an option."""
    assert flag in ELSEWHERE or flag.removeprefix("--") in OPTIONS


@pytest.mark.parametrize("kind", TABLES)
def test_table(kind: str) -> None:
    """A type of table that is named can be opened."""
    assert kind.removesuffix(":") in TYPES


@pytest.mark.parametrize("word", WORDS)
def test_name(word: str) -> None:
    """Any other name stands in the source."""
    assert word in ELSEWHERE or re.search(rf"(?<!\w){re.escape(word)}(?!\w)", source())


@pytest.mark.parametrize(("name", "path"), PLACES)
def test_place(name: str, path: str) -> None:
    """What is said to be in a file is defined there."""
    assert re.search(rf"^ *(?:def|class) {name}\b", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize(("path", "block"), BLOCKS, ids=[path for path, _ in BLOCKS])
def test_code(path: str, block: str) -> None:
    """A piece of code is what stands in the file that is named before it, however far it is indented there."""
    wanted = textwrap.dedent(block).strip().splitlines()
    lines = (ROOT / path).read_text().splitlines()
    pieces = (textwrap.dedent("\n".join(lines[n : n + len(wanted)])).splitlines() for n in range(len(lines)))
    assert wanted in pieces
