"""What a client typed, made harmless: one line of ASCII that neither breaks a log line nor drives a terminal."""

import re

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 256))}
_ESCAPES[ord("\\")] = "\\\\"
LIMIT = 400
"""Characters of one field; a longer one is cut, and says so."""


def printable(raw: bytes) -> str:
    """ASCII with `\\xNN` for every other byte and `\\\\` for a backslash; at most LIMIT characters."""
    text = raw.decode("latin-1")
    if not (text.isascii() and text.isprintable()) or "\\" in text:
        text = text.translate(_ESCAPES)
    return text if len(text) <= LIMIT else text[: LIMIT - 3] + "..."


def printable_text(text: str) -> str:
    """The same for text, by its UTF-8."""
    if text.isascii() and text.isprintable() and "\\" not in text and len(text) <= LIMIT:
        return text
    return printable(text.encode("utf-8", "surrogateescape"))


def shortened(text: str, most: int) -> str:
    """At most so many characters of what printable() made, without the half of an escape at the end."""
    return text if len(text) <= most else _WHOLE.match(text[:most])[0]  # type: ignore[index]  # it matches anything


def typed(text: str) -> bytes:
    """The bytes that printable() made this of, so that a log line can be fed to explain."""
    return _ESCAPED.sub(_byte, text.encode("utf-8", "surrogateescape"))


def _byte(match: re.Match[bytes]) -> bytes:
    return b"\\" if match[1] is None else bytes([int(match[1], 16)])


_WHOLE = re.compile(r"(?:[^\\]|\\\\|\\x[0-9a-f]{2})*")
_ESCAPED = re.compile(rb"\\\\|\\x([0-9a-fA-F]{2})")


def quoted(text: str) -> str:
    """A value for a `key=value` line: bare if it can be, else in double quotes, with `\\"` inside; `-` is none."""
    if text not in ("", "-") and " " not in text and '"' not in text:
        return text
    return '"' + text.replace('"', '\\"') + '"'
