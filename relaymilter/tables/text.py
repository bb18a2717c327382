"""`file:`: one entry a line, `#` begins a comment, blank lines do not count.

Sendmail's local-host-names and relay-domains and Postfix's lists in files have this form.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from relaymilter.tables.safety import use
from relaymilter.tables.table import Entry, Loaded, TableError


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
    return Loaded(str(path), _entries(content), (path,))


def _entries(content: bytes) -> Iterator[Entry]:
    lines = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="\n")  # never all of them in memory
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip()
        if entry:
            yield Entry(number, entry)
