"""The milter's side of one connection, without I/O: bytes in, bytes out, a Session driven between.

It answers as libmilter does, octet for octet, and keeps macros as libmilter keeps them: those of a stage until the next
of that stage, and HELO, MAIL and a new connection clear those of the stages behind them. What is out of order or
malformed raises ProtocolError, where libmilter ignores some of it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

from relaymilter.lookups.turns import Turn
from relaymilter.milter import wire
from relaymilter.milter.message import GiveBack
from relaymilter.milter.negotiation import agreement
from relaymilter.milter.replies import Words
from relaymilter.milter.session import Service, Session
from relaymilter.milter.wire import ProtocolError
from relaymilter.policy.envelope import NOWHERE, Client, Request, client
from relaymilter.policy.verdict import Decision

_STAGES = {b"C": 0, b"H": 1, b"M": 2, b"R": 3}
"""Where the macros of a stage are kept, by the command to which they belong."""
_NO_PORT = b"\0\0"


class Dialogue:
    """One connection from an MTA. `pending` is a recipient that must be decided on elsewhere; resolve() goes on.

    Where there is a `decision` on it, that only waits for what it has changed to be committed.
    """

    __slots__ = (
        "_give_back",
        "_macros",
        "_message",
        "_rest",
        "_silent",
        "_state",
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
        self._rest = b""
        self._state = _NEW
        self._silent = 0
        self._message = False
        self._macros = [b""] * 4
        self.session: Session | None = None

    @property
    def partial(self) -> bool:
        """Part of a packet has come, and the rest is awaited."""
        return bool(self._rest) and self.pending is None

    def receive(self, data: bytes) -> bytes:
        """Take what came, and return what to send. Raises ProtocolError; the connection is to be closed then."""
        if self._rest:
            data = self._rest + data
        if self.pending is not None:
            if len(data) > 2 * wire.MAX_DATA:
                raise ProtocolError("commands without end while a reply is awaited")
            self._rest = data
            return b""
        # Written out here, since a list of packets costs a twentieth of a session.
        at, end, sent = 0, len(data), b""
        while end - at >= 4:
            after = at + 4 + int.from_bytes(data[at : at + 4], "big")
            if not at + 5 <= after <= at + 5 + wire.MAX_DATA:
                raise ProtocolError(f"a packet of {after - at - 4} octets")
            if after > end:
                break
            handler = self._HANDLERS.get(data[at + 4])
            if handler is None:
                raise ProtocolError(f"an unknown command {data[at + 4]:#x}")
            sent += handler(self, data[at + 5 : after])
            at = after
            if self.ended or self.pending is not None:
                break
        self._rest = data[at:]
        return sent

    def resolve(self, decision: Decision) -> bytes:
        """The pending recipient was decided on: what to send for it, and for what came meanwhile."""
        asked, self.pending, self.decision = self.pending, None, None
        if asked is None or self.session is None:
            raise ProtocolError("nothing is pending")
        sent = _reply(self.session.reply(asked, decision))
        rest, self._rest = self._rest, b""
        return sent + self.receive(rest)

    def abandon(self, decision: Decision) -> None:
        """The pending recipient was decided on, and there is nobody any more to say it to."""
        asked, self.pending, self.decision = self.pending, None, None
        if asked is not None and self.session is not None:
            self.session.thrown_away(asked, decision)

    def _negotiate(self, data: bytes) -> bytes:
        if self._state != _NEW:
            raise ProtocolError("a second negotiation")
        sent, self._silent = agreement(data, self.service.needs_helo, self.service.needs)
        self._state = _NEGOTIATED
        return sent

    def _macro(self, data: bytes) -> bytes:
        """SMFIC_MACRO comes before the command to whose stage its macros belong, which is its first octet."""
        if self._state == _NEW:
            raise ProtocolError("macros before the negotiation")
        at = _STAGES.get(data[:1])
        if at is not None:
            self._macros[at] = data
        return b""

    def _connect(self, data: bytes) -> bytes:
        if self._state != _NEGOTIATED:
            raise ProtocolError("a connection out of order")
        family, port, address = wire.connection(data)
        self._macros[1:] = b"", b"", b""
        self.session = Session(self.service, self._give_back)
        self.session.connect(_client(family, address, port == _NO_PORT), _usual_macros(self._macros[0]).get(b"v"))
        self._state = _CONNECTED
        return self._quiet(wire.SILENT_CONNECT)

    def _helo(self, data: bytes) -> bytes:
        session = self._connected()
        self._macros[2:] = b"", b""
        session.hello(wire.argument(data))
        self._message = False
        return self._quiet(wire.SILENT_HELO)

    def _mail(self, data: bytes) -> bytes:
        session = self._connected()
        self._macros[3] = b""
        session.mail(wire.argument(data))
        self._message = True
        return self._quiet(wire.SILENT_MAIL)

    def _rcpt(self, data: bytes) -> bytes:
        session = self._connected()
        if not self._message:
            raise ProtocolError("a recipient outside a message")
        asked = session.asked(wire.argument(data), self._known().get)
        decision = session.decide_at_once(asked)
        changed = self._turn is not None and self._turn.changed()  # asked each time: the next one answers for itself
        if decision is None or changed:
            self.pending, self.decision = asked, decision
            return b""
        return _reply(session.reply(asked, decision))

    def _ignored(self, _data: bytes) -> bytes:
        """A stage that we did not ask for, or that needs nothing but a reply."""
        self._connected()
        return wire.CONTINUE

    def _end_of_message(self, _data: bytes) -> bytes:
        self._connected().sent()
        self._message = False
        return wire.CONTINUE

    def _abort(self, _data: bytes) -> bytes:
        self._demand(_NEGOTIATED)
        self._message = False
        if self.session is not None:
            self.session.abort()
        return b""

    def hang_up(self) -> None:
        """The connection is over; what comes of a recipient that is pending goes nowhere."""
        if self.session is not None:
            self.session.close()

    def _quit(self, _data: bytes) -> bytes:
        self.ended = True
        return b""

    def _quit_new_connection(self, _data: bytes) -> bytes:
        """The SMTP session is over; the next one comes on this connection, without a negotiation."""
        self._demand(_NEGOTIATED)
        self._state = _NEGOTIATED
        self.hang_up()
        self.session = None
        self._message = False
        self._macros = [b""] * 4
        return b""

    def _demand(self, state: int) -> None:
        if self._state < state:
            raise ProtocolError("a command before the negotiation, or before the connection")

    def _connected(self) -> Session:
        if self.session is None:
            raise ProtocolError("a command before the connection")
        return self.session

    def _quiet(self, stage: int) -> bytes:
        return b"" if self._silent & stage else wire.CONTINUE

    def _known(self) -> dict[bytes, bytes]:
        """The macros in force: each from the latest stage that has it (smfi_getsymval)."""
        connect, helo, mail, rcpt = self._macros
        known = {**_usual_macros(connect)}
        for said in (helo, mail, rcpt):
            if len(said) > 1:
                known.update(wire.macros(said))
        return known

    _HANDLERS: ClassVar[dict[int, Callable[["Dialogue", bytes], bytes]]] = {
        wire.NEGOTIATE: _negotiate,
        wire.MACRO: _macro,
        wire.CONNECT: _connect,
        wire.HELO: _helo,
        wire.MAIL: _mail,
        wire.RCPT: _rcpt,
        wire.DATA: _ignored,
        wire.HEADER: _ignored,
        wire.END_OF_HEADERS: _ignored,
        wire.BODY: _ignored,
        wire.UNKNOWN: _ignored,
        wire.END_OF_MESSAGE: _end_of_message,
        wire.ABORT: _abort,
        wire.QUIT: _quit,
        wire.QUIT_NEW_CONNECTION: _quit_new_connection,
    }


_NEW, _NEGOTIATED, _CONNECTED = range(3)

_usual_macros = lru_cache(64)(wire.macros)
"""Those of CONNECT are an MTA's own, and mostly the same."""


@lru_cache(4096)
def _client(family: bytes | None, address: bytes | None, no_port: bool) -> Client:
    """The same few come again and again."""
    text = wire.address(family, address)
    return NOWHERE if text is None else client(text, 0 if no_port else None)


def _reply(said: Words | None) -> bytes:
    return wire.CONTINUE if said is None else wire.reply(said.code, said.status, said.wire_text)
