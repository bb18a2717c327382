"""A file of cidr_table(5): networks and what is said of each; `postmap` cannot list it, so it is read here.

Only what can be a list of networks: `if`, and `!network`, which stands for every other address, are refused.
"""

from collections.abc import Iterator
from pathlib import Path

from relaymilter.tables.braces import inside, words
from relaymilter.tables.table import Entry, Loaded, Note, TableError


def open_cidr(name: str) -> Loaded:
    """The networks of the file `name`, or of the rules `{ {network result}, ... }`. Raises TableError."""
    within = inside(name.strip())
    if within is not None:
        return _loaded("cidr", _inline(within), ())
    path = Path(name)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise TableError(f"{path}: {error}") from None
    return _loaded(str(path), _logical(text), (path,))


def _inline(text: str) -> list[tuple[int, str]]:
    try:
        return [(number, inside(word) or word) for number, word in enumerate(words(text), 1)]
    except ValueError as error:
        raise TableError(f"cidr: {error}") from None


def _logical(text: str) -> list[tuple[int, str]]:
    """Every line with those that continue it, as they begin with a blank, and the number of the first."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if line[0].isspace() and lines:
            first, begun = lines[-1]
            lines[-1] = first, f"{begun} {stripped}"
        else:
            lines.append((number, stripped))
    return lines


def _loaded(source: str, lines: list[tuple[int, str]], files: tuple[Path, ...]) -> Loaded:
    notes: list[Note] = []
    entries = [*_entries(source, lines, notes)]
    return Loaded(source, entries, files, notes)


def _entries(source: str, lines: list[tuple[int, str]], notes: list[Note]) -> Iterator[Entry]:
    for number, line in lines:
        pattern, *rest = line.split(None, 1)
        if pattern.lower() in ("if", "endif"):
            raise TableError(f"{source}:{number}: {pattern} makes no list of networks: write them one by one")
        if pattern.startswith("!"):
            raise TableError(f"{source}:{number}: {pattern} stands for every other address, and would open the relay")
        if not rest:
            notes.append(Note(number, f"{pattern} has no result, so Postfix skips it, and so do we"))
            continue
        yield Entry(number, _bare(pattern), rest[0])


def _bare(pattern: str) -> str:
    """Without the brackets that Postfix allows around an address."""
    address, slash, length = pattern.partition("/")
    return address.removeprefix("[").removesuffix("]") + slash + length
