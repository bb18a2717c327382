"""Hostile packets and fields: no permit for a stranger to a foreign mailbox, no crash, no forged line in the log."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
from collections.abc import Iterator, Mapping

import pytest

from tests.rig import Relaymilter

from .mta import Mta, Reply
from .sessions import BOB, STRANGER, VICTIM, greeted, logged, rcpt, serves

PATIENCE = 0.3
"""Seconds to wait for an answer where libmilter ignores what was sent; the log tells of an answer that came later."""


def _packet(command: bytes, data: bytes = b"") -> bytes:
    return struct.pack("!I", 1 + len(data)) + command + data


OFFER = _packet(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))
CONNECT = _packet(b"C", b"x\x004\xc3\x50203.0.113.7\0")
HELO = _packet(b"H", b"client.example.net\0")
MAIL = _packet(b"M", b"<a@example.net>\0")
RCPT = _packet(b"R", VICTIM + b"\0")
LOCAL = _packet(b"C", b"x\x004\xc3\x50127.0.0.1\0")
ABORT, QUIT, NEXT = _packet(b"A"), _packet(b"Q"), _packet(b"K")
GO_ON = (_packet(b"c"), _packet(b"a"))
SESSION = OFFER + CONNECT + HELO + MAIL + _packet(b"D", b"R{rcpt_addr}\0victim@example.com\0") + RCPT


@pytest.fixture
def unharmed(daemon: Relaymilter) -> Iterator[Relaymilter]:
    """A daemon that is, after the test, the same process, serves, and has permitted no stranger to reach the victim."""
    before, worker = len(logged(daemon)), daemon.children()
    yield daemon
    serves(daemon)
    log = logged(daemon)
    assert daemon.process is not None
    assert daemon.process.poll() is None
    assert daemon.children() == worker
    assert _permitted(log[before:], b"victim") == []


def _permitted(log: str, mailbox: bytes) -> list[str]:
    """The permits of a mailbox. Every line is either JSON or begins with a level, whatever was sent."""
    lines = log.splitlines()
    assert [line for line in lines if not re.match(r"\{.*\}$|(DEBUG|INFO|WARNING|ERROR): ", line)] == []
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in found if line["verdict"] == "permit" and mailbox.decode() in line["recipient"]]


def _send(daemon: Relaymilter, raw: bytes) -> bytes:
    """Send this all at once and nothing more, and return what comes back until the daemon hangs up."""
    came = b""
    with Mta(daemon.milter) as mta, contextlib.suppress(ConnectionError):
        mta.write(raw)
        mta.socket.shutdown(socket.SHUT_WR)
        while more := mta.socket.recv(4096):
            came += more
    return came


@contextlib.contextmanager
def _whatever_comes() -> Iterator[None]:
    """The daemon may hang up on this or ignore it."""
    with contextlib.suppress(ConnectionError, EOFError, TimeoutError):
        yield


GARBAGE = {
    "nothing": b"",
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "SMTP": b"EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<victim@example.com>\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(160),
    "no negotiation": SESSION[len(OFFER) :],
    "a recipient alone": RCPT,
    "no offer": _packet(b"O"),
    "a short offer": _packet(b"O", b"\0\0\0\6\0\0"),
    "version 0": _packet(b"O", struct.pack("!III", 0, 0x1FF, 0x1FFFFF)) + SESSION[len(OFFER) :],
    "version 1": _packet(b"O", struct.pack("!III", 1, 0xF, 0x3F)) + SESSION[len(OFFER) :],
    "a length of zero": bytes(4) + SESSION,
    "a length of 2 GB": b"\x7f\xff\xff\xffR" + SESSION,
    "a length of 4 GB": b"\xff\xff\xff\xffR" + SESSION,
    "a length of 64 KB too much": struct.pack("!I", 65538) + b"R" + bytes(65537),
    "an unknown command": _packet(b"Z", b"x") + SESSION,
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_before_negotiation(unharmed: Relaymilter, raw: bytes) -> None:
    """What is no negotiation is never answered with go on."""
    came = _send(unharmed, raw)
    assert not any(packet in came for packet in GO_ON)


MIDDLE = {
    "a length of zero": bytes(4),
    "a length of 2 GB": b"\x7f\xff\xff\xffM",
    "a length of 4 GB": b"\xff\xff\xff\xff",
    "an unknown command": _packet(b"Z", b"x"),
    "a command of a milter": _packet(b"c"),
    "a second negotiation": OFFER,
    "a connection without a family": _packet(b"C", b"localhost"),
    "HELO without an end": _packet(b"H", b"client.example.net"),
    "HELO without a name": _packet(b"H"),
    "MAIL without an end": _packet(b"M", b"<a@example.net>"),
    "MAIL without a path": _packet(b"M"),
    "macros of no stage": _packet(b"D"),
    "macros of an unknown stage": _packet(b"D", b"?{auth_authen}\0alice\0"),
    "macros without an end": _packet(b"D", b"R{auth_authen}\0alice"),
    "a macro without a value": _packet(b"D", b"R{auth_authen}\0"),
    "macros out of step": _packet(b"D", b"R{x}\0{auth_authen}\0alice\0"),
    "a new connection, and no address": _packet(b"A") + _packet(b"K"),
    "an end of message": _packet(b"E"),
    "aborts": _packet(b"A") * 100,
}


@pytest.mark.parametrize("raw", MIDDLE.values(), ids=MIDDLE.keys())
@pytest.mark.parametrize(
    "after", [OFFER, OFFER + CONNECT, OFFER + CONNECT + HELO + MAIL], ids=["offer", "host", "mail"]
)
def test_garbage_in_a_session(unharmed: Relaymilter, after: bytes, raw: bytes) -> None:
    """What is malformed or out of order opens nothing for what follows it."""
    rest = SESSION[len(after) :] if SESSION.startswith(after) else RCPT
    _send(unharmed, after + raw + rest)


@pytest.mark.parametrize("step", [1, 3])
def test_partial_packets(unharmed: Relaymilter, step: int) -> None:
    """A session that is cut off anywhere, and one that comes in small pieces, harms nobody."""
    for end in range(0, len(SESSION), step):
        with Mta(unharmed.milter) as mta:
            mta.write(SESSION[:end])
    with Mta(unharmed.milter) as mta:
        for at in range(0, len(SESSION), step):
            mta.write(SESSION[at : at + step])
        assert mta.receive()[0] == b"O"
        assert isinstance(mta.answer(), Reply)


def test_many_partial_packets(unharmed: Relaymilter, runtime: str) -> None:
    """A hundred connections that never finish their packet hold nobody up once they are gone.

    On the event loop nobody is held up before either; of libmilter's threads a few such connections can take all.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(Mta(unharmed.milter)).write(SESSION[:6])
        if runtime == "loop":
            serves(unharmed)
    serves(unharmed)


ORDERS = {
    "a recipient before MAIL": OFFER + CONNECT + HELO + RCPT,
    "a recipient before HELO": OFFER + CONNECT + RCPT,
    "a recipient before a client": OFFER + RCPT,
    "MAIL before a client": OFFER + MAIL + RCPT,
    "HELO before a client": OFFER + HELO + MAIL + RCPT,
    "a recipient after an abort": OFFER + CONNECT + HELO + MAIL + ABORT + RCPT,
    "a recipient after HELO": OFFER + CONNECT + MAIL + HELO + RCPT,
    "a recipient after QUIT": OFFER + CONNECT + MAIL + QUIT + RCPT,
    "a recipient of the last client": OFFER + LOCAL + MAIL + ABORT + NEXT + RCPT,
    "a message of the last client": OFFER + LOCAL + MAIL + ABORT + NEXT + MAIL + RCPT,
    "a second client": OFFER + CONNECT + LOCAL + HELO + MAIL + RCPT,
    "a second client later": OFFER + CONNECT + HELO + MAIL + LOCAL + RCPT,
    "a second client after an abort": OFFER + CONNECT + HELO + MAIL + ABORT + LOCAL + MAIL + RCPT,
    "a second client after a negotiation": OFFER + CONNECT + OFFER + LOCAL + MAIL + RCPT,
}


@pytest.mark.parametrize("raw", ORDERS.values(), ids=ORDERS.keys())
def test_out_of_order(unharmed: Relaymilter, raw: bytes) -> None:
    """Commands out of order are refused, ignored or cut off, and nothing is permitted."""
    came = _send(unharmed, raw)
    assert not any(packet in came for packet in GO_ON)


NOT_UTF8 = b"al\xe9ce"


def test_helo_that_is_not_utf8(unharmed: Relaymilter) -> None:
    """HELO in bytes that are not UTF-8, which pymilter cannot hand over, leaves the client what it was."""
    with Mta(unharmed.milter) as mta:
        mta.negotiate()
        mta.connect(STRANGER)
        mta.helo(b"\xff")
        mta.mail()
        assert rcpt(mta, VICTIM) not in ("continue", "accept")
        mta.abort()
        mta.mail()
        assert rcpt(mta, VICTIM) not in ("continue", "accept")


@pytest.mark.parametrize(
    ("macros", "path"),
    [
        ({b"{auth_authen}": NOT_UTF8}, VICTIM),
        ({b"{auth_authen}": b"\xff"}, VICTIM),
        ({b"{rcpt_addr}": NOT_UTF8 + b"@example.org"}, VICTIM),
        ({b"{rcpt_addr}": NOT_UTF8 + b"@example.org"}, b'<"victim"@example.org>'),
        ({b"{rcpt_addr}": b"\xff"}, b"<victim@example.org.>"),
        ({b"{auth_authen}": NOT_UTF8, b"{rcpt_addr}": b"\xfe"}, b"<victim@example.com>"),
        ({b"\xff": b"\xff"}, VICTIM),
    ],
    ids=["login", "byte", "reading", "reading of ours", "reading of a dot", "both", "name"],
)
def test_macros_that_are_not_utf8(unharmed: Relaymilter, macros: Mapping[bytes, bytes], path: bytes) -> None:
    """A macro that is not UTF-8 proves nothing, and speaks against a permit."""
    with greeted(unharmed) as mta:
        mta.mail()
        answer = rcpt(mta, path, macros)
        assert isinstance(answer, Reply)
        assert answer.code in (554, 451)


def test_version_that_is_not_utf8(unharmed: Relaymilter) -> None:
    """An MTA whose macro v is not UTF-8 is some MTA."""
    with Mta(unharmed.milter) as mta:
        mta.negotiate()
        mta.macros("connect", {b"v": b"8.\xff"})
        mta.connect(STRANGER)
        mta.mail()
        answer = rcpt(mta, VICTIM)
        assert isinstance(answer, Reply)
        assert rcpt(mta, BOB) == "continue"


# Octal, short and other forms of inet_aton(3) are read by libmilter itself; no client can choose them.
ADDRESSES = {
    "two": b"4\xc3\x50127.0.0.1,203.0.113.7\0",
    "a blank": b"4\xc3\x50 127.0.0.1\0",
    "a name": b"4\xc3\x50localhost\0",
    "empty": b"4\xc3\x50\0",
    "no end": b"4\xc3\x50127.0.0.1",
    "IPv4 of the other family": b"6\xc3\x50127.0.0.1\0",
    "IPv6 of the other family": b"4\xc3\x50::1\0",
    "a zone": b"6\xc3\x50::1%lo\0",
    "IPv4-compatible": b"6\xc3\x50::127.0.0.1\0",
    "no family": b"\xc3\x50127.0.0.1\0",
    "an unknown family": b"?\xc3\x50127.0.0.1\0",
    "the unknown family, with an address": b"U\xc3\x50127.0.0.1\0",
    "a path": b"L\0\x00127.0.0.1\0",
    "a port of 0 from elsewhere": b"4\0\x00203.0.113.7\0",
}


@pytest.mark.parametrize("where", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_odd_addresses(unharmed: Relaymilter, where: bytes) -> None:
    """An address that is none, or that only looks like this host's, is a stranger's."""
    for name in (b"localhost", b"[127.0.0.1]", b"mx.example.org"):
        _send(unharmed, OFFER + _packet(b"C", name + b"\0" + where) + HELO + MAIL + RCPT)


NASTY = {
    "CR LF": b'\r\n{"verdict": "permit", "recipient": "victim"}\r\ndecision verdict=permit\r\n',
    "LF": b"\n2026-01-01T00:00:00 decision verdict=permit recipient=<victim>\n",
    "ESC": b"\x1b[2J\x1b]0;owned\x07",
    "C1": b"\x9b31m\xc2\x9b31m",
    "line separator": "\u2028\u2029\u0085".encode(),
    "quotes": b'" \' \\ \\" \\n rule=local-client "',
    "percent": b"%s%n%d%%%",
    "right to left": "\u202e\u2066".encode(),
    "surrogate": b"\xed\xa0\x80",
    "long": b"x" * 9000,
    "DEL and TAB": b"\x7f\t\x0b\x0c",
    "NUL": b"\0verdict=permit\0",
}
FIELDS = ("name", "address", "helo", "mail", "rcpt", "parameter", "login", "reading", "version")


def _nasty_session(mta: Mta, field: str, nasty: bytes) -> object:
    """A stranger's session with this in one field."""
    put = {name: nasty if name == field else b"" for name in FIELDS}
    mta.negotiate()
    mta.macros("connect", {b"v": b"Postfix 3.7.11" + put["version"]})
    where = STRANGER.encode() + put["address"]
    mta.ask(b"C", b"client.example.net" + put["name"] + b"\x004\xc3\x50" + where + b"\0")
    mta.helo(b"client.example.net" + put["helo"])
    mta.mail(b"<a" + put["mail"] + b"@example.net>", b"SIZE=1" + put["parameter"])
    login = {b"{auth_authen}": b"\xff" + put["login"]} if put["login"] else {}
    read = b"victim" + put["reading"] + b"@example.com"
    mta.macros("rcpt", {b"{rcpt_addr}": read, **login})
    return mta.rcpt(b"<victim" + put["rcpt"] + b"@example.com>", b"NOTIFY=NEVER" + put["parameter"])


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY.keys())
def test_nasty_fields(unharmed: Relaymilter, nasty: bytes, field: str) -> None:
    """Whatever a client types, wherever: the reply is one safe line, and so is what the log says of it."""
    with Mta(unharmed.milter, timeout=PATIENCE) as mta, _whatever_comes():
        assert _nasty_session(mta, field, nasty) not in ("continue", "accept")


def test_text_log(text_daemon: Relaymilter) -> None:
    """A log in text has a line for each decision, in printable ASCII, and nothing that a client typed begins one."""
    before = len(logged(text_daemon))
    for nasty in NASTY.values():
        for field in FIELDS:
            with Mta(text_daemon.milter, timeout=PATIENCE) as mta, _whatever_comes():
                _nasty_session(mta, field, nasty)
    lines = logged(text_daemon)[before:].split("\n")
    assert lines.pop() == ""
    odd = [
        line
        for line in lines
        if not re.match(r"(decision time=2\S+ session=\S+ client=|WARNING: |INFO: serving on )[ -~]*$", line)
    ]
    assert odd == []
    decided = [line for line in lines if line.startswith("decision ")]
    assert len(decided) >= len(NASTY) * len(FIELDS) // 2
    verdicts = {field for line in decided for field in re.findall(r"(?<= )verdict=\w+", line)}
    assert verdicts <= {"verdict=reject", "verdict=permit", "verdict=defer"}
    assert [line for line in decided if " verdict=permit rule=" in line and "<mark" not in line] == []
