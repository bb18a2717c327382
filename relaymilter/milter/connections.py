"""The connections of an event loop, each with a Dialogue; nothing here decides or parses.

They are bounded in number, in the time that part of a packet may take, and in the time that they may be idle. A
decision that may block is made in a LookupPool while the other sessions go on; what decisions charge is committed once
a turn of the loop, and answered then.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from relaymilter.lookups.turns import Turn
from relaymilter.milter.dialogue import Dialogue
from relaymilter.milter.pool import LookupPool
from relaymilter.milter.session import Service
from relaymilter.milter.wire import ProtocolError
from relaymilter.policy.envelope import Request
from relaymilter.policy.verdict import Decision

log = logging.getLogger(__name__)

IDLE_SECONDS = 3610.0
"""As libmilter.MTA_TIMEOUT: a little more than Sendmail's own Timeout.command of an hour."""
PARTIAL_SECONDS = 10.0
"""How long the rest of a packet may take. MTAs write a packet at once."""
MAX_CONNECTIONS = 4000
_SWEEP_SECONDS = 2.0


class Server:
    """The connections of a worker, and what they share."""

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        self.service = service
        self.loop = loop
        self.live: set[Connection] = set()
        self.partial: dict[Connection, float] = {}
        self.now = loop.time()
        """As of the last sweep: to be precise for each packet would cost as much as to take a packet apart."""
        self.pool = LookupPool(deadline=service.lookup_timeout)
        self.give_back = self.pool.giving_back(service.charges)
        self.turn = Turn(loop.call_soon)
        self.on_empty: Callable[[], None] | None = None
        self.refused = 0

    def forget(self, connection: "Connection") -> None:
        """The connection is closed."""
        self.live.discard(connection)
        self.partial.pop(connection, None)
        if not self.live and self.on_empty is not None:
            self.on_empty()

    def sweep(self) -> None:
        """Close what has been incomplete, or idle, for too long."""
        now = self.now = self.loop.time()
        for connection, since in [*self.partial.items()]:
            if now - since > PARTIAL_SECONDS:
                connection.drop(f"part of a packet came, and no more for {PARTIAL_SECONDS:g} s")
        for connection in [*self.live]:
            if now - connection.last > IDLE_SECONDS:
                connection.drop(f"idle for {IDLE_SECONDS:g} s")
        if self.refused:
            log.warning("%d connections were refused: there are %d already", self.refused, MAX_CONNECTIONS)
            self.refused = 0
        self.loop.call_later(_SWEEP_SECONDS, self.sweep)


class Connection(asyncio.Protocol):
    """One connection from an MTA."""

    __slots__ = ("by_tcp", "dialogue", "last", "server", "transport")

    def __init__(self, server: Server, by_tcp: bool) -> None:
        self.server = server
        self.by_tcp = by_tcp
        self.dialogue = Dialogue(server.service, server.give_back, server.turn)
        self.transport: Any = None
        self.last = server.now
        """When something came, by the clock of the sweeps."""

    def connection_made(self, transport: Any) -> None:
        """asyncio's callback; asyncio itself and uvloop have set TCP_NODELAY."""
        self.transport = transport
        live = self.server.live
        if len(live) >= MAX_CONNECTIONS:
            self.server.refused += 1
            self.transport.abort()
            return
        live.add(self)

    def data_received(self, data: bytes) -> None:
        """asyncio's callback."""
        dialogue, server = self.dialogue, self.server
        try:
            sent = dialogue.receive(data)
        except ProtocolError as problem:
            self.drop(str(problem))
            return
        self.last = server.now
        if sent:
            self.transport.write(sent)
        elif self.by_tcp and not dialogue.ended:
            self.acknowledge()
        if dialogue.ended:
            self.transport.close()
        elif dialogue.pending is not None:
            self.wait()
        elif dialogue.partial:
            server.partial.setdefault(self, server.loop.time())
        elif server.partial:
            server.partial.pop(self, None)

    def acknowledge(self) -> None:
        """Acknowledge what has no answer at once: an MTA's second small write would wait 40 ms for that (Nagle)."""
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def wait(self) -> None:
        """Go on when there is a decision, and what it has changed is committed."""
        if self.dialogue.decision is None:
            self.decide_later()
        else:
            self.server.turn.wait(self.committed)

    def committed(self, made: bool) -> None:
        """The turn is over in which a decision was made: it counts, or is made again, if anybody wants to hear it."""
        asked, decision = self.dialogue.pending, self.dialogue.decision
        if asked is None or decision is None:
            return
        if made:
            self.decided(asked, decision)
        elif not self.transport.is_closing():
            self.dialogue.decision = None
            self.decide_later()

    def decide_later(self) -> None:
        """Decide in the pool, and go on when the decision is made or the deadline is over, whichever is first."""
        pool, asked, session = self.server.pool, self.dialogue.pending, self.dialogue.session
        if asked is None:
            raise RuntimeError("nothing to decide")
        self.transport.pause_reading()
        loop = self.server.loop
        future = pool.start(session, asked)
        deadline = loop.call_later(pool.deadline, lambda: self.decided(asked, pool.too_late(session, asked, future)))

        def done(result: "Future[Decision]") -> None:
            if not result.cancelled():
                loop.call_soon_threadsafe(deadline.cancel)
                loop.call_soon_threadsafe(self.decided, asked, result.result())

        future.add_done_callback(done)

    def decided(self, asked: Request, decision: Decision) -> None:
        """A pending decision is made; a second answer to the same question comes too late."""
        if self.dialogue.pending is not asked:
            return
        if self.transport.is_closing():
            self.dialogue.abandon(decision)
            return
        self.transport.resume_reading()
        try:
            sent = self.dialogue.resolve(decision)
        except ProtocolError as problem:
            self.drop(str(problem))
            return
        self.transport.write(sent)
        if self.dialogue.ended:
            self.transport.close()
        elif self.dialogue.pending is not None:
            self.wait()

    def drop(self, reason: str) -> None:
        """Close this connection, and no other; the MTA answers its client 4xx."""
        log.warning("a connection is closed: %s", reason)
        self.transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        """asyncio's callback."""
        self.dialogue.hang_up()
        self.server.forget(self)
