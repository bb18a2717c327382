"""The runtime on an event loop: asyncio, on uvloop where it is installed; one thread, one Dialogue a connection.

Nothing here decides or parses. Connections are bounded in number, in the time that part of a packet may take, and in
the time that they may be idle. A decision that may block is made in a LookupPool while the other sessions go on.
"""

import asyncio
import gc
import importlib
import logging
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import Any, cast

from relaymilter.milter.batch import batching
from relaymilter.milter.dialogue import Dialogue
from relaymilter.milter.pool import LookupPool
from relaymilter.milter.session import Service
from relaymilter.milter.wire import ProtocolError
from relaymilter.policy.envelope import Request
from relaymilter.policy.verdict import Decision

try:
    uvloop: ModuleType | None = importlib.import_module("uvloop")
except ImportError:
    uvloop = None

log = logging.getLogger(__name__)

WITHOUT_UVLOOP = (
    "uvloop is not installed (Debian's python3-uvloop): on asyncio alone a session costs up to three times the CPU"
)
"""What an administrator is to know where the default runtime is not at its best."""
IDLE_SECONDS = 3610.0
"""As libmilter.MTA_TIMEOUT: a little more than Sendmail's own Timeout.command of an hour."""
PARTIAL_SECONDS = 10.0
"""How long the rest of a packet may take. MTAs write a packet at once."""
MAX_CONNECTIONS = 4000
BACKLOG = 1024
_SWEEP_SECONDS = 2.0
_GARBAGE = 10_000
"""Objects that are made before cycles are looked for; a session leaves hardly any."""


class Server:
    """The connections of a worker, and what they share."""

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop, tcp: bool) -> None:
        self.service = service
        self.loop = loop
        self.live: set[Connection] = set()
        self.partial: dict[Connection, float] = {}
        self.pool = LookupPool(deadline=service.lookup_timeout)
        self.on_empty: Callable[[], None] | None = None
        self.refused = 0
        self.tcp = tcp

    def accept(self) -> "Connection":
        """A protocol for a new connection."""
        return Connection(self)

    def forget(self, connection: "Connection") -> None:
        """The connection is closed."""
        self.live.discard(connection)
        self.partial.pop(connection, None)
        if not self.live and self.on_empty is not None:
            self.on_empty()

    def sweep(self) -> None:
        """Close what has been incomplete, or idle, for too long."""
        now = self.loop.time()
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

    __slots__ = ("dialogue", "last", "server", "tcp", "transport")

    def __init__(self, server: Server) -> None:
        self.server = server
        self.dialogue = Dialogue(server.service)
        self.transport: asyncio.Transport
        self.tcp: socket.socket | None = None
        self.last = server.loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's callback."""
        self.transport = cast(asyncio.Transport, transport)
        if len(self.server.live) >= MAX_CONNECTIONS:
            self.server.refused += 1
            self.transport.abort()
            return
        self.server.live.add(self)
        if self.server.tcp:
            peer: socket.socket = transport.get_extra_info("socket")
            self.tcp = peer
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.acknowledge()

    def acknowledge(self) -> None:
        """Acknowledge at once: an MTA's second small write would wait 40 ms for it (Nagle). Linux forgets the wish."""
        if self.tcp is not None:
            self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def data_received(self, data: bytes) -> None:
        """asyncio's callback."""
        dialogue = self.dialogue
        try:
            sent = dialogue.receive(data)
        except ProtocolError as problem:
            self.drop(str(problem))
            return
        if sent:
            self.transport.write(sent)
        if self.tcp is not None:
            self.acknowledge()
        self.last = self.server.loop.time()
        if dialogue.ended:
            self.transport.close()
        elif dialogue.pending is not None:
            self.decide_later()
        elif dialogue.partial:
            self.server.partial.setdefault(self, self.last)
        elif self.server.partial:
            self.server.partial.pop(self, None)

    def decide_later(self) -> None:
        """Decide in the pool, and go on when the decision is made or the deadline is over, whichever is first."""
        pool, asked, session = self.server.pool, self.dialogue.pending, self.dialogue.session
        if asked is None or session is None:
            raise RuntimeError("nothing to decide")
        self.transport.pause_reading()
        loop = self.server.loop
        future = pool.start(session, asked)
        deadline = loop.call_later(pool.deadline, lambda: self.decided(asked, pool.too_late(session, future)))

        def done(result: "Future[Decision]") -> None:
            if not result.cancelled():
                loop.call_soon_threadsafe(deadline.cancel)
                loop.call_soon_threadsafe(self.decided, asked, result.result())

        future.add_done_callback(done)

    def decided(self, asked: Request, decision: Decision) -> None:
        """A pending decision is made; a second answer to the same question comes too late."""
        if self.dialogue.pending is not asked or self.transport.is_closing():
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
            self.decide_later()

    def drop(self, reason: str) -> None:
        """Close this connection, and no other; the MTA answers its client 4xx."""
        log.warning("a connection is closed: %s", reason)
        self.transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        """asyncio's callback."""
        self.server.forget(self)


def serve(service: Service, listener: socket.socket, control: socket.socket, stop_timeout: float) -> None:
    """Serve until `control` is closed at its other end, then until no session is left, or `stop_timeout` seconds.

    Writes one byte to `control` when it is ready, and closes it when no connection is accepted any more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None)
    with runner:
        runner.run(_serve(service, listener, control, stop_timeout))


async def _serve(service: Service, listener: socket.socket, control: socket.socket, stop_timeout: float) -> None:
    loop = asyncio.get_running_loop()
    service, flush = batching(service, loop)
    server = Server(service, loop, tcp=listener.family != socket.AF_UNIX)
    stop = asyncio.Event()
    control.setblocking(False)
    loop.add_reader(control, lambda: None if _still_open(control) else stop.set())
    accepting = await _listen(loop, server, listener)
    server.sweep()
    control.send(b"R")
    try:
        await stop.wait()
        loop.remove_reader(control)
        await _stop_accepting(loop, accepting, listener)
        control.close()
        await _drain(server, stop_timeout)
    finally:
        flush()


async def _stop_accepting(loop: asyncio.AbstractEventLoop, accepting: asyncio.Server, listener: socket.socket) -> None:
    # asyncio makes a connection of what it accepted a turn later, and drops it if the server is closed by then.
    if uvloop is None:
        loop.remove_reader(listener)
        await asyncio.sleep(0.01)
    accepting.close()


async def _drain(server: Server, stop_timeout: float) -> None:
    empty = asyncio.Event()
    server.on_empty = empty.set
    # A connection that was accepted, but not told of yet, is told of in the next turn of the loop.
    await asyncio.sleep(0.01)
    if server.live:
        try:
            await asyncio.wait_for(empty.wait(), stop_timeout)
        except TimeoutError:
            log.warning("%d sessions were still open after %g s", len(server.live), stop_timeout)


async def _listen(loop: asyncio.AbstractEventLoop, server: Server, listener: socket.socket) -> asyncio.Server:
    listener.setblocking(False)
    if listener.family != socket.AF_UNIX:
        return await loop.create_server(server.accept, sock=listener, backlog=BACKLOG)
    # From Python 3.13 on the socket's file would be removed too, which is the parent's to do.
    keep: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
    try:
        return await loop.create_unix_server(server.accept, sock=listener, backlog=BACKLOG, **keep)
    except TypeError:  # an uvloop that knows no such thing, and does no such thing
        return await loop.create_unix_server(server.accept, sock=listener, backlog=BACKLOG)


def _still_open(control: socket.socket) -> bool:
    try:
        return bool(control.recv(1))
    except BlockingIOError:
        return True
    except ConnectionError:  # the parent died before it read that we are ready
        return False
