"""`file:`: one entry a line, `#` begins a comment, blank lines do not count.

Sendmail's local-host-names and relay-domains and Postfix's lists in files have this form.
"""

from collections.abc import Iterator
from pathlib import Path

from relaymilter.tables.safety import use
from relaymilter.tables.table import Block, Entry, Loaded, TableError

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
    blocks = _blocks(content)
    return Loaded(str(path), (entry for block in blocks for entry in entries_of(block)), (path,), blocks=blocks)


def _blocks(content: bytes) -> Iterator[Block]:
    """Whole lines; never all of them, for in a list they take thrice the memory."""
    number, start = 1, 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK) + 1 or len(content)
        text = content[start:end].decode("utf-8")
        yield Block(number, text)
        number += text.count("\n")
        start = end


def entries_of(block: Block) -> Iterator[Entry]:
    """The entries in these lines."""
    for number, line in enumerate(block.text.split("\n"), block.number):
        entry = line.partition("#")[0].strip()
        if entry:
            yield Entry(number, entry)
