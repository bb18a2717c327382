"""The codec: bytes to packets and back, and nothing but ProtocolError for what is none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.milter import wire
from relaymilter.milter.wire import ProtocolError

packets = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=8)


def encoded(found: list[tuple[int, bytes]]) -> bytes:
    """The packets as they are sent."""
    return b"".join(wire.packet(bytes([command]), data) for command, data in found)


@given(packets, st.integers(0, 4000))
def test_packets_come_back_however_they_are_cut(found: list[tuple[int, bytes]], cut: int) -> None:
    """What is left over of one piece, with the next piece behind it, gives the same packets as both at once."""
    stream = encoded(found)
    first, rest = wire.split(stream[:cut])
    second, left = wire.split(rest + stream[cut:])
    assert first + second == found
    assert left == b""


@given(st.binary(max_size=200))
def test_any_bytes_are_packets_or_a_protocol_error(data: bytes) -> None:
    """The codec raises nothing else, and loses nothing: packets and rest make up the whole."""
    try:
        found, rest = wire.split(data)
    except ProtocolError:
        return
    assert encoded(found) + rest == data


@pytest.mark.parametrize("length", [0, wire.MAX_DATA + 2, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_no_packet_has_is_refused_before_any_data(length: int) -> None:
    """Two gigabytes are never waited for."""
    with pytest.raises(ProtocolError, match=f"{length} octets"):
        wire.split(struct.pack("!I", length))


def test_the_longest_packet_is_taken() -> None:
    """65535 octets of data, as in libmilter."""
    found, rest = wire.split(wire.packet(b"B", b"x" * wire.MAX_DATA))
    assert ([(command, len(data)) for command, data in found], rest) == ([(wire.BODY, 65535)], b"")


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ((6, 0x1FF, 0x1FFFFF), (6, 0x100, 0x7370)),
        ((7, 0xFFFFFFF, 0xFFFFFFFF), (6, 0x100, 0x7370)),
        ((6, 0xFF, 0x1FFFFF), (6, 0, 0x7370)),
        ((6, 0x1FF, 0x7F), (6, 0x100, 0x70)),
        ((2, 0x3F, 0x7F), (2, 0, 0x70)),
        ((2, 0, 0), (2, 0, 0x30)),
    ],
)
def test_an_offer_is_answered_as_libmilter_answers_it(offered: tuple[int, ...], answer: tuple[int, ...]) -> None:
    """Version, actions and steps; the expected values were read off libmilter 8.17 with the same wishes."""
    got = wire.acceptance(wire.offer(struct.pack("!III", *offered)), 0x7370, {0: "v"})
    assert struct.unpack_from("!III", got, 5) == answer
    assert got.endswith(b"\0\0\0\0v\0") == bool(answer[1])


@pytest.mark.parametrize("data", [b"", b"\0" * 11, struct.pack("!III", 1, 0x3F, 0x7F), struct.pack("!III", 0, 0, 0)])
def test_a_short_or_ancient_offer_is_refused(data: bytes) -> None:
    """Twelve octets and version 2 are the least."""
    with pytest.raises(ProtocolError):
        wire.offer(data)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"h\x004\x00\x4d203.0.113.7\0", wire.Connection(b"h", b"4", 77, b"203.0.113.7")),
        (b"h\x006\x00\x00IPv6:0:0:0:0:0:0:0:1\0", wire.Connection(b"h", b"6", 0, b"IPv6:0:0:0:0:0:0:0:1")),
        (b"h\x00L\x00\x00/run/x\0", wire.Connection(b"h", b"L", 0, b"/run/x")),
        (b"localhost\x00U", wire.Connection(b"localhost", b"U", 0, b"")),
    ],
)
def test_a_connection_has_a_name_a_family_and_an_address(data: bytes, found: wire.Connection) -> None:
    """All but the unknown family have a port and an address."""
    assert wire.connection(data) == found


@pytest.mark.parametrize(
    "data", [b"", b"h", b"h\0", b"h\x005\0\0x\0", b"h\x004", b"h\x004\0\0", b"h\x004\0\0001.2.3.4"]
)
def test_a_connection_cut_short_is_refused(data: bytes) -> None:
    """No field is guessed at."""
    with pytest.raises(ProtocolError):
        wire.connection(data)


def test_arguments_end_with_nul() -> None:
    """The argument, and the ESMTP parameters behind it."""
    assert wire.arguments(b"<a@b>\0SIZE=1\0") == [b"<a@b>", b"SIZE=1"]
    with pytest.raises(ProtocolError):
        wire.arguments(b"<a@b>")


def test_a_macro_is_found_by_its_whole_name_where_names_stand() -> None:
    """A value that looks like a name is none."""
    data = b"R{rcpt_addr}\0{auth_authen}\0{x}\0y\0"
    assert wire.macro(data, b"{rcpt_addr}") == b"{auth_authen}"
    assert wire.macro(data, b"{auth_authen}") is None
    assert wire.macro(b"R", b"{x}") is None
    assert wire.macro(b"R{x}", b"{x}") is None


def test_a_reply_is_one_packet_that_ends_with_nul() -> None:
    """SMFIR_REPLYCODE, as libmilter writes it."""
    assert wire.reply(554, "5.7.1", "<a@b>: no") == b"\0\0\0\x15y554 5.7.1 <a@b>: no\0"
