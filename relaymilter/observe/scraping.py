"""The little of HTTP that it takes to be scraped: GET and HEAD of /metrics, one request a connection.

One thread serves all. A request has a few seconds and a few kilobytes, there are few connections, and of more the
oldest goes, so that whoever holds connections open keeps nobody else out. What is no request gets a status and a closed
connection; nothing of it is logged.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable

log = logging.getLogger(__name__)

CONNECTIONS = 32
SECONDS = 5.0
"""For a request, and for its answer to be taken."""
LONGEST = 8192
"""Octets of a request."""
PATHS = (b"/metrics", b"/")


class Server:
    """Answers with what `render` gives."""

    def __init__(self, render: Callable[[], bytes], content_type: str) -> None:
        self._render = render
        self._type = content_type
        self._open: dict[asyncio.Task[None], None] = {}

    async def serve(self, listener: socket.socket, parent: socket.socket) -> None:
        """Until the parent closes its end."""
        listener.setblocking(False)
        parent.setblocking(False)
        server = await asyncio.start_server(self._connected, sock=listener, limit=LONGEST)
        async with server:
            await asyncio.get_running_loop().sock_recv(parent, 1)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("no task")
        if len(self._open) >= CONNECTIONS:
            next(iter(self._open)).cancel()
        self._open[task] = None
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                async with asyncio.timeout(SECONDS):
                    writer.write(self._answer(await _head(reader)))
                    await writer.drain()
                    writer.write_eof()
                    await reader.read(LONGEST)
        finally:
            self._open.pop(task, None)
            writer.transport.abort()

    def _answer(self, head: bytes) -> bytes:
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response("400 Bad Request")
        method, target, _ = words
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", extra="Allow: GET, HEAD\r\n")
        if target.partition(b"?")[0] not in PATHS:
            return _response("404 Not Found")
        try:
            return _response("200 OK", self._render(), self._type, bare=method == b"HEAD")
        except Exception:
            log.exception("metrics cannot be shown")
            return _response("500 Internal Server Error")


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The request's line and fields; nothing, where they are too long or break off."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""


def _response(
    status: str, body: bytes | None = None, content_type: str = "text/plain", extra: str = "", bare: bool = False
) -> bytes:
    content = f"{status}\n".encode() if body is None else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n"
    return f"{head}{extra}Connection: close\r\n\r\n".encode() + (b"" if bare else content)


def scraped(listener: socket.socket, parent: socket.socket, render: Callable[[], bytes], content_type: str) -> None:
    """Serve on this socket until the parent closes its end of the other."""
    asyncio.run(Server(render, content_type).serve(listener, parent))
