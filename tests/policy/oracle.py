"""What an MTA could make of a path, told without the parser: regular expressions and inet_pton alone.

It does not know what a path means. It flattens what is quoted and drops comments, as liberal MTAs do, and then demands
that no `%`, no `!`, no second `@` and no separator is left, and that the one host is ours. What it calls ours may still
be refused; what it does not call ours must never be permitted to a stranger.
"""

from __future__ import annotations

import re
import socket

_PLAIN = re.compile(
    rb"<[A-Za-z0-9.#$&'*+/=?^_`{|}~-]{1,64}@(?i:kite\.test|relay\.test|xn--bcher-kva\.test|([a-z0-9_-]+\.)+sub\.test)>"
)


def plain_and_ours(raw: bytes) -> bool:
    """Nothing to interpret, at a domain name of ours: the only shape for which the MTA's own reading does not count."""
    return _PLAIN.fullmatch(raw) is not None


_COMMENT = rb"\((?:[^()\\]|\\.)*\)"
for _ in range(7):
    _COMMENT = rb"\((?:[^()\\]|\\.|" + _COMMENT + rb")*\)"
_HIDDEN = re.compile(rb'"(?:[^"\\]|\\.)*"|' + _COMMENT + rb"|\\.", re.DOTALL)
_WORDS = rb"[^@%!<>,:;()\"\\\x00-\x08\x0a-\x1f\x7f]*"
_MAILBOX = rb"(?P<local>" + _WORDS + rb")(?:@(?P<host>" + _WORDS.replace(b":", b"") + rb"))?"
_SHAPES = (
    re.compile(rb"[ \t]*<" + _MAILBOX + rb">(?: +[A-Za-z0-9-]+(?:=[^ =]*)?)*[ \t]*"),
    re.compile(_MAILBOX),
)
_NAME = re.compile(rb"(?i:kite\.test|relay\.test|xn--bcher-kva\.test|b\xc3\xbccher\.test)\.?")
_SUBDOMAIN = re.compile(rb"(?i:(?:[a-z0-9_\x80-\xff-]+\.)+sub\.test)\.?")
_LITERALS = {socket.inet_pton(socket.AF_INET, text) for text in ("192.0.2.25", "192.0.2.26")} | {
    socket.inet_pton(socket.AF_INET6, "2001:db8::25")
}


def only_ours(raw: bytes) -> bool:
    """Whoever reads this path, quotes and comments or not, finds one host, which is ours, or finds postmaster."""
    parts = _parts(raw)
    if parts is None:
        return False
    local, host = parts
    return local.lower() == b"postmaster" if host is None else _is_ours(host)


_ATOM = re.compile(rb"<([A-Za-z0-9._+-]{1,64})>")


def name_at_ours(raw: bytes, rcpt_addr: bytes | None) -> bool:
    """A name without a domain, and nothing to interpret, which the MTA reads as that name at a host that is ours."""
    found = _ATOM.fullmatch(raw)
    parts = None if rcpt_addr is None else _parts(rcpt_addr)
    if found is None or parts is None or parts[1] is None:
        return False
    return parts[0].lower() == found[1].lower() and _is_ours(parts[1])


def read_as_ours(rcpt_addr: bytes) -> bool:
    """The same of {rcpt_addr}, which may be the bare name of any local user."""
    parts = _parts(rcpt_addr)
    return parts is not None and (parts[1] is None or _is_ours(parts[1]))


def _parts(raw: bytes) -> tuple[bytes, bytes | None] | None:
    """Local part and host without blanks; None where anything is left that asks for routing, or separates."""
    flat = _HIDDEN.sub(_flattened, raw)
    for shape in _SHAPES:
        found = shape.fullmatch(flat)
        if found is not None:
            host = found["host"]
            return _squeezed(found["local"]), None if host is None else _squeezed(host)
    return None


def _flattened(hidden: re.Match[bytes]) -> bytes:
    """A comment is a blank; of what is quoted or escaped the letters and what asks for routing stay."""
    if hidden[0].startswith(b"("):
        return b" "
    inside = hidden[0][1:-1] if hidden[0].startswith(b'"') else hidden[0]
    return re.sub(rb"[^@%!A-Za-z0-9.]", b"", inside)


def _squeezed(words: bytes) -> bytes:
    return re.sub(rb"[ \t]", b"", words)


def _is_ours(host: bytes) -> bool:
    if _NAME.fullmatch(host) or _SUBDOMAIN.fullmatch(host):
        return True
    literal = re.fullmatch(rb"\[(?P<tag>(?i:ipv6:))?(?P<address>[0-9A-Fa-f.:]+)\]", host)
    if literal is None:
        return False
    family = socket.AF_INET6 if literal["tag"] else socket.AF_INET
    try:
        return socket.inet_pton(family, literal["address"].decode("ascii")) in _LITERALS
    except OSError:
        return False
