"""A match list of Postfix: names, networks, `/file` with more of them, `type:name`, each perhaps with `!` in front.

As Postfix's match_list.c reads it; the first item that matches decides.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relaymilter.files.reading import use
from relaymilter.mta.settings import Remark
from relaymilter.tables.braces import words

_DEPTH = 10
"""So many files may name one another."""


class Item(NamedTuple):
    """One pattern, or one table."""

    text: str
    excluded: bool
    place: str

    @property
    def is_table(self) -> bool:
        """Is it a `type:name`? An IPv6 address stands in brackets."""
        return ":" in self.text and not self.text.startswith("[")

    @property
    def written(self) -> str:
        """As it stands there."""
        return f"{'!' * self.excluded}{self.text}"


def items(value: str, place: str, remarks: list[Remark]) -> Iterator[Item]:
    """Every item in its order, those of files too. Raises ValueError for a brace, or a file that cannot be read."""
    yield from _items(value, place, False, 0, remarks)


def _items(value: str, place: str, excluded: bool, depth: int, remarks: list[Remark]) -> Iterator[Item]:
    for word in words(value):
        if word.startswith("#"):
            remarks.append(Remark(place, f"{word}: Postfix takes no comment here, and reads no further"))
            return
        text = word.lstrip("!")
        inverted = excluded ^ (len(word) - len(text)) % 2
        if text.startswith("/"):
            if depth == _DEPTH:
                raise ValueError(f"{text}: files name one another, {_DEPTH} deep")
            for line, at in _lines(Path(text), place.rpartition(" ")[2]):
                yield from _items(line, at, bool(inverted), depth + 1, remarks)
        elif text:
            yield Item(text, bool(inverted), place)


def _lines(path: Path, parameter: str) -> Iterator[tuple[str, str]]:
    """The lines of a file that are no comment, and their places. Raises ValueError."""
    use(path)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield line, f"{path}:{number}: {parameter}"
