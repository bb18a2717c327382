"""The codec: bytes to packets and back, and nothing but ProtocolError for what is none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.milter import wire
from relaymilter.milter.wire import ProtocolError


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
        (b"h\x004\x00\x4d203.0.113.7\0", (b"4", b"\0\x4d", b"203.0.113.7")),
        (b"h\x006\x00\x00IPv6:0:0:0:0:0:0:0:1\0", (b"6", b"\0\0", b"IPv6:0:0:0:0:0:0:0:1")),
        (b"h\x00L\x00\x00/run/x\0", (b"L", b"\0\0", b"/run/x")),
        (b"localhost\x00U", (None, None, None)),
    ],
)
def test_a_connection_has_a_family_a_port_and_an_address(data: bytes, found: tuple[bytes | None, ...]) -> None:
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
    assert wire.argument(b"<a@b>\0SIZE=1\0") == b"<a@b>"
    with pytest.raises(ProtocolError):
        wire.argument(b"<a@b>")


def test_a_macro_is_found_by_its_whole_name_where_names_stand() -> None:
    """A value that looks like a name is none."""
    data = b"R{rcpt_addr}\0{auth_authen}\0{x}\0y\0"
    assert wire.macros(data) == {b"{rcpt_addr}": b"{auth_authen}", b"{x}": b"y"}
    assert wire.macros(b"R") == {}
    assert wire.macros(b"R{x}") == {}


def test_of_two_macros_of_a_name_the_first_counts() -> None:
    """As smfi_getsymval has it."""
    assert wire.macros(b"R{x}\0y\0{x}\0z\0") == {b"{x}": b"y"}


def macro_before(data: bytes, name: bytes) -> bytes | None:
    """One macro, found by walking through the fields in pairs."""
    fields = data[1:].split(b"\0")
    for at in range(0, len(fields) - 1, 2):
        if fields[at] == name:
            return fields[at + 1]
    return None


@given(st.lists(st.sampled_from([b"\0", b"{x}", b"{y}", b"i"]), max_size=12).map(b"".join))
def test_whatever_comes_is_names_and_values_in_turn(data: bytes) -> None:
    """Also where it is cut short."""
    found = wire.macros(b"R" + data)
    assert [found.get(name) for name in (b"{x}", b"{y}", b"i", b"")] == [
        macro_before(b"R" + data, name) for name in (b"{x}", b"{y}", b"i", b"")
    ]


def test_a_reply_is_one_packet_that_ends_with_nul() -> None:
    """SMFIR_REPLYCODE, as libmilter writes it."""
    assert wire.reply(554, "5.7.1", "<a@b>: no") == b"\0\0\0\x15y554 5.7.1 <a@b>: no\0"
