"""The query of an SQL table: its one parameter, `:key`, which the driver binds, and what its rows come to.

A query that puts the key in quotes, or in a comment, is refused at the start: there it would be text, not a parameter.
One that gives a row for whatever it is asked (count, EXISTS, an outer join) would say yes to everything, so each is
first asked for a name that cannot be there.
"""

import re
from collections.abc import Sequence

from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.described import Description
from relaymilter.tables.table import TableError

NOBODY = "no-such-key.relaymilter.invalid"
"""In no table (RFC 6761 6.4)."""
MOST_ROWS = 1000
"""That are read of an answer."""

_KEY = re.compile(r"(?<![:\w\\]):key(?![\w$]|:(?!:))")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_UNCLEAR = re.compile(r"\\['\"`]|--|/\*|\$\w*\$")
_NO_PARAMETER = re.compile(rf"{_KEY.pattern}|:")


def checked(description: Description, comment: str = "") -> str:
    """The query of a description, if `:key` is a parameter in it. Raises TableError. `comment` begins one, too."""
    statement = description.text("query")
    if problem := _problem(statement, comment):
        raise TableError(f"{description.path}: query: {problem}")
    return statement


def _problem(statement: str, comment: str) -> str | None:
    bare = _QUOTED.sub(" ", statement)
    if unclear := _UNCLEAR.search(statement):
        return f"{unclear[0]} is not understood here: no comments, no \\ before a quote, no dollar quotes"
    if comment and comment in bare:
        return f"{comment} begins a comment: leave it out"
    if re.search(r"['\"`]", bare):
        return "a quote in it does not end"
    if any(":key" in quoted for quoted in _QUOTED.findall(statement)):
        return ":key stands in quotes: write it without, the driver knows what to do with it"
    if not _KEY.search(bare):
        return "there is no :key in it, which stands for what is looked up"
    return None


def escaped(query: str) -> str:
    r"""The query for SQLAlchemy, to which every `:name` is a parameter, also in quotes: other colons become `\:`."""
    return _NO_PARAMETER.sub(lambda match: match[0] if len(match[0]) > 1 else r"\:", query)


def bindable(key: str) -> bool:
    """Can a database hold this key? A NUL and half a surrogate pair are no text there."""
    return "\0" not in key and not any("\ud800" <= character <= "\udfff" for character in key)


def answer(rows: Sequence[Sequence[object]]) -> str | None:
    """The first columns, joined; None without a row. A row whose first column is false (not 0) does not count."""
    counted = [row for row in rows if not row or row[0] is not False]
    return ", ".join(_text(row[0]) for row in counted if row) if counted else None


def refuse_yes_to_all(rows: Sequence[Sequence[object]]) -> None:
    """Raise LookupFailed if these rows are the answer to NOBODY."""
    if answer(rows) is not None:
        raise LookupFailed(f"the query gives a row for {NOBODY}, too; it must give none for what is not in the table")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    return str(value)
