"""The path as the client wrote it -> a Path, or why it is none.

Strict, after RFC 5321 4.1.2 and RFC 6531 3.3, with what MTAs are known to take beside it: source routes, quoted
strings, quoted pairs, comments, missing brackets, a second `@`. Whatever is left to interpret makes the path less than
plain, so that the caller asks a second witness; routing (`%`, `!`, `@`, a source route) is named. What an MTA takes and
this parser does not (two paths in one argument, junk after the bracket) is malformed, never guessed at.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from relaymilter.policy.domains import domain_form
from relaymilter.policy.path_words import ATEXT, NotAPath, Word, skip, words

MAX_PATH = 1024
"""Octets of an argument. RFC 5321 4.5.3.1.3 asks for 256 at least; a source route may be longer."""
MAX_LOCAL = 255
"""Octets of a local part. RFC 5321 4.5.3.1.1 asks for 64 at least, and forwarders' SRS addresses need more."""
_PLAIN_LOCAL = 64

_USUAL = re.compile(rb"<([A-Za-z0-9#$&'*+\-/=?^_`{|}~.]{1,64})@([A-Za-z0-9_.-]{1,255})>")
"""A path that is plain, if its domain is one."""
_DOT_STRING = re.compile(rf"[{ATEXT}\u00a0-\U0010ffff.]+")
_HOP = re.compile(r"\[[!-Z^-~]*\]|[^,:<>@\[\]\"\\() \t]+")
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
        match = None if self.plain else _ROUTING.search(self.local)
        return f"{match[0]} in the local part" if match else None

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
            return tuple.__new__(Path, (local.decode("ascii"), domain, True, ()))  # half the time of Path()
    try:
        return _path(_text(raw))
    except NotAPath as problem:
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


def _text(raw: bytes) -> str:
    if len(raw) > MAX_PATH:
        raise NotAPath(f"longer than {MAX_PATH} octets")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NotAPath("bytes that are not UTF-8") from None
    if _CONTROL.search(text):
        raise NotAPath("a control character")
    return text


def _quoted(local: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'


def _path(text: str) -> Path:
    """The whole argument. `odd` is true where there is anything that an MTA might read otherwise."""
    start = skip(text, 0)
    bracket = text.startswith("<", start)
    at = skip(text, start + bracket)
    odd = not bracket or at > 1
    route, at = _route(text, at) if text.startswith("@", at) else ((), at)
    parts, at, odd_words = words(text, at)
    if bracket and not text.startswith(">", at):
        raise NotAPath("no closing bracket")
    odd_end = _end(text[at + bracket :], bracket)
    return _assembled(route, parts, odd or odd_words or odd_end)


def _route(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """`@hop1,@hop2:`, and where it ends; RFC 5321 4.1.1.3 has receivers ignore it, MTAs follow or refuse it."""
    hops = []
    while text.startswith("@", at):
        hop = _HOP.match(text, skip(text, at + 1))
        if hop is None:
            raise NotAPath("a source route without a host")
        hops.append(_domain(hop[0]))
        at = skip(text, hop.end())
        if not text.startswith(",", at):
            break
        at = skip(text, at + 1)
    if not text.startswith(":", at):
        raise NotAPath("a source route that does not end in a colon")
    return tuple(hops), at + 1


def _end(rest: str, bracket: bool) -> bool:
    """Whether anything follows the path: blanks, or ESMTP parameters after one (RFC 5321 4.1.2), and nothing else."""
    if rest.strip(" \t") and not (bracket and _PARAMETERS.fullmatch(rest)):
        raise NotAPath("something follows the path")
    return bool(rest)


def _assembled(route: tuple[str, ...], parts: list[Word], odd: bool) -> Path:
    """Split at the last `@` that stands outside quotes; the words before it are the local part."""
    last = max((i for i, word in enumerate(parts) if word.kind == "at"), default=len(parts))
    local, typed = _joined(parts[:last]), _joined(parts[last + 1 :])
    if any(word.kind == "quoted" for word in parts[last + 1 :]):
        raise NotAPath("a quoted domain")
    if last == 0 and parts:
        raise NotAPath("no local part")
    domain = _domain(typed) if last < len(parts) else ""
    odd = odd or typed.endswith(".") or not typed.isascii()
    if not parts and (route or odd):
        raise NotAPath("no mailbox")
    if len(local.encode()) > MAX_LOCAL:
        raise NotAPath(f"a local part longer than {MAX_LOCAL} octets")
    plain = not (odd or route or _ROUTING.search(local)) and local.isascii() and len(local) <= _PLAIN_LOCAL
    return Path(local, domain, plain and bool(domain), route)


def _joined(parts: list[Word]) -> str:
    return "".join([word.text for word in parts])


def _domain(typed: str) -> str:
    try:
        return _domain_form(typed)
    except ValueError as problem:
        raise NotAPath(f"domain: {problem}") from None


_domain_form = lru_cache(4096)(domain_form)
"""As with _usual_domain."""
