"""The daemon with a table whose server is down, refuses it or talks nonsense: what an MTA hears meanwhile.

What memory can decide is decided as ever; what needs the table is 451, never 5xx for a recipient that is local, and no
question waits once the breaker is open.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.rig import Relaymilter, running, wait_for
from tests.servers import postgresql
from tests.wire.mta import Answer, Reply
from tests.wire.sessions import BOB, DENIED, VICTIM, greeted, rcpt

from .kinds import kinds
from .kinds.sql import described

ENTRIES = {"table.example": "OK"}
IN_TABLE = b"<joe@table.example>"
QUERY = "SELECT 1 FROM entries WHERE name = :key"
OPEN = "not asked for a while"

runtimes = pytest.mark.parametrize("runtime", ["loop", "libmilter"])


@contextmanager
def serving(folder: Path, runtime: str, table: str) -> Iterator[Relaymilter]:
    """A daemon that has a domain in memory and others in this table, and keeps no answer."""
    domains = ("--local-domain", "example.org", "--local-domain", table)
    cache = ("--cache-positive", "0", "--cache-negative", "0")
    with running(Relaymilter(folder / "daemon", *domains, *cache, "--runtime", runtime)) as daemon:
        yield daemon


def ask(daemon: Relaymilter, *paths: bytes) -> list[Answer]:
    """A stranger names these recipients."""
    with greeted(daemon, timeout=30) as mta:
        mta.mail()
        return [rcpt(mta, path) for path in paths]


def code(answer: Answer) -> int | str:
    """Of a reply, or the word."""
    return answer.code if isinstance(answer, Reply) else answer


def demand_deferral(daemon: Relaymilter) -> None:
    """Until the breaker is open, and then at once: what is in memory is permitted, all else deferred."""
    for _ in range(20):
        answers = ask(daemon, BOB, IN_TABLE, VICTIM, BOB)
        assert ["continue", 451, 451, "continue"] == [code(answer) for answer in answers]
        if OPEN in daemon.log():
            return
    raise AssertionError("the breaker is not open after 40 failures")


@runtimes
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_dead_server(folder: Path, tmp_path: Path, runtime: str, kind: str) -> None:
    """Memory decides on what it knows, the rest waits for the server to return, and then is decided on, rightly."""
    with kinds()[kind](tmp_path, ENTRIES) as specimen, serving(folder, runtime, specimen.text) as daemon:
        assert specimen.server is not None
        assert ["continue", DENIED] == ask(daemon, IN_TABLE, VICTIM)
        specimen.server.kill()
        demand_deferral(daemon)
        specimen.server.start()
        heard: list[int | str] = []

        def back() -> bool:
            heard.append(code(ask(daemon, IN_TABLE)[0]))
            return heard[-1] == "continue"

        wait_for(back, "the recipient is accepted again")
        assert {451, "continue"} >= set(heard)
        assert [DENIED, "continue"] == ask(daemon, VICTIM, IN_TABLE)


@runtimes
def test_a_wrong_password(folder: Path, tmp_path: Path, runtime: str) -> None:
    """It is a server that does not answer; the log tells why, and not the password."""
    server = postgresql.shared()
    login = {"user": postgresql.USER, "password": "not-the-password"}
    path = described(tmp_path, socket=str(server.folder), dbname="postgres", query=QUERY, **login)
    with serving(folder, runtime, f"postgresql:{path}") as daemon:
        demand_deferral(daemon)
        assert "password authentication failed" in daemon.log()
        assert "not-the-password" not in daemon.log()


class Nonsense:
    """A TCP server that says something, to whoever connects, and hangs up."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                try:
                    connection.sendall(self.said)
                    connection.settimeout(5)
                    connection.recv(4096)
                except OSError:
                    continue


NONSENSE = {
    "postgresql": b"R\0\0\0\x08\xff\xff\xff\xff" * 50,
    "mysql": b"\x05\0\0\0\x0aabc\0" + bytes(range(256)),
    "http": b"HTTP/1.0 400 Bad Request\r\n\r\n",
}


@runtimes
@pytest.mark.parametrize(
    ("kind", "said"), [("postgresql", "postgresql"), ("postgresql", "http"), ("mysql", "mysql"), ("mysql", "http")]
)
def test_nonsense(folder: Path, tmp_path: Path, runtime: str, kind: str, said: str) -> None:
    """Whatever a server says, it is no yes and no no; and once the breaker is open it is left alone."""
    server = Nonsense(NONSENSE[said])
    path = tmp_path / "table.toml"
    path.write_text(f'host = "127.0.0.1"\nport = {server.port}\ndbname = "d"\nuser = "u"\nquery = "{QUERY}"\n')
    with closing(server), serving(folder, runtime, f"{kind}:{path}") as daemon:
        demand_deferral(daemon)
        before = server.connections
        assert {451} == {code(answer) for answer in ask(daemon, *[IN_TABLE] * 200)}
        assert server.connections - before < 20
