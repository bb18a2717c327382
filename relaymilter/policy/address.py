"""The path as the client wrote it -> a Path, or why it is none.

Strict, after RFC 5321 4.1.2 and RFC 6531 3.3, with what MTAs are known to take beside it: source routes, quoted
strings, quoted pairs, comments, missing brackets, a second `@`. Whatever is left to interpret makes the path less than
plain, so that the caller asks a second witness; routing (`%`, `!`, `@`, a source route) is named. What an MTA takes and
this parser does not (two paths in one argument, junk after the bracket) is malformed, never guessed at.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, NoReturn

from relaymilter.policy.domains import domain_form

MAX_PATH = 1024
"""Octets of an argument. RFC 5321 4.5.3.1.3 asks for 256 at least; a source route may be longer."""
MAX_LOCAL = 255
"""Octets of a local part. RFC 5321 4.5.3.1.1 asks for 64 at least, and forwarders' SRS addresses need more."""
_PLAIN_LOCAL = 64

_ATEXT = r"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"
_USUAL = re.compile(rb"<([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,64})@([A-Za-z0-9_.-]{1,255})>")
_ATOM = re.compile(rf"[{_ATEXT}\u00a0-\U0010ffff]+")
_DOT_STRING = re.compile(rf"[{_ATEXT}\u00a0-\U0010ffff.]+")
_QTEXT = re.compile(r"[ !#-\[\]-~\u00a0-\U0010ffff]+")
_LITERAL = re.compile(r"\[[!-Z^-~]*\]")
_HOP = re.compile(r"\[[!-Z^-~]*\]|[^,:<>@\[\]\"\\() \t]+")
_BLANK = re.compile(r"[ \t]+")
_PARAMETERS = re.compile(r"(?: +[A-Za-z0-9][A-Za-z0-9-]*(?:=[!-<>-~]+)?)+ *")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_ROUTING = re.compile(r"[%!@]")


class Path(NamedTuple):
    """A path that could be parsed. The null path has neither local part nor domain; `<postmaster>` has no domain."""

    local: str
    """The local part without its quotes and backslashes."""
    domain: str
    """As domain_form() gives it, or empty."""
    plain: bool
    """Nothing is left for an MTA to interpret: `<dot-atom@domain>`, without routing."""
    route: tuple[str, ...] = ()
    """The hosts of a source route (RFC 5321 appendix F.2)."""

    @property
    def routing(self) -> str | None:
        """How this path asks to be sent on to somewhere else, in words, or None."""
        if self.route:
            return "a source route"
        found = None if self.plain else _ROUTING.search(self.local)
        return f"{found[0]} in the local part" if found else None

    def __str__(self) -> str:
        """The path in its one canonical form, which parses to the same mailbox."""
        if not (self.local or self.domain or self.route):
            return "<>"
        local = self.local if _DOT_STRING.fullmatch(self.local) else _quoted(self.local)
        route = ",".join(f"@{host}" for host in self.route) + ":" if self.route else ""
        return f"<{route}{local}{'@' if self.domain else ''}{self.domain}>"


@dataclass(frozen=True, slots=True)
class Malformed:
    """A path that cannot be parsed, and why."""

    reason: str


def parse(raw: bytes) -> Path | Malformed:
    """Parse the argument of RCPT or MAIL as the client wrote it, or an address macro. It never raises."""
    usual = _USUAL.fullmatch(raw)
    if usual is not None:
        local, typed = usual.groups()
        domain = _usual_domain(typed)
        if domain:
            return Path(local.decode("ascii"), domain, b"%" not in local and b"!" not in local)
    try:
        return _Scanner(_text(raw)).path()
    except _NotAPath as problem:
        return Malformed(str(problem))


@lru_cache(4096)
def _usual_domain(typed: bytes) -> str:
    """The form of a domain that leaves nothing to interpret, or empty. The same few come again and again."""
    if typed.endswith(b"."):
        return ""
    try:
        return domain_form(typed.decode("ascii"))
    except ValueError:
        return ""


class _NotAPath(Exception):
    pass


def _text(raw: bytes) -> str:
    if len(raw) > MAX_PATH:
        raise _NotAPath(f"longer than {MAX_PATH} octets")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _NotAPath("bytes that are not UTF-8") from None
    if _CONTROL.search(text):
        raise _NotAPath("a control character")
    return text


def _quoted(local: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


class _Scanner:
    """One left-to-right pass; `odd` turns true at whatever an MTA might read otherwise."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.odd = False

    def path(self) -> Path:
        self.skip()
        bracket = self.take("<")
        if not bracket:
            self.odd = True
        self.skip()
        route = self.route() if self.peek() == "@" else ()
        words = self.words()
        if bracket and not self.take(">"):
            self.fail("no closing bracket" if self.peek() == "" else f"{self.peek()!r} in the path")
        self.end(bracket)
        return self.assemble(route, words)

    def assemble(self, route: tuple[str, ...], words: list[str]) -> Path:
        """Split at the last `@` that stands outside quotes; the words before it are the local part."""
        last = max((i for i, word in enumerate(words) if word == "@"), default=len(words))
        local = "".join(word[1:] if word != "@" else "@" for word in words[:last])
        domain = "".join(word[1:] for word in words[last + 1 :])
        if last < len(words):
            if any(word.startswith("Q") for word in words[last + 1 :]):
                self.fail("a quoted domain")
            if last == 0:
                self.fail("no local part")
            domain = self.domain(domain)
        if not words and (route or self.odd):
            self.fail("no mailbox")
        if len(local.encode()) > MAX_LOCAL:
            self.fail(f"a local part longer than {MAX_LOCAL} octets")
        plain = not (self.odd or route or _ROUTING.search(local)) and local.isascii() and len(local) <= _PLAIN_LOCAL
        return Path(local, domain, plain and bool(domain), route)

    def words(self) -> list[str]:
        """Tokens: `Wtext` for atoms and dots, `Qtext` for what was quoted or escaped, `Ltext` for a literal, `@`."""
        words: list[str] = []
        self.skip()
        while (char := self.peek()) not in ("", ">"):
            if char == "@":
                words.append(self.next())
            elif char == ".":
                words.append("W" + self.next())
            elif char == "[" and words and words[-1] == "@":
                words.append("W" + self.match(_LITERAL, "an address literal that does not close"))
                self.odd = True
            else:
                if words and words[-1] not in ("@", "W."):
                    self.fail("two words without a dot between them")
                words.append(self.word())
            self.skip()
        return words

    def word(self) -> str:
        """An atom, with quoted pairs in it (RFC 821 took them bare), or a quoted string."""
        if self.peek() == '"':
            return "Q" + self.quoted_string()
        kind, parts = "W", []
        while True:
            if self.peek() == "\\":
                kind = "Q"
                parts.append(self.pair())
            elif found := _ATOM.match(self.text, self.at):
                self.at = found.end()
                parts.append(found[0])
            else:
                break
        if not parts:
            self.fail(f"{self.peek()!r} in the path")
        return kind + "".join(parts)

    def quoted_string(self) -> str:
        self.odd = True
        self.at += 1
        parts = []
        while not self.take('"'):
            if self.peek() == "\\":
                parts.append(self.pair())
            else:
                parts.append(self.match(_QTEXT, "a quoted string that does not close"))
        return "".join(parts)

    def pair(self) -> str:
        self.odd = True
        self.at += 1
        char = self.peek()
        if not " " <= char <= "~":
            self.fail("a backslash before nothing that it may quote")
        return self.next()

    def route(self) -> tuple[str, ...]:
        """`@hop1,@hop2:`; RFC 5321 4.1.1.3 has receivers ignore it, MTAs follow or refuse it."""
        self.odd = True
        hops = []
        while self.take("@"):
            self.skip()
            hops.append(self.domain(self.match(_HOP, "a source route without a host")))
            self.skip()
            if not self.take(","):
                break
            self.skip()
        if not self.take(":"):
            self.fail("a source route that does not end in a colon")
        return tuple(hops)

    def domain(self, text: str) -> str:
        try:
            form = domain_form(text)
        except ValueError as problem:
            self.fail(f"domain: {problem}")
        if text.endswith(".") or not text.isascii():
            self.odd = True
        return form

    def skip(self) -> None:
        """Blanks and comments, which may nest (RFC 5322 3.2.2); they leave a word between two readings."""
        while True:
            if found := _BLANK.match(self.text, self.at):
                self.at = found.end()
            elif self.peek() == "(":
                self.comment()
            else:
                return
            self.odd = True

    def comment(self) -> None:
        depth = 0
        while True:
            char = self.peek()
            if char == "":
                self.fail("a comment that does not close")
            self.at += 2 if char == "\\" else 1
            depth += {"(": 1, ")": -1}.get(char, 0)
            if depth == 0:
                return

    def end(self, bracket: bool) -> None:
        """Nothing may follow but ESMTP parameters, after a blank (RFC 5321 4.1.2)."""
        rest = self.text[self.at :]
        if not rest.strip(" \t"):
            self.odd = self.odd or bool(rest)
        elif bracket and _PARAMETERS.fullmatch(rest):
            self.odd = True
        else:
            self.fail("something follows the path")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def take(self, char: str) -> bool:
        if self.peek() == char:
            self.at += 1
            return True
        return False

    def match(self, pattern: re.Pattern[str], problem: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            self.fail(problem)
        self.at = found.end()
        return found[0]

    def fail(self, reason: str) -> NoReturn:
        raise _NotAPath(reason)
