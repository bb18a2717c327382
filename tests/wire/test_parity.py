"""Both runtimes answer the same stream with the same octets, whatever was negotiated."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.rig import Relaymilter, running

from .mta import dial

OFFERS = [
    (6, 0x1FF, 0x1FFFFF),
    (7, 0xFFFFFFF, 0xFFFFFFFF),
    (6, 0xFF, 0x1FFFFF),
    (6, 0x1FF, 0),
    (6, 0x1FF, 0x7F),
    (6, 0x1FF, 0x1FBFFF),
    (6, 0x1FF, 0x1FDFFF),
    (6, 0x1FF, 0x1FEFFF),
    (4, 0x1FF, 0x1FFFFF),
    (3, 0x1F, 0x3FF),
    (2, 0x3F, 0x7F),
    (2, 0, 0),
]
HOSTS = [
    b"x\x004\x12\x67203.0.113.7\0",
    b"x\x004\x12\x67127.0.0.1\0",
    b"localhost\x004\0\x00127.0.0.1\0",
    b"x\x006\x12\x67IPv6:0:0:0:0:0:0:0:1\0",
    b"x\x006\x12\x672001:db8::9\0",
    b"x\x006\x12\x67::ffff:127.0.0.1\0",
    b"localhost\0U",
]
PATHS = [
    b"<bob@example.org>",
    b"<v@example.com>",
    b"<v%example.com@example.org>",
    b'<"b"@example.org>',
    b"<@hop.test:bob@example.org>",
    b"<bob@example.org>,<v@example.com>",
    b"<\xe9@example.org>",
    b"<postmaster>",
    "<bob@bücher.example>".encode(),
    b"<b\x0c@example.org>",
]
LOGINS = [None, b"joe", b"", b"\xff", b"-"]
READINGS = [None, b"bob@example.org", b"bob", b"v@example.com", b"\xff@example.org", b"v%example.com"]


def packet(command: bytes, data: bytes = b"") -> bytes:
    """A packet."""
    return struct.pack("!I", 1 + len(data)) + command + data


def macros(command: bytes, *pairs: tuple[bytes, bytes | None]) -> bytes:
    """The macros that have a value."""
    return packet(b"D", command + b"".join(name + b"\0" + value + b"\0" for name, value in pairs if value is not None))


def recipient(chance: random.Random) -> bytes:
    """RCPT with its macros, as MTAs always send some."""
    login, reading = chance.choice(LOGINS), chance.choice(READINGS)
    named = macros(b"R", (b"{auth_authen}", login), (b"{rcpt_addr}", reading))
    return named + packet(b"R", chance.choice(PATHS) + b"\0" + chance.choice([b"", b"NOTIFY=NEVER\0"]))


def message(chance: random.Random) -> bytes:
    """A message up to its end, or given up."""
    parts = [
        macros(b"M", (b"{mail_addr}", b"a@b.test")),
        packet(b"M", chance.choice([b"<a@b.test>\0SIZE=1\0", b"<>\0"])),
    ]
    parts += [recipient(chance) for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.5:
        body = [packet(b"T"), packet(b"L", b"From\0a\0"), packet(b"N"), packet(b"B", b"x"), packet(b"E")]
        return b"".join(parts + body)
    return b"".join([*parts, packet(b"A")])


def stream(offer: tuple[int, ...], chance: random.Random) -> bytes:
    """A whole connection, of one or two SMTP sessions."""
    sessions = []
    for _ in range(chance.randint(1, 2)):
        version = macros(b"C", (b"v", chance.choice([None, b"Postfix 3.7.11", b"8.17.1.9"])))
        parts = [version, packet(b"C", chance.choice(HOSTS)), packet(b"H", b"x.test\0") * chance.randint(0, 2)]
        parts += [message(chance) for _ in range(chance.randint(1, 3))]
        sessions.append(b"".join(parts))
    return packet(b"O", struct.pack("!III", *offer)) + packet(b"K").join(sessions) + packet(b"Q")


def answered(daemon: Relaymilter, sent: bytes) -> bytes:
    """All that comes back until the milter hangs up."""
    came = b""
    with dial(daemon.milter) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            came += more
    return came


@pytest.fixture(scope="module")
def both(session_folder: Path) -> Iterator[tuple[Relaymilter, Relaymilter]]:
    """A daemon on each runtime, otherwise alike."""
    flags = ("--local-domain", "example.org", "--local-domain", "bücher.example")
    with ExitStack() as stack:
        libmilter, loop = (
            stack.enter_context(running(Relaymilter(session_folder / f"parity-{name}", *flags, "--runtime", name)))
            for name in ("libmilter", "loop")
        )
        yield libmilter, loop


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: "-".join(f"{number:x}" for number in offer))
def test_both_runtimes_answer_octet_for_octet(both: tuple[Relaymilter, Relaymilter], offer: tuple[int, ...]) -> None:
    """Twenty connections of every kind of session, message and recipient; each answers something to each."""
    libmilter, loop = both
    for seed in range(20):
        sent = stream(offer, random.Random(seed))
        expected = answered(libmilter, sent)
        assert expected.count(b"\0\0\0") > 2
        assert answered(loop, sent) == expected, seed
