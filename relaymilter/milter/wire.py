"""The milter protocol, versions 2 to 6, as a pure codec: bytes to packets and back, without I/O.

A packet is a length of four octets (that of the rest), a command octet, and data. Names and numbers are those of
libmilter's mfdef.h. What is malformed raises ProtocolError, and the caller closes that connection.
"""

import re
import socket
import struct
from typing import NamedTuple

VERSION = 6
OLDEST_VERSION = 2
MAX_DATA = 65535
"""Octets of data in a packet (MILTER_MAX_DATA_SIZE)."""
LONGEST = MAX_DATA + 1
"""What a packet may give as its length."""

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


class ProtocolError(Exception):
    """The other end does not speak the milter protocol; the text says how."""


def packet(command: bytes, data: bytes = b"") -> bytes:
    """A packet as it is sent."""
    return _LENGTH.pack(len(data) + 1) + command + data


CONTINUE = packet(b"c")


def reply(code: int, status: str, text: str) -> bytes:
    """SMFIR_REPLYCODE. The text is one line of ASCII, its `%` doubled already."""
    return packet(b"y", f"{code} {status} {text}\0".encode("ascii"))


def demand_length(begun: bytes) -> None:
    """Raises ProtocolError where what has come of a packet gives a length that none has."""
    if len(begun) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(begun)
        if not 0 < length <= LONGEST:
            raise ProtocolError(f"a packet of {length} octets")


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


_CONNECTION = re.compile(rb"[^\0]*\0(?:U|([46L])(..)([^\0]*)\0)", re.DOTALL)


def connection(data: bytes) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Family, port and address in the data of SMFIC_CONNECT, behind the name of the host: an octet (`4`, `6`, or `L`
    for a local socket), two octets, and text; three times None where the MTA knows no family.
    """
    came = _CONNECTION.match(data)
    if came is None:
        raise ProtocolError("a connection without a family, or without an address")
    family, port, address = came.groups()
    return family, port, address


def address(family: bytes | None, text: bytes | None) -> str | None:
    """The address in the form that libmilter's sockaddr gives it; None where it is none of its family.

    Sendmail writes IPv6 with a prefix and not compressed, Postfix without and compressed.
    """
    kind = None if family is None else _FAMILIES.get(family)
    if kind is None or text is None:
        return None
    if text[:5].lower() == b"ipv6:":
        text = text[5:]
    bare = text.decode("latin-1")
    try:
        return socket.inet_ntop(kind, socket.inet_pton(kind, bare))
    except (OSError, ValueError):
        return None


def argument(data: bytes) -> bytes:
    """The first argument of HELO, MAIL or RCPT; each is ended by NUL, and there is one at least."""
    if data[-1:] != b"\0":
        raise ProtocolError("an argument that does not end")
    return data.partition(b"\0")[0]


def macros(data: bytes) -> dict[bytes, bytes]:
    """The macros in the data of SMFIC_MACRO: a command octet, then names and values in turn, each ended by NUL.

    Only what stands where a name does is one: values are often what a client typed, and may read like a name. Of two
    with the same name the first counts, as in libmilter.
    """
    fields = data[1:].split(b"\0")
    if not len(fields) % 2:
        fields.append(b"")
    return dict(zip(fields[-3::-2], fields[-2::-2]))  # noqa: B905 # as many as there are names, and it costs a fifth
