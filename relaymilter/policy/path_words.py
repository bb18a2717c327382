"""The words that a mailbox is made of: one regular expression takes a path apart, from left to right.

Blanks and comments may stand between any two (RFC 5322 3.2.3) and are left out. What an MTA might read otherwise than a
dot-atom is called odd. address.py says what the words mean.
"""

import re
from typing import NamedTuple

ATEXT = r"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"
_QTEXT = r" !#-\[\]-~\u00a0-\U0010ffff"
_ODD = ("quoted", "literal")
"""Kinds of words that an MTA might read otherwise."""
_SKIPPED = r"(?:[ \t]|\([^()\\]*(?:\\.[^()\\]*)*\))+"
"""Blanks, and comments that have none inside (RFC 5322 3.2.2)."""
_QUOTED_BEGUN = re.compile(rf'"[{_QTEXT}]*(?:\\[ -~][{_QTEXT}]*)*')
# No `++` or `*+` here: Python 3.11.2, which Debian 12 has, reads " (" as a whole comment by them. It is linear without,
# since no text can be matched in two ways, or nothing follows that could fail.
_TOKEN = re.compile(
    rf"""
    (?P<skipped>{_SKIPPED})
  | (?P<word>(?:[{ATEXT}\u00a0-\U0010ffff]+|\\[ -~]?)+)
  | (?P<quoted>{_QUOTED_BEGUN.pattern}")
  | (?P<dot>\.)
  | (?P<at>@)
  | (?P<literal>\[[!-Z^-~]*\])
  | (?P<end>>|\Z)
    """,
    re.VERBOSE,
)
"""What a mailbox is made of, from left to right."""
_SKIP = re.compile(_SKIPPED)
_COMMENT = re.compile(r"[^()\\]+|\\.?|[()]")
_PAIR = re.compile(r"\\(.)")
_PAIRED = re.compile(r"(?:[^\\]|\\[ -~])*")


class NotAPath(Exception):
    """The text says why."""


class Word(NamedTuple):
    """A part of a mailbox."""

    kind: str
    """A group of _TOKEN: word, quoted (which a word with a quoted pair is, too), dot, at or literal."""
    text: str
    """Without quotes and backslashes."""


def words(text: str, at: int) -> tuple[list[Word], int, bool]:
    """The words up to `>` or the end, where that is, and whether anything in or between them is odd."""
    parts: list[Word] = []
    odd = False
    while True:
        match = _TOKEN.match(text, at)
        if match is None and text[at] == "(":
            odd, at = True, _comment(text, at)
            continue
        kind, token = (match.lastgroup, match[0]) if match else (None, "")
        if kind == "end":
            return parts, at, odd
        if kind != "skipped":
            parts.append(_word(kind, token, parts[-1].kind if parts else "", text[at:]))
        odd = odd or kind == "skipped" or parts[-1].kind in _ODD
        at += len(token)


def _word(kind: str | None, token: str, before: str, rest: str) -> Word:
    """The word that this token is; `before` is the kind of the last one, `rest` the text from here on."""
    if kind in ("dot", "at") or (kind == "literal" and before == "at"):
        return Word(kind, token)
    if before == "at" and rest.startswith("["):
        raise NotAPath("an address literal that does not close")
    if before not in ("", "at", "dot"):
        raise NotAPath("two words without a dot between them")
    if kind == "quoted":
        return Word("quoted", _PAIR.sub(r"\1", token[1:-1]))
    if kind != "word":
        raise NotAPath(_why_no_word(rest))
    if "\\" not in token:
        return Word("word", token)
    if not _PAIRED.fullmatch(token):
        raise NotAPath(_NO_PAIR)
    return Word("quoted", _PAIR.sub(r"\1", token))


_NO_PAIR = "a backslash before nothing that it may quote"


def _why_no_word(rest: str) -> str:
    """Why no word begins here."""
    begun = _QUOTED_BEGUN.match(rest)
    if begun is None:
        return f"{rest[0]!r} in the path"
    return _NO_PAIR if rest.startswith("\\", begun.end()) else "a quoted string that does not close"


def skip(text: str, at: int) -> int:
    """Where blanks and comments end; they leave a word between two readings."""
    while True:
        if match := _SKIP.match(text, at):
            at = match.end()
        elif text.startswith("(", at):
            at = _comment(text, at)
        else:
            return at


def _comment(text: str, at: int) -> int:
    """Where a comment ends that has others inside."""
    depth = 0
    for part in _COMMENT.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        if depth == 0:
            return part.end()
    raise NotAPath("a comment that does not close")
