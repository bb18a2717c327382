"""The MTA's side of the milter protocol, version 6 and 2, over a Unix or TCP socket.

It asks what Postfix would ask, in bytes: a stage that the milter declined (SMFIP_NO*) is not sent, and an answer that
the milter does not give (SMFIP_NR_*) is not waited for. `send` and `write` send anything else. It is as strict as an
MTA is lax: a reply that Postfix or Sendmail would damage (a lone `%`, a control character, a wrong code) is a
ProtocolError. Every wait is bounded.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, TypeAlias

ALL_ACTIONS = {6: 0x1FF, 2: 0x3F}
ALL_STEPS = {6: 0x1FFFFF, 2: 0x7F}

NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT = 0x1, 0x2, 0x4, 0x8
NO_BODY, NO_HEADERS, NO_EOH, NO_UNKNOWN, NO_DATA = 0x10, 0x20, 0x40, 0x100, 0x200
SILENT_CONNECT, SILENT_HELO, SILENT_MAIL, SILENT_RCPT, SILENT_DATA = 0x1000, 0x2000, 0x4000, 0x8000, 0x10000

STAGES = ("connect", "helo", "mail", "rcpt", "data", "end", "eoh")
"""In the order of their numbers in a list of macros (SMFIM_*)."""

_STEPS = {
    b"C": (NO_CONNECT, SILENT_CONNECT),
    b"H": (NO_HELO, SILENT_HELO),
    b"M": (NO_MAIL, SILENT_MAIL),
    b"R": (NO_RCPT, SILENT_RCPT),
    b"T": (NO_DATA, SILENT_DATA),
    b"U": (NO_UNKNOWN, 0x20000),
    b"N": (NO_EOH, 0x40000),
    b"L": (NO_HEADERS, 0x80),
    b"B": (NO_BODY, 0x80000),
}
_COMMANDS = {"connect": b"C", "helo": b"H", "mail": b"M", "rcpt": b"R", "data": b"T", "end": b"E"}
_WORDS = {
    b"c": "continue",
    b"a": "accept",
    b"r": "reject",
    b"t": "tempfail",
    b"d": "discard",
    b"4": "shutdown",
    b"f": "connfail",
    b"s": "skip",
}
_PROGRESS = b"p"
_REPLY = re.compile(rb"([45]\d\d) ([45]\.\d{1,3}\.\d{1,3}) ((?:[ -$&-~]|%%)*)\0")


class ProtocolError(Exception):
    """The milter said what no milter may say, or what an MTA would damage."""


class Reply(NamedTuple):
    """A refusal in the milter's own words, as the client would hear it."""

    code: int
    status: str
    text: str


Answer: TypeAlias = Reply | str
"""A Reply, or `continue`, `accept`, `reject`, `tempfail`, `discard`, `shutdown`, `connfail`, `skip`; `unsent` and
`silent` where the milter declined the stage or its answer; `closed` where it hung up."""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the milter wants."""

    version: int
    actions: int
    steps: int
    macros: Mapping[str, str]
    """By stage, for those stages of which it says which it wants."""


def dial(where: str, timeout: float = 5.0) -> socket.socket:
    """Connect to a milter's socket in Postfix's form: `unix:/path`, `inet:host:port`."""
    kind, _, rest = where.partition(":")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(rest)
        return connection
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host, int(port)), timeout)


class Mta:
    """One milter connection; use it in a `with` statement."""

    def __init__(self, where: str, *, version: int = 6, timeout: float = 5.0) -> None:
        self.socket = dial(where, timeout)
        self.negotiated = Negotiated(version, 0, 0, {})

    def __enter__(self) -> Mta:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection, without QUIT."""
        self.socket.close()

    def negotiate(self, *, actions: int | None = None, steps: int | None = None) -> Negotiated:
        """Offer actions and steps (all by default); return, and from then on honour, what the milter wants."""
        version = self.negotiated.version
        offered = (
            ALL_ACTIONS[version] if actions is None else actions,
            ALL_STEPS[version] if steps is None else steps,
        )
        self.send(b"O", struct.pack("!III", version, *offered))
        command, data = self.receive()
        if command != b"O" or len(data) < 12:
            raise ProtocolError(f"no negotiation, but {command!r} {data!r}")
        agreed, wanted_actions, wanted_steps = struct.unpack("!III", data[:12])
        self.negotiated = Negotiated(agreed, wanted_actions, wanted_steps, _macro_lists(data[12:]))
        if wanted_actions & ~offered[0] or wanted_steps & ~offered[1]:
            raise ProtocolError(f"{self.negotiated} goes beyond what was offered, {offered}")
        return self.negotiated

    def macros(self, stage: str, values: Mapping[bytes, bytes]) -> None:
        """Send macros for a stage's command, wanted or not; an empty packet too."""
        pairs = b"".join(name + b"\0" + value + b"\0" for name, value in values.items())
        self.send(b"D", _COMMANDS[stage] + pairs)

    def wanted_macros(self, stage: str, values: Mapping[bytes, bytes]) -> None:
        """Send those macros that the milter wants at this stage, as Postfix does: with none, no packet."""
        names = self.negotiated.macros.get(stage)
        known = values if names is None else {n: v for n, v in values.items() if n.decode() in names.split()}
        if known:
            self.macros(stage, known)

    def connect(self, address: str, port: int = 50000, name: bytes = b"client.example.net") -> Answer:
        """A client, of the family that its address looks like; `unknown` has none, and a path is a Unix socket."""
        where = address.encode()
        if address == "unknown":
            return self.ask(b"C", name + b"\0U")
        family = b"L" if address.startswith("/") else b"6" if ":" in address else b"4"
        return self.ask(b"C", name + b"\0" + family + struct.pack("!H", port) + where + b"\0")

    def helo(self, name: bytes = b"client.example.net") -> Answer:
        """HELO or EHLO."""
        return self.ask(b"H", name + b"\0")

    def mail(self, path: bytes = b"<a@example.net>", *parameters: bytes) -> Answer:
        """MAIL FROM."""
        return self.ask(b"M", b"".join(word + b"\0" for word in (path, *parameters)))

    def rcpt(self, path: bytes, *parameters: bytes) -> Answer:
        """RCPT TO."""
        return self.ask(b"R", b"".join(word + b"\0" for word in (path, *parameters)))

    def message(self) -> Answer:
        """DATA, a message, and its end, of which the milter sees what it wants."""
        parts = [(b"L", b"Subject\0test\0"), (b"N", b""), (b"B", b"hello\r\n")]
        for command, data in [(b"T", b""), *parts] if self.negotiated.version > 3 else parts:
            if (answer := self.ask(command, data)) not in ("continue", "unsent", "silent"):
                return answer
        return self.ask(b"E")

    def abort(self) -> None:
        """The message is over; there is no answer."""
        self.send(b"A")

    def quit(self) -> None:
        """The connection is over; there is no answer."""
        self.send(b"Q")

    def quit_nc(self) -> None:
        """The client is gone, and another comes over the same milter connection; there is no answer."""
        self.send(b"K")

    def ask(self, command: bytes, data: bytes = b"") -> Answer:
        """Send a command if the milter wants it, and wait for the answer if it gives one."""
        unwanted, silent = _STEPS.get(command, (0, 0))
        if self.negotiated.steps & unwanted:
            return "unsent"
        try:
            self.send(command, data)
            return "silent" if self.negotiated.steps & silent else self.answer()
        except (ConnectionError, EOFError):
            return "closed"

    def send(self, command: bytes, data: bytes = b"") -> None:
        """Send one packet, whatever the milter wants."""
        self.write(struct.pack("!I", 1 + len(data)) + command + data)

    def write(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(raw)

    def answer(self) -> Answer:
        """Wait for the answer to a command. Raises TimeoutError, EOFError, ProtocolError."""
        while True:
            command, data = self.receive()
            if command == b"y":
                return _reply(data)
            if command in _WORDS:
                return _WORDS[command]
            if command != _PROGRESS:
                raise ProtocolError(f"no answer, but {command!r} {data!r}")

    def receive(self) -> tuple[bytes, bytes]:
        """Wait for one packet."""
        (length,) = struct.unpack("!I", self._read(4))
        if not 1 <= length <= 65536:
            raise ProtocolError(f"a packet of {length} octets")
        packet = self._read(length)
        return packet[:1], packet[1:]

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError("the milter hung up")
            data += more
        return data


def _reply(data: bytes) -> Reply:
    found = _REPLY.fullmatch(data)
    if found is None or found[1][:1] != found[2][:1]:
        raise ProtocolError(f"no safe reply: {data!r}")
    code, status, text = (group.decode("ascii") for group in found.groups())
    return Reply(int(code), status, text.replace("%%", "%"))


def _macro_lists(data: bytes) -> dict[str, str]:
    lists = {}
    while data:
        (number,) = struct.unpack("!I", data[:4])
        names, _, data = data[4:].partition(b"\0")
        lists[STAGES[number]] = names.decode("ascii")
    return lists
