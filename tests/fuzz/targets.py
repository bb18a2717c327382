"""What is fuzzed, and what must hold of every input. Pure functions of bytes; an assertion that fails is a finding."""

from collections.abc import Callable

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.milter import wire
from relaymilter.milter.dialogue import Dialogue
from relaymilter.milter.session import Service
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.address import Path, parse
from relaymilter.policy.envelope import client, request
from relaymilter.policy.verdict import Permit
from tests.wire.packets import split

RULES = ruleset(read(Flags({"local-domain": ("example.org",)})).settings.policy)
STRANGER = client("203.0.113.7", 4711)


def path(data: bytes) -> None:
    """The parser never raises, its text is stable, and a permitted stranger's path is in the local domain, unrouted."""
    parsed = parse(data)
    if isinstance(parsed, Path):
        again = parse(str(parsed).encode())
        assert isinstance(again, Path), data
        assert str(again) == str(parsed), data
    decision = RULES.decide(request(STRANGER, data))
    if isinstance(decision.verdict, Permit):
        assert isinstance(parsed, Path), data
        assert parsed.domain == "example.org" or (parsed.local.lower(), parsed.domain) == ("postmaster", ""), data
        assert not parsed.route, data
        assert not set("@%!") & set(parsed.local), data


def dialogue(data: bytes) -> None:
    """A dialogue answers or raises ProtocolError; what it keeps is bounded; every log line is one printable line."""
    lines: list[str] = []
    talk = Dialogue(Service(RULES, DecisionLog(lines.append)))
    talk.receive(PREFIX)
    try:
        for at in range(0, len(data), 37):
            sent = talk.receive(data[at : at + 37])
            packets, rest = split(sent)
            assert rest == b""
            assert all(chr(command) in "cyO" for command, _ in packets)
    except wire.ProtocolError:
        pass
    for line in lines:
        assert line.isascii(), line
        assert line.isprintable(), line


PREFIX = (
    wire.packet(b"O", b"\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
    + wire.packet(b"C", b"x\x004\x12\x67203.0.113.7\0")
    + wire.packet(b"M", b"<a@b.test>\0")
)

TARGETS: dict[str, Callable[[bytes], None]] = {"path": path, "dialogue": dialogue}
