"""`inline:`: the entries themselves: `inline:{ key=value, {key = a text, with commas}, key }`, or `inline:key,key`.

As Postfix has it: commas or blanks come between entries; in braces of its own an entry may have blanks and commas.
"""

from collections.abc import Iterator

from relaymilter.tables.braces import inside, words
from relaymilter.tables.table import Entry, Loaded, TableError


def open_table(kind: str, name: str) -> Loaded:
    """The entries of this text. Raises TableError."""
    text = name.strip()
    try:
        within = inside(text)
        entries = [*_entries(text if within is None else within)]
    except ValueError as error:
        raise TableError(f"{kind}: {error}") from None
    return Loaded(kind, entries, may_be_empty=within is not None)


def _entries(text: str) -> Iterator[Entry]:
    for number, word in enumerate(words(text), 1):
        key, _, value = (inside(word) or word).partition("=")
        if not key.strip() or word == "{}":
            raise ValueError(f"{word!r} has no key: write key=value, or {{key = value}}")
        yield Entry(number, key.strip(), value.strip())
