"""`file:`: one entry a line, `#` begins a comment, blank lines do not count.

Sendmail's local-host-names and relay-domains and Postfix's lists in files have this form.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relaymilter.files.reading import use
from relaymilter.tables.table import Entry, Loaded, TableError

_BLOCK = 1 << 16


def open_table(_kind: str, name: str) -> Loaded:
    """The entries of the file `name`. Raises TableError."""
    path = Path(name)
    use(path)
    try:
        content = path.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        bad = error.object[: error.start].count(b"\n") + 1
        raise TableError(f"{path}: line {bad} is not UTF-8") from None
    except ValueError as error:  # NUL in the path
        raise TableError(f"{path}: {error}") from None
    return Loaded(str(path), Lines(content), (path,))


class Block(NamedTuple):
    """Whole lines, and the number of the first."""

    number: int
    text: str

    def entries(self) -> Iterator[Entry]:
        """Those in these lines."""
        for number, line in enumerate(self.text.split("\n"), self.number):
            entry = line.partition("#")[0].strip()
            if entry:
                yield Entry(number, entry)


class Lines:
    """The entries of a list; or, for who reads a long one faster so, its text."""

    def __init__(self, content: bytes) -> None:
        """UTF-8."""
        self._content = content

    def __iter__(self) -> Iterator[Entry]:
        return (entry for block in self.blocks() for entry in block.entries())

    def blocks(self) -> Iterator[Block]:
        """Never all lines at once: as a list they take four times the memory."""
        number, start, content = 1, 0, self._content
        while start < len(content):
            end = content.find(b"\n", start + _BLOCK) + 1 or len(content)
            text = content[start:end].decode("utf-8")
            yield Block(number, text)
            number += text.count("\n")
            start = end
