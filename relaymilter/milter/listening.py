"""Listening sockets on an event loop, asyncio's or uvloop's: they are the parent's, and only borrowed here."""

import asyncio
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

BACKLOG = 1024


async def listen(
    loop: asyncio.AbstractEventLoop, accept: Callable[[bool], asyncio.Protocol], listener: socket.socket
) -> asyncio.Server:
    """Make a protocol of each connection from now on; `accept` is given whether it comes by TCP."""
    listener.setblocking(False)
    tcp = listener.family != socket.AF_UNIX
    make = partial(accept, tcp)
    if tcp:
        return await loop.create_server(make, sock=listener, backlog=BACKLOG)
    # From Python 3.13 on the socket's file would be removed too, which is the parent's to do.
    keep: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
    try:
        return await loop.create_unix_server(make, sock=listener, backlog=BACKLOG, **keep)
    except TypeError:  # an uvloop that knows no such thing, and does no such thing
        return await loop.create_unix_server(make, sock=listener, backlog=BACKLOG)


async def stop_accepting(
    loop: asyncio.AbstractEventLoop, accepting: Sequence[asyncio.Server], listeners: Sequence[socket.socket]
) -> None:
    """Take no more connections; those that were accepted are served."""
    # asyncio makes a connection of what it accepted a turn later, and drops it if the server is closed by then.
    if isinstance(loop, asyncio.BaseEventLoop):
        for listener in listeners:
            loop.remove_reader(listener)
        await asyncio.sleep(0.01)
    for each in accepting:
        each.close()
