"""The dialogue: one connection without I/O. What an MTA may send is answered, and all else closes the connection."""

import struct
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.milter import dialogue, wire
from relaymilter.milter.dialogue import Dialogue
from relaymilter.milter.session import Service
from relaymilter.milter.wire import ProtocolError, packet
from relaymilter.policy.envelope import Request
from relaymilter.policy.ports import MustWait
from relaymilter.policy.rules import RelayRule
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import NoOpinion
from tests.wire.packets import split

SETTINGS = read(Flags({"local-domain": ("example.org",)})).settings.policy
SERVICE = Service(ruleset(SETTINGS), decisions=None)
OFFER = packet(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))
STRANGER = packet(b"C", b"x\x004\x00\x4d203.0.113.7\0")
DENIED = b"y554 5.7.1 <c@d.test>: Relay access denied\0"


def macros(command: bytes, **values: str) -> bytes:
    """SMFIC_MACRO with these names in braces."""
    pairs = "".join(f"{{{name}}}\0{value}\0" for name, value in values.items())
    return packet(b"D", command + pairs.encode())


def mail(path: bytes = b"<a@b.test>") -> bytes:
    """MAIL."""
    return packet(b"M", path + b"\0")


def rcpt(path: bytes = b"<c@d.test>") -> bytes:
    """RCPT."""
    return packet(b"R", path + b"\0")


def connected(service: Service = SERVICE, offer: bytes = OFFER) -> Dialogue:
    """A dialogue with a stranger's connection."""
    dialogue = Dialogue(service)
    dialogue.receive(offer + STRANGER)
    return dialogue


def replies(sent: bytes) -> list[bytes]:
    """The packets of what was sent, each as command and data."""
    found, rest = split(sent)
    assert rest == b""
    return [bytes([command]) + data for command, data in found]


def test_connect_helo_and_mail_have_no_reply_where_that_was_granted() -> None:
    """Only the recipient is waited for."""
    sent = connected().receive(packet(b"H", b"x\0") + mail() + rcpt() + rcpt(b"<bob@example.org>"))
    assert replies(sent) == [DENIED, b"c"]


def test_every_stage_has_a_reply_where_silence_was_not_granted() -> None:
    """An MTA of protocol version 2 waits for each."""
    dialogue = Dialogue(SERVICE)
    sent = dialogue.receive(
        packet(b"O", struct.pack("!III", 2, 0x3F, 0x7F)) + STRANGER + packet(b"H", b"x\0") + mail() + rcpt()
    )
    assert replies(sent)[1:] == [b"c", b"c", b"c", DENIED]


@pytest.mark.parametrize(
    "between", [packet(b"A"), b"", packet(b"E"), packet(b"H", b"x\0")], ids=["abort", "mail", "eom", "helo"]
)
def test_a_login_serves_no_other_message(between: bytes) -> None:
    """The next message's RCPT comes without {auth_authen}: no login."""
    dialogue = connected()
    first = dialogue.receive(mail() + macros(b"R", auth_authen="joe", rcpt_addr="c@d.test") + rcpt())
    second = dialogue.receive(between + mail() + macros(b"R", rcpt_addr="c@d.test") + rcpt())
    assert (replies(first), replies(second)[-1]) == ([b"c"], DENIED)


def test_macros_of_a_recipient_do_not_outlive_the_message() -> None:
    """Even if an MTA sent no packet of macros with the next recipient, as libmilter has it."""
    dialogue = connected()
    dialogue.receive(mail() + macros(b"R", auth_authen="joe") + rcpt())
    assert replies(dialogue.receive(mail() + rcpt())) == [DENIED]


def test_a_new_connection_on_the_same_socket_begins_anew() -> None:
    """QUIT_NC: neither address nor login of the last session is left."""
    dialogue = Dialogue(SERVICE)
    local = packet(b"C", b"x\x004\x00\x4d127.0.0.1\0")
    first = dialogue.receive(OFFER + local + mail() + rcpt() + packet(b"K"))
    second = dialogue.receive(STRANGER + mail() + rcpt())
    assert (replies(first)[-1], replies(second)) == (b"c", [DENIED])


@pytest.mark.parametrize(
    "wrong",
    [
        rcpt(),
        packet(b"A") + rcpt(),
        mail() + packet(b"A") + rcpt(),
        mail() + packet(b"H", b"x\0") + rcpt(),
        OFFER,
        STRANGER,
        packet(b"M", b"<a@b>"),
        mail() + packet(b"R", b"<a@b>"),
        packet(b"Z"),
        packet(b"K") + mail(),
    ],
)
def test_what_is_out_of_order_or_malformed_closes_the_connection(wrong: bytes) -> None:
    """After a good beginning."""
    dialogue = connected()
    with pytest.raises(ProtocolError):
        dialogue.receive(wrong)


@pytest.mark.parametrize(
    "first", [STRANGER, mail(), rcpt(), packet(b"D", b"C"), packet(b"A"), packet(b"K"), b"GET / HT"]
)
def test_nothing_comes_before_the_negotiation(first: bytes) -> None:
    """Not even macros."""
    with pytest.raises(ProtocolError):
        Dialogue(SERVICE).receive(first)


@pytest.mark.parametrize(
    ("family", "address", "verdict"),
    [
        (b"4", b"127.0.0.9", b"c"),
        (b"6", b"IPv6:0:0:0:0:0:0:0:1", b"c"),
        (b"6", b"::ffff:127.0.0.1", b"c"),
        (b"6", b"::1%lo", DENIED),
        (b"4", b"localhost", DENIED),
        (b"4", b"127.1", DENIED),
        (b"4", b"", DENIED),
        (b"L", b"127.0.0.1", DENIED),
    ],
)
def test_only_an_ip_address_makes_a_client_local(family: bytes, address: bytes, verdict: bytes) -> None:
    """As an MTA writes it; a zone, a name, half an address, or the path of a socket belong to a stranger."""
    dialogue = Dialogue(SERVICE)
    sent = dialogue.receive(OFFER + packet(b"C", b"x\0" + family + b"\0\x4d" + address + b"\0") + mail() + rcpt())
    assert replies(sent)[-1] == verdict


def _must_wait(_request: Request) -> NoOpinion:
    raise MustWait("a table")


MUST_WAIT = Ruleset((RelayRule("table", _must_wait),))


def login_of(stream: bytes) -> str | None:
    """The login of the last recipient of this stream, which a stranger's connection begins."""
    dialogue = connected(Service(MUST_WAIT, decisions=None))
    assert dialogue.receive(stream + rcpt()) in (b"", wire.CONTINUE)
    assert dialogue.pending is not None
    return dialogue.pending.login


STAGES = (b"C", b"H", b"M", b"R")


@pytest.mark.parametrize("earlier", STAGES[:-1], ids=bytes.decode)
def test_a_macro_is_of_the_latest_stage(earlier: bytes) -> None:
    """Whatever an earlier stage said, as smfi_getsymval has it."""
    both = macros(earlier, auth_authen="ann") + mail() + macros(b"R", auth_authen="joe")
    assert login_of(both) == "joe"
    assert login_of(macros(earlier, auth_authen="ann") + mail()) == "ann"


@pytest.mark.parametrize(
    ("stage", "command"),
    [
        (b"M", packet(b"H", b"x\0")),
        (b"R", packet(b"H", b"x\0")),
        (b"R", b""),
        *((stage, packet(b"K") + STRANGER) for stage in STAGES),
    ],
    ids=["HELO, of MAIL", "HELO, of RCPT", "MAIL, of RCPT", *(f"QUIT_NC, of {stage.decode()}" for stage in STAGES)],
)
def test_macros_are_cleared(stage: bytes, command: bytes) -> None:
    """HELO clears those of the stages behind it, MAIL those of the recipients, a new session all."""
    assert login_of(mail() + macros(stage, auth_authen="joe") + command + mail()) is None


def test_macros_of_a_new_connection_clear_those_behind() -> None:
    """Those that came before it, but for its own, are nobody's."""
    before = b"".join(macros(stage, auth_authen="joe") for stage in STAGES[1:])
    dialogue = Dialogue(Service(MUST_WAIT, decisions=None))
    dialogue.receive(OFFER + before + macros(b"C", daemon_name="x") + STRANGER + mail() + rcpt())
    assert dialogue.pending is not None
    assert dialogue.pending.login is None


@pytest.mark.parametrize("end", [packet(b"E"), packet(b"A"), packet(b"K") + STRANGER], ids=["eom", "abort", "quit-nc"])
def test_a_message_ends(end: bytes) -> None:
    """A recipient behind its end is out of order, and its sender is forgotten."""
    dialogue = connected()
    dialogue.receive(mail() + rcpt() + end)
    assert dialogue.session is not None
    assert dialogue.session.sender == b""
    with pytest.raises(ProtocolError, match="outside a message"):
        dialogue.receive(rcpt())


@pytest.mark.parametrize("command", [packet(b"A"), packet(b"K")], ids=["abort", "quit-nc"])
def test_between_connections(command: bytes) -> None:
    """Neither an abort nor the end of a session is out of order before the first, or between two."""
    dialogue = Dialogue(SERVICE)
    dialogue.receive(OFFER)
    assert dialogue.receive(command + STRANGER + mail() + packet(b"K") + command) == b""


def test_nothing_goes_on_after_quit() -> None:
    """What comes behind it is not answered."""
    dialogue = connected()
    assert dialogue.receive(mail() + packet(b"Q") + rcpt()) == b""
    assert dialogue.ended


def test_a_pending_decision_holds_this_connection_only_and_in_order() -> None:
    """What comes behind it waits, and is answered after it."""
    dialogue = connected(Service(MUST_WAIT, decisions=None))
    assert dialogue.receive(mail() + rcpt() + rcpt(b"<bob@example.org>")[:9]) == b""
    assert dialogue.receive(rcpt(b"<bob@example.org>")[9:]) == b""
    answers = []
    while dialogue.pending is not None:
        answers += replies(dialogue.resolve(SERVICE.ruleset.decide(dialogue.pending)))
    assert answers == [DENIED, b"c"]


def test_commands_without_end_behind_a_pending_decision_are_refused() -> None:
    """Memory is bounded."""
    dialogue = connected(Service(MUST_WAIT, decisions=None))
    dialogue.receive(mail() + rcpt())
    enough = mail() * 10_000
    with pytest.raises(ProtocolError, match="without end"):
        dialogue.receive(enough)


@pytest.mark.parametrize("length", [0, wire.MAX_DATA + 2, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("before", [b"", mail()], ids=["alone", "behind others"])
def test_a_length_that_no_packet_has_is_refused_before_any_data(length: int, before: bytes) -> None:
    """Two gigabytes are never waited for."""
    with pytest.raises(ProtocolError, match=f"{length} octets"):
        connected().receive(before + struct.pack("!I", length))


def test_the_longest_packet_is_taken() -> None:
    """65535 octets of data, as in libmilter."""
    assert replies(connected().receive(packet(b"B", b"x" * wire.MAX_DATA))) == [b"c"]


whole = st.sampled_from(
    [
        *(OFFER, STRANGER, mail(), rcpt(), rcpt(b'<"b@d.test"@example.org>'), packet(b"H", b"x\0")),
        *(packet(b"A"), packet(b"K"), packet(b"E"), packet(b"T")),
        *(macros(b"R", rcpt_addr="bob@example.org"), macros(b"M", mail_addr="joe")),
    ]
)


@given(
    st.lists(st.one_of(whole.filter(lambda piece: piece not in (OFFER, STRANGER, packet(b"K"))))), st.integers(0, 400)
)
def test_packets_are_answered_alike_however_they_are_cut(pieces: list[bytes], cut: int) -> None:
    """What is left over of one read, with the next behind it, is answered as both at once."""
    stream = mail() + b"".join(piece if piece[4:5] != b"R" else mail() + piece for piece in pieces)
    halves = connected()
    assert connected().receive(stream) == halves.receive(stream[:cut]) + halves.receive(stream[cut:])
    assert not halves.partial


WHOLE_READS = [read for read in dialogue._IN_MESSAGE if isinstance(read, bytes)]


@pytest.mark.parametrize("read", WHOLE_READS, ids=repr)
@pytest.mark.parametrize("before", [b"", mail() + rcpt()], ids=["connected", "in a message"])
@pytest.mark.parametrize("after", [b"", rcpt(), mail() + rcpt()], ids=["nothing", "rcpt", "mail"])
def test_a_read_that_is_taken_as_a_whole_is_answered_as_its_packets(read: bytes, before: bytes, after: bytes) -> None:
    """And leaves what they leave."""
    heard = []
    for pieces in ((read,), (read[:3], read[3:])):
        ours = connected()
        ours.receive(before)
        sent = b"".join(map(ours.receive, pieces))
        try:
            then = ours.receive(after)
        except ProtocolError as problem:
            then = str(problem).encode()
        heard.append((sent, ours.ended, ours.session.sender, then))
    assert heard[0] == heard[1]


noise = st.builds(packet, st.binary(min_size=1, max_size=1), st.binary(max_size=20))


@given(st.lists(st.one_of(whole, noise, st.binary(max_size=40))))
def test_a_stranger_is_permitted_no_relaying_by_any_stream(pieces: list[bytes]) -> None:
    """Without a login in it, no stream lets a stranger reach d.test, nor raises anything but ProtocolError."""
    decided = []

    def spy(ours: Dialogue, data: bytes) -> bytes:
        sent = ours._rcpt(data)
        decided.append((data, sent))
        return sent

    with patch.dict(dialogue._IN_MESSAGE, {wire.RCPT: spy}):
        ours = Dialogue(SERVICE)
        try:
            for piece in (OFFER, STRANGER, mail(), *pieces):
                ours.receive(piece)
        except ProtocolError:
            pass
    for data, sent in decided:
        if b"d.test" in data:
            assert not sent.startswith(wire.CONTINUE)
