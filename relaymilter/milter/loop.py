"""The runtime on an event loop: asyncio, on uvloop where it is installed; one thread, one Dialogue a connection."""

import asyncio
import gc
import importlib
import logging
import os
import socket
from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import Any

from relaymilter.lookups import waiting
from relaymilter.milter.batch import batching
from relaymilter.milter.connections import Connection, Server
from relaymilter.milter.listening import listen, stop_accepting
from relaymilter.milter.reporting import Reporter
from relaymilter.milter.session import Service

try:
    uvloop: ModuleType | None = importlib.import_module("uvloop")
except ImportError:
    uvloop = None

log = logging.getLogger(__name__)

WITHOUT_UVLOOP = (
    "uvloop is not installed (Debian's python3-uvloop): on asyncio alone a session costs up to three times the CPU"
)
"""What an administrator is to know where the default runtime is not at its best."""
_GARBAGE = 10_000
"""Objects that are made before cycles are looked for; a session leaves hardly any."""


def serve(service: Service, listeners: Sequence[socket.socket], control: socket.socket, stop_timeout: float) -> None:
    """Serve until the parent says otherwise on `control` (reporting.py), or closes it; then until no session is left,
    or `stop_timeout` seconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None)
    with runner:
        runner.run(_serve(service, listeners, control, stop_timeout))


async def _serve(
    service: Service, listeners: Sequence[socket.socket], control: socket.socket, stop_timeout: float
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_failed)
    service, flush = batching(service, loop)
    server = Server(service, loop)
    waiting.allow_brief(server.turn)
    reporter = Reporter(control, service, lambda: len(server.live))
    stop = _hearing(loop, control, reporter)
    accepting = [await listen(loop, partial(Connection, server), listener) for listener in listeners]
    server.sweep()
    reporter.ready()
    try:
        await stop.wait()
        await stop_accepting(loop, accepting, listeners)
        reporter.takes_none()
        await _drain(server, stop_timeout)
    finally:
        server.turn.end()
        flush()
        loop.remove_reader(control)
        reporter.end()


def _failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Something was raised that nobody caught. Out of memory, uvloop may accept no more: then another worker serves."""
    loop.default_exception_handler(context)
    if isinstance(context.get("exception"), MemoryError):
        log.error("out of memory: this worker ends, and another takes its place")
        os._exit(os.EX_OSERR)


def _hearing(loop: asyncio.AbstractEventLoop, control: socket.socket, reporter: Reporter) -> asyncio.Event:
    """Hear the parent from now on; the event is set when no more connections are to be taken."""
    stop = asyncio.Event()

    def hear() -> None:
        reporter.hear()
        if reporter.draining:
            stop.set()
        if reporter.alone:
            loop.remove_reader(control)

    control.setblocking(False)
    loop.add_reader(control, hear)
    return stop


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
