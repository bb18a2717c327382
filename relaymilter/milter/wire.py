"""The milter protocol, versions 2 to 6, as a pure codec: bytes to packets and back, without I/O.

A packet is a length of four octets (that of the rest), a command octet, and data. Names and numbers are those of
libmilter's mfdef.h. What is malformed raises ProtocolError, and the caller closes that connection.
"""

import socket
import struct
from functools import lru_cache
from typing import NamedTuple

VERSION = 6
OLDEST_VERSION = 2
MAX_DATA = 65535
"""Octets of data in a packet (MILTER_MAX_DATA_SIZE)."""

# Commands of the MTA.
ABORT = ord("A")
BODY = ord("B")
CONNECT = ord("C")
MACRO = ord("D")
END_OF_MESSAGE = ord("E")
HELO = ord("H")
QUIT_NEW_CONNECTION = ord("K")
HEADER = ord("L")
MAIL = ord("M")
END_OF_HEADERS = ord("N")
NEGOTIATE = ord("O")
QUIT = ord("Q")
RCPT = ord("R")
DATA = ord("T")
UNKNOWN = ord("U")

# Steps: SMFIP_NO*, what the MTA may leave out, and SMFIP_NR_*, where it need not wait for a reply.
NO_HELO = 0x2
NO_BODY = 0x10
NO_HEADERS = 0x20
NO_END_OF_HEADERS = 0x40
NO_UNKNOWN = 0x100
NO_DATA = 0x200
SILENT_CONNECT = 0x1000
SILENT_HELO = 0x2000
SILENT_MAIL = 0x4000

SET_MACROS = 0x100
"""SMFIF_SETSYMLIST: the milter may name the macros that it wants."""

# Stages of macro lists: SMFIM_*.
STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_END_OF_MESSAGE = range(6)

_FAMILIES = {b"4": socket.AF_INET, b"6": socket.AF_INET6}
_V1_STEPS = 0x3F
_V1_ACTIONS = 0x0F
_LENGTH = struct.Struct("!I")
_NEGOTIATION = struct.Struct("!III")
_PORT = struct.Struct("!H")


class ProtocolError(Exception):
    """The other end does not speak the milter protocol; the text says how."""


def packet(command: bytes, data: bytes = b"") -> bytes:
    """A packet as it is sent."""
    return _LENGTH.pack(len(data) + 1) + command + data


CONTINUE = packet(b"c")


def reply(code: int, status: str, text: str) -> bytes:
    """SMFIR_REPLYCODE. The text is one line of ASCII, its `%` doubled already."""
    return packet(b"y", f"{code} {status} {text}\0".encode("ascii"))


class Offer(NamedTuple):
    """What an MTA offers: a protocol version, actions, and steps."""

    version: int
    actions: int
    steps: int


def offer(data: bytes) -> Offer:
    """The data of SMFIC_OPTNEG. An MTA that offers nothing at all offers what version 1 had."""
    if len(data) < _NEGOTIATION.size:
        raise ProtocolError(f"a negotiation of {len(data)} octets")
    version, actions, steps = _NEGOTIATION.unpack_from(data)
    if version < OLDEST_VERSION:
        raise ProtocolError(f"protocol version {version}")
    return Offer(min(version, VERSION), actions or _V1_ACTIONS, steps or _V1_STEPS)


def acceptance(offered: Offer, steps: int, macros: dict[int, str]) -> bytes:
    """The answer to an offer: of the steps those that are offered, and the macros by stage if it takes lists."""
    data = _NEGOTIATION.pack(offered.version, offered.actions & SET_MACROS, offered.steps & steps)
    if offered.actions & SET_MACROS:
        data += b"".join(_LENGTH.pack(stage) + names.encode("ascii") + b"\0" for stage, names in macros.items())
    return packet(b"O", data)


class Connection(NamedTuple):
    """The data of SMFIC_CONNECT."""

    name: bytes
    family: bytes
    """`4`, `6`, `L` for a local socket, `U` for unknown."""
    port: int
    address: bytes


def connection(data: bytes) -> Connection:
    """A host name, a family, and for all families but the unknown a port and an address."""
    name, nul, rest = data.partition(b"\0")
    family = rest[:1]
    if not nul or family not in (b"4", b"6", b"L", b"U") or not family:
        raise ProtocolError("a connection without a family")
    if family == b"U":
        return Connection(name, family, 0, b"")
    address, nul, _ = rest[3:].partition(b"\0")
    if not nul or len(rest) < 4:
        raise ProtocolError("a connection without an address")
    (port,) = _PORT.unpack_from(rest, 1)
    return Connection(name, family, port, address)


@lru_cache(4096)
def address(family: bytes, text: bytes) -> str | None:
    """The address in the form that libmilter's sockaddr gives it; None where it is none of its family.

    Sendmail writes IPv6 with a prefix and not compressed, Postfix without and compressed.
    """
    kind = _FAMILIES.get(family)
    if kind is None:
        return None
    if text[:5].lower() == b"ipv6:":
        text = text[5:]
    bare = text.decode("latin-1")
    try:
        return socket.inet_ntop(kind, socket.inet_pton(kind, bare))
    except (OSError, ValueError):
        return None


def arguments(data: bytes) -> list[bytes]:
    """The arguments of HELO, MAIL or RCPT, each ended by NUL; there is one at least."""
    if not data.endswith(b"\0"):
        raise ProtocolError("an argument that does not end")
    return data[:-1].split(b"\0")


def macros(data: bytes) -> dict[bytes, bytes]:
    """The macros in the data of SMFIC_MACRO: a command octet, then names and values in turn, each ended by NUL.

    Only what stands where a name does is one: values are often what a client typed, and may read like a name. Of two
    with the same name the first counts, as in libmilter.
    """
    fields = data[1:].split(b"\0")
    names, values = fields[:-1:2], fields[1::2]
    return dict(zip(reversed(names), reversed(values), strict=True))
