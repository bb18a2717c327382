"""What a server that is none, or a broken one, can do to a probe: end it, with a reason, and soon."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from relaymilter.audit.probe.smtp_client import Client, Reply, SmtpFailed


@contextmanager
def server(*said: bytes) -> Iterator[int]:
    """The port of a server that says one of these at once, the next after each line that it reads, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, said))
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(10)
        assert not thread.is_alive()


def _serve(listener: socket.socket, said: tuple[bytes, ...]) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as lines, suppress(ConnectionError):
        for words in said:
            connection.sendall(words)
            lines.readline()


@pytest.mark.parametrize(
    ("banner", "said"),
    [
        (b"", "it hangs up"),
        (b"220 mx.example.org", "it hangs up"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no SMTP: it says SSH-2.0-OpenSSH_9.2"),
        (b"\x16\x03\x01\x1b[2J\n", r"no SMTP: it says \x16\x03\x01\x1b[2J"),
        (b"220 " + b"x" * 10000, "no SMTP: it sends a line without end"),
        (b"220-x\r\n" * 1000, "no SMTP: a reply without end"),
    ],
    ids=["nothing", "half a line", "another protocol", "escapes", "a line without end", "a reply without end"],
)
def test_no_banner(banner: bytes, said: str) -> None:
    """What is no banner is an error, in words that drive no terminal."""
    with server(banner) as port, closing(Client("127.0.0.1", port, timeout=5)) as client:
        if banner == b"" or banner == b"220 mx.example.org":
            client._socket.shutdown(socket.SHUT_WR)
        with pytest.raises(SmtpFailed) as failed:
            client.greet()
    assert str(failed.value) == said


def test_a_server_that_is_silent() -> None:
    """A server that says nothing is waited for no longer than the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client("127.0.0.1", listener.getsockname()[1], timeout=0.1)
        with closing(client), pytest.raises(SmtpFailed, match="it does not answer: timed out"):
            client.greet()


def test_a_reply_of_several_lines() -> None:
    """All lines of a reply are read; shown is the last."""
    said = (b"220 mx.example.org ESMTP\r\n", b"250-a\r\n250 b\r\n")
    with server(*said) as port, closing(Client("127.0.0.1", port, timeout=5)) as client:
        assert client.greet() == Reply(220, ("mx.example.org ESMTP",))
        reply = client.command(b"EHLO x")
    assert (reply, str(reply)) == (Reply(250, ("a", "b")), "250 b")


def test_a_challenge_that_is_none() -> None:
    """A server whose challenge for CRAM-MD5 cannot be read is an error, not a traceback."""
    with server(b"220 x\r\n", b"334 !!!\r\n") as port, closing(Client("127.0.0.1", port, timeout=5)) as client:
        client.greet()
        with pytest.raises(SmtpFailed, match="no challenge"):
            client.log_in("bob", "secret", "CRAM-MD5")


def test_no_mechanism() -> None:
    """Where the server offers none of the mechanisms, the login is not tried."""
    with server(b"220 x\r\n") as port, closing(Client("127.0.0.1", port, timeout=5)) as client:
        client.greet()
        with pytest.raises(SmtpFailed, match="offers no AUTH PLAIN, LOGIN or CRAM-MD5"):
            client.log_in("bob", "secret", "GSSAPI XOAUTH2")
