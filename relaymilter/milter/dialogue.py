"""The milter's side of one connection, without I/O: bytes in, bytes out, a Session driven between.

It answers as libmilter does, octet for octet, and keeps macros as libmilter keeps them: those of a stage until the next
of that stage, and HELO, MAIL and a new connection clear those of the stages behind them. What is out of order or
malformed raises ProtocolError, where libmilter ignores some of it.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from relaymilter.lookups.turns import Turn
from relaymilter.milter import wire
from relaymilter.milter.macros import in_force, usual_macros
from relaymilter.milter.message import GiveBack
from relaymilter.milter.negotiation import Quiet, agreement
from relaymilter.milter.replies import Words
from relaymilter.milter.session import Service, Session
from relaymilter.milter.wire import ProtocolError
from relaymilter.policy.envelope import NOWHERE, Client, Request, client
from relaymilter.policy.verdict import Decision

_STAGES = {b"C": 0, b"H": 1, b"M": 2, b"R": 3}
"""Where the macros of a stage are kept, by the command to which they belong."""
_NO_PORT = b"\0\0"
_LENGTH_AND_COMMAND = struct.Struct("!IB").unpack_from


class Dialogue:
    """One connection from an MTA. `pending` is a recipient that must be decided on elsewhere; resolve() goes on.

    Where there is a `decision` on it, that only waits for what it has changed to be committed.
    """

    __slots__ = (
        "_give_back",
        "_macros",
        "_quiet",
        "_rest",
        "_takes",
        "_turn",
        "decision",
        "ended",
        "pending",
        "service",
        "session",
    )

    def __init__(self, service: Service, give_back: GiveBack | None = None, turn: Turn | None = None) -> None:
        """`give_back` is for Session; `turn` is that of the event loop, where one drives this."""
        self.service = service
        self._give_back = give_back
        self._turn = turn
        self.decision: Decision | None = None
        self.ended = False
        self.pending: Request | None = None
        self.session = Session(service, give_back)
        self._takes = _NEW
        self._rest = b""
        self._macros = [b""] * 4
        self._quiet: Quiet

    @property
    def partial(self) -> bool:
        """Part of a packet has come, and the rest is awaited."""
        return bool(self._rest) and self.pending is None

    def receive(self, data: bytes) -> bytes:
        """Take what came, and return what to send. Raises ProtocolError; the connection is to be closed then."""
        if self._rest or self.pending is not None:
            data = self._rest + data
        else:
            usual = self._takes.get(data)
            if usual is not None:
                return usual(self, data)
        if self.pending is not None:
            if len(data) > 2 * wire.MAX_DATA:
                raise ProtocolError("commands without end while a reply is awaited")
            self._rest = data
            return b""
        # Written out here, since a list of packets costs a twentieth of a session.
        at, end, sent = 0, len(data), b""
        while end - at >= 5:
            length, command = _LENGTH_AND_COMMAND(data, at)
            begin, after = at + 5, at + 4 + length
            if after > end or not 0 < length <= wire.LONGEST:
                break
            handler = self._takes.get(command)
            if handler is None:
                raise _out_of_order(command)
            sent += handler(self, data[begin:after])
            at = after
            if self.ended or self.pending is not None:
                self._rest = data[at:]
                return sent
        self._rest = data[at:]
        if at < end:
            wire.demand_length(self._rest)
        return sent

    def resolve(self, decision: Decision) -> bytes:
        """The pending recipient was decided on: what to send for it, and for what came meanwhile."""
        asked, self.pending, self.decision = self.pending, None, None
        if asked is None:
            raise ProtocolError("nothing is pending")
        said = self.session.reply(asked, decision)
        sent = wire.CONTINUE if said is None else _reply(said)
        rest, self._rest = self._rest, b""
        return sent + self.receive(rest)

    def abandon(self, decision: Decision) -> None:
        """The pending recipient was decided on, and there is nobody any more to say it to."""
        asked, self.pending, self.decision = self.pending, None, None
        if asked is not None:
            self.session.thrown_away(asked, decision)

    def hang_up(self) -> None:
        """The connection is over; what comes of a recipient that is pending goes nowhere."""
        self.session.close()

    def _negotiate(self, data: bytes) -> bytes:
        sent, self._quiet = agreement(data, self.service.needs_helo, self.service.needs)
        self._takes = _NEGOTIATED
        return sent

    def _macro(self, data: bytes) -> bytes:
        """SMFIC_MACRO comes before the command to whose stage its macros belong, which is its first octet."""
        at = _STAGES.get(data[:1])
        if at is not None:
            self._macros[at] = data
        return b""

    def _connect(self, data: bytes) -> bytes:
        family, port, address = wire.connection(data)
        macros = self._macros
        macros[1] = macros[2] = macros[3] = b""
        self.session.connect(_client(family, address, port == _NO_PORT), usual_macros(macros[0]).get(b"v"))
        self._takes = _CONNECTED
        return self._quiet.connect

    def _helo(self, data: bytes) -> bytes:
        self._macros[2] = self._macros[3] = b""
        self.session.hello(wire.argument(data))
        self._takes = _CONNECTED
        return self._quiet.helo

    def _mail(self, data: bytes) -> bytes:
        self._macros[3] = b""
        self.session.mail(wire.argument(data))
        self._takes = _IN_MESSAGE
        return self._quiet.mail

    def _rcpt(self, data: bytes) -> bytes:
        session = self.session
        asked = session.asked(wire.argument(data), in_force(*self._macros).get)
        decision = session.decide_at_once(asked)
        changed = self._turn is not None and self._turn.changed()  # asked each time: the next one answers for itself
        if decision is None or changed:
            self.pending, self.decision = asked, decision
            return b""
        said = session.reply(asked, decision)
        return wire.CONTINUE if said is None else _reply(said)

    def _ignored(self, _data: bytes) -> bytes:
        """A stage that we did not ask for, or that needs nothing but a reply."""
        return wire.CONTINUE

    def _end_of_message(self, _data: bytes) -> bytes:
        self.session.sent()
        self._takes = _CONNECTED
        return wire.CONTINUE

    def _abort(self, _data: bytes) -> bytes:
        self.session.abort()
        if self._takes is _IN_MESSAGE:
            self._takes = _CONNECTED
        return b""

    def _quit(self, _data: bytes) -> bytes:
        self.ended = True
        return b""

    def _nothing(self, _data: bytes) -> bytes:
        return b""

    def _abort_and_quit(self, data: bytes) -> bytes:
        self._abort(data)
        return self._quit(data)

    def _quit_new_connection(self, _data: bytes) -> bytes:
        """The SMTP session is over; the next one comes on this connection, without a negotiation."""
        self.session.close()
        self.session = Session(self.service, self._give_back)
        self._takes = _NEGOTIATED
        self._macros = [b""] * 4
        return b""


def _packets(*packets: bytes) -> bytes:
    return b"".join(wire.packet(each[:1], each[1:]) for each in packets)


_Takes: TypeAlias = dict[int | bytes, Callable[[Dialogue, bytes], bytes]]
"""What takes the data of each command, another is out of order; and what takes whole reads that are always the same."""

_NEW: _Takes = {wire.NEGOTIATE: Dialogue._negotiate, wire.QUIT: Dialogue._quit}
_BETWEEN: _Takes = {
    wire.MACRO: Dialogue._macro,
    wire.ABORT: Dialogue._abort,
    wire.QUIT: Dialogue._quit,
    wire.QUIT_NEW_CONNECTION: Dialogue._quit_new_connection,
}
_NEGOTIATED: _Takes = {**_BETWEEN, wire.CONNECT: Dialogue._connect}
_CONNECTED: _Takes = {
    **_BETWEEN,
    wire.HELO: Dialogue._helo,
    wire.MAIL: Dialogue._mail,
    **dict.fromkeys((wire.DATA, wire.HEADER, wire.END_OF_HEADERS, wire.BODY, wire.UNKNOWN), Dialogue._ignored),
    wire.END_OF_MESSAGE: Dialogue._end_of_message,
    # As Postfix sends them. Macros of these stages are not kept.
    _packets(b"DT"): Dialogue._nothing,
    _packets(b"DE", b"E"): Dialogue._end_of_message,
    _packets(b"A", b"A", b"Q"): Dialogue._abort_and_quit,
}
_IN_MESSAGE: _Takes = {**_CONNECTED, wire.RCPT: Dialogue._rcpt}


def _out_of_order(command: int) -> ProtocolError:
    if not any(command in known for known in (_NEW, _NEGOTIATED, _IN_MESSAGE)):
        return ProtocolError(f"an unknown command {command:#x}")
    return ProtocolError(_WHY_NOT.get(command, "a command before the negotiation, or before the connection"))


_WHY_NOT = {
    wire.NEGOTIATE: "a second negotiation",
    wire.CONNECT: "a connection out of order",
    wire.RCPT: "a recipient outside a message",
}


def _reply(said: Words) -> bytes:
    return wire.reply(said.code, said.status, said.wire_text)


@lru_cache(4096)
def _client(family: bytes | None, address: bytes | None, no_port: bool) -> Client:
    """The same few come again and again."""
    text = wire.address(family, address)
    return NOWHERE if text is None else client(text, 0 if no_port else None)
