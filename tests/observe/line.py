"""The decision log, taken apart again, as strictly as a program that reads it would."""

from __future__ import annotations

import re

_FIELD = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ "]+)(?: |$)')
_ESCAPED = re.compile(r"\\([\\\"])")


def fields(line: str) -> dict[str, str | None]:
    """The fields of a text line in their order; `-` is None. Raises ValueError for what is no such line."""
    word, _, rest = line.partition(" ")
    if word != "decision":
        raise ValueError(f"no decision: {line!r}")
    found: dict[str, str | None] = {}
    at = 0
    while at < len(rest):
        field = _FIELD.match(rest, at)
        if field is None or field[1] in found:
            raise ValueError(f"no field, or one that was there, at {rest[at:]!r}")
        found[field[1]] = _value(field[2])
        at = field.end()
    return found


def _value(text: str) -> str | None:
    if text == "-":
        return None
    if not text.startswith('"'):
        return text
    # Only a quote has got a backslash by being quoted; any other is printable()'s own.
    return _ESCAPED.sub(lambda pair: '"' if pair[1] == '"' else pair[0], text[1:-1])
