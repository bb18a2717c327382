"""The HTTP that is needed to be scraped: small, bounded, and silent about what is none."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from relaymilter.observe import scraping
from relaymilter.observe.scraping import CONNECTIONS, LONGEST, scraped

BODY = b"relaymilter_x 1\n"
Address = tuple[str, int]


@pytest.fixture
def address() -> Iterator[Address]:
    """Where a server answers with BODY; it ends when its parent does."""
    listener = socket.create_server(("127.0.0.1", 0))
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=scraped, args=(listener, theirs, lambda: BODY, "text/x"))
    thread.start()
    where: Address = listener.getsockname()
    yield where
    ours.close()
    thread.join(10)
    assert not thread.is_alive()


def said(address: Address, octets: bytes) -> bytes:
    """All that is answered to this."""
    with socket.create_connection(address, 10) as connection:
        connection.sendall(octets)
        with connection.makefile("rb") as stream:
            return stream.read()


def get(address: Address, line: bytes = b"GET /metrics HTTP/1.1") -> bytes:
    """The answer to a request with this line."""
    return said(address, line + b"\r\nHost: x\r\n\r\n")


def test_get_and_head(address: Address) -> None:
    """With the length and the type of what there is, and the end of the connection."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 16\r\nConnection: close\r\n\r\n"
    assert (
        head + BODY == get(address) == get(address, b"GET /metrics?name=x HTTP/1.0") == get(address, b"GET / HTTP/1.1")
    )
    assert head == get(address, b"HEAD /metrics HTTP/1.1")


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET /etc/passwd HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405 Method Not Allowed"),
        (b"GET /metrics\r\n\r\n", b"400 Bad Request"),
        (b"\r\n\r\n", b"400 Bad Request"),
        (b"\0\xff\x16\x03\x01\r\n\r\n", b"400 Bad Request"),
        (b"GET  /metrics HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET /metrics HTTP/2\r\n\r\n", b"400 Bad Request"),
        (b"x" * 3 * LONGEST, b"400 Bad Request"),
    ],
    ids=["path", "method", "short", "empty", "binary", "blanks", "version", "long"],
)
def test_what_is_no_request(address: Address, octets: bytes, status: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It gets a status, nothing is logged, and the next one is served."""
    try:
        answer = said(address, octets)
    except ConnectionResetError:  # more came than was read
        answer = status
    assert status in answer.partition(b"\r\n")[0]
    assert get(address).endswith(BODY)
    assert not caplog.records


def test_half_a_request_is_not_waited_for(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly more of it comes."""
    monkeypatch.setattr(scraping, "SECONDS", 0.3)
    with socket.create_connection(address, 10) as connection:
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < begun + 10:
                connection.sendall(b"G")
                time.sleep(0.02)
        assert time.monotonic() < begun + 9


def test_held_connections_keep_nobody_out(address: Address) -> None:
    """The oldest ones go, those that say nothing and those that take no answer alike."""
    held = [socket.create_connection(address, 10) for _ in range(3 * CONNECTIONS)]
    try:
        for number, connection in enumerate(held):
            if number % 2:
                connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert get(address).endswith(BODY)
    finally:
        for connection in held:
            connection.close()
    assert get(address).endswith(BODY)


def test_an_error_while_rendering(caplog: pytest.LogCaptureFixture) -> None:
    """It is an answer, and our own fault, so it is logged."""

    def render() -> bytes:
        raise ValueError("no")

    async def ask() -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        ours, theirs = socket.socketpair()
        serving = asyncio.create_task(scraping.Server(render, "text/x").serve(listener, theirs))
        answer = await asyncio.to_thread(get, listener.getsockname())
        ours.close()
        await serving
        return answer

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 500 ")
    assert ["metrics cannot be shown"] == [record.message for record in caplog.records]
