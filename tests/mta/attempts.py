"""Envelopes to compare MTAs by: those of audit/'s corpus, the same damaged, and random ones.

Each is a transaction of its own, mostly with one RCPT. None has a line end in it: that is for test_smuggling.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from relaymilter.audit.hostile.corpus import corpus
from relaymilter.audit.hostile.envelopes import Envelope, Names, shown
from tests.rig import HOST_NAME, STRANGER

NAMES = Names(victim="victim@example.com", domain="example.org", host=HOST_NAME, user="bob")
RELAYED = "relayed.example"

LONGEST = 900
"""Octets of a line; MTAs break longer ones in different places."""

_HOSTS = (
    *("example.org", "example.org", HOST_NAME, RELAYED, RELAYED, "EXAMPLE.Org", "example.org.", "[127.0.0.1]"),
    *(
        "localhost",
        "example.com",
        "example.org.example.com",
        "sub.example.org",
        "[203.0.113.99]",
        "com",
        "ex\u212ample.org",
        "",
    ),
)
_LOCALS = (
    *(
        "bob",
        "bob",
        "alice",
        "alice",
        "root",
        "postmaster",
        "BOB",
        "bob+tag",
        "bob.x",
        '"bob"',
        '"bob"."x"',
        "b\\ob",
        "bob(x)",
        "(x)bob",
    ),
    *("victim%example.com", "example.com!victim", "victim@example.com", '"victim@example.com"', '"victim%example.com"'),
    *("victim\\@example.com", '"example.com!victim"', "bob%example.org", "example.org!bob", "", " bob", "bob "),
)
_ROUTES = *("",) * 10, *("@example.com:", "@example.org:", "@example.org,@example.com:", f"@{HOST_NAME}:", "@:")
_BRACKETS = (("<", ">"),) * 12 + (
    ("", ""),
    ("<", ""),
    ("", ">"),
    ("<<", ">>"),
    ("x <", ">"),
    ('"x" <', ">"),
    ("< ", " >"),
)
_PIECES = (
    *(b"@", b"%", b"!", b"<", b">", b",", b":", b";", b"(", b")", b'"', b"\\", b"[", b"]", b".", b" ", b"\t", b"/"),
    *(b"\x01", b"\x7f", b"\xff", b"\xc2\x80", b"\xe2\x84\xaa", b"\xef\xbc\xa0", b"@example.org", b"@example.com"),
    *(b"example.com", b"bob", b"|", b"=", b"#", b"victim", b"\\@", b'"@"', b"<bob@example.org>", b"IPv6:"),
)
_SENDERS = (
    *(b"<a@example.net>", b"<a@example.net>", b"<>", b"<bob@example.org>", b"<victim@example.com>", b"<root>"),
    *(f"<bob@{HOST_NAME}>".encode(), b"<@example.org:a@example.net>", b"<a%example.net@example.org>"),
)


class Attempt(NamedTuple):
    """One transaction, as a client writes it."""

    helo: bytes
    mail: bytes
    rcpt: tuple[bytes, ...]
    """Arguments of RCPT TO."""

    def __str__(self) -> str:
        """The beginning of a conversation."""
        return f"client {STRANGER}\nhelo   {shown(self.helo)}\nmail   {shown(self.mail)}"


def attempts(random: Random, count: int) -> list[Attempt]:
    """So many different ones: the corpus, as much of it as is half of the count; the rest damaged and random ones."""
    known = [attempt for attempt in map(_of, corpus(NAMES)) if _fits(attempt)]
    random.shuffle(known)
    known = known[: count // 2]
    found = dict.fromkeys(known)
    for attempt in _endless(random, known):
        if len(found) >= count:
            return list(found)
        if _fits(attempt):
            found[attempt] = None
    raise AssertionError("endless")


def _endless(random: Random, known: list[Attempt]) -> Iterator[Attempt]:
    while True:
        old = random.choice(known)
        yield old._replace(rcpt=(*old.rcpt[:-1], _damaged(random, old.rcpt[-1])))
        yield Attempt(b"client.example.net", random.choice(_SENDERS), (_path(random),))
        yield Attempt(b"client.example.net", random.choice(_SENDERS), (_path(random), _path(random)))
        yield Attempt(b"client.example.net", random.choice(_SENDERS), (_damaged(random, _path(random)),))


def _of(envelope: Envelope) -> Attempt:
    def with_parameters(path: bytes, parameters: tuple[bytes, ...]) -> bytes:
        return b" ".join((path, *parameters))

    last = with_parameters(envelope.recipient, envelope.rcpt_parameters)
    mail = with_parameters(envelope.sender, envelope.mail_parameters)
    return Attempt(envelope.helo, mail, (*envelope.before, last))


def _fits(attempt: Attempt) -> bool:
    lines = (attempt.helo, attempt.mail, *attempt.rcpt)
    return not any(octet in line for line in lines for octet in b"\r\n\0") and max(map(len, lines)) <= LONGEST


def _path(random: Random) -> bytes:
    before, after = random.choice(_BRACKETS)
    host = random.choice(_HOSTS)
    at = "@" if host or random.random() < 0.2 else ""
    return f"{before}{random.choice(_ROUTES)}{random.choice(_LOCALS)}{at}{host}{after}".encode()


def _damaged(random: Random, path: bytes) -> bytes:
    """Up to three pieces put in, or in the place of an octet."""
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(path))
        path = path[:at] + random.choice(_PIECES) + path[at + random.randint(0, 1) :]
    return path
