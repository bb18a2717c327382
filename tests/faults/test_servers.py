"""Servers that relaymilter asks: tables, ledgers and the DNS, dead, frozen, or lying."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.daemon.process import Daemon
from tests.rig import running, wait_for
from tests.servers import redis
from tests.servers.unbound import Unbound
from tests.tables.kinds import Make as MakeTable
from tests.tables.kinds import Server, kinds
from tests.tables.test_faults import WITHOUT_SERVER

from .conftest import Begin
from .load import Kind

Make = Callable[..., Daemon]
TABLES = {name: make for name, make in kinds().items() if not name.startswith(WITHOUT_SERVER)}
HOW = {"killed": "kill", "frozen": "hang"}


def out(how: str, server: Server) -> None:
    """Kill it, or stop it."""
    getattr(server, HOW[how])()


def back(how: str, server: Server) -> None:
    """As it was."""
    server.start() if how == "killed" else server.resume()


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("table", TABLES)
def test_table(daemon_at: Make, begin: Begin, tmp_path_factory: pytest.TempPathFactory, table: str, how: str) -> None:
    """Only what needs its answer is deferred; mail to us, and of ours, is taken all the time."""
    make: MakeTable = TABLES[table]
    with make(tmp_path_factory.mktemp("table"), {"relayed.example": "OK"}) as made:
        assert made.server is not None
        flags = ("--relay-domain", made.text, "--lookup-timeout", "0.5", "--cache-negative", "0")
        with daemon_at(*flags) as daemon, begin(daemon) as fault:
            out(how, made.server)
            try:
                wait_for(lambda: fault.load.codes(Kind.TO_OTHERS, fault.began)[451], "who needs it is deferred")
            finally:
                back(how, made.server)
            fault.over()
            assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()
            assert {250} == fault.load.codes(Kind.FROM_US, fault.began).keys()


@pytest.mark.parametrize("how", HOW)
def test_ledger(daemon_at: Make, begin: Begin, folder: Path, how: str) -> None:
    """In Redis: small limits hold in memory meanwhile, and the log says so."""
    server = redis.shared()
    server.start()
    server.client.flushall()
    for name, text in (("ledger.toml", f'url = "{server.unix}"\npassword = "{redis.PASSWORD}"\n'), ("key", "k" * 32)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    flags = ("--ledger", f"redis:{folder}/ledger.toml", "--ledger-key", f"{folder}/key", "--lookup-timeout", "0.5")
    with daemon_at(*flags, "--limit", "1000000 recipients/day per client") as daemon, begin(daemon) as fault:
        out(how, server)
        try:
            daemon.wait_log("the ledger")
            time.sleep(0.5)
        finally:
            back(how, server)
        fault.over()
        assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()


def test_dns_black_hole(daemon_at: Make, begin: Begin, folder: Path) -> None:
    """A list of strangers in the DNS that does not answer: strangers are deferred until it does, ours are not asked."""
    with running(Unbound(folder / "unbound", "2.0.0.127.bl A 127.0.0.2\n")) as unbound:
        unbound.hang()
        flags = ("--dnsbl", "bl.test", "--dns-server", unbound.server, "--lookup-timeout", "0.5")
        with daemon_at(*flags) as daemon, begin(daemon, settled=False) as fault:
            wait_for(lambda: fault.load.codes(Kind.TO_US)[451] > 3, "strangers are deferred")
            unbound.resume()
            fault.over()
            assert {250} == fault.load.codes(Kind.FROM_US).keys()


def answer(query: bytes, *records: str) -> bytes:
    """A reply with these records for the name, whatever it is."""
    asked = dns.message.from_wire(query)
    reply = dns.message.make_response(asked)
    reply.flags |= dns.flags.AA
    kind = asked.question[0].rdtype
    for record in records:
        name, of, text = record.split(" ", 2)
        if dns.rdatatype.from_text(of) == kind:
            owner = asked.question[0].name if name == "*" else name
            reply.answer.append(dns.rrset.from_text(owner, 0, "IN", of, text))
    return reply.to_wire()


LIES: dict[str, Callable[[bytes], bytes]] = {
    "the best exchanger is a stranger": lambda query: answer(
        query, "* MX 5 evil.test.", "* MX 10 mx2.here.test.", "* A 203.0.113.66"
    ),
    "another name's records": lambda query: answer(query, "other.test. MX 5 evil.test.", "other.test. A 198.51.100.25"),
    "another question's reply": lambda query: bytes([query[0] ^ 1]) + answer(query, "* MX 10 mx2.here.test.")[1:],
    "garbage": lambda query: query[:2] + b"\xff" * 40,
    "a loop of pointers": lambda query: query[:2]
    + b"\x84\0\0\1\0\1\0\0\0\0"
    + query[12:]
    + b"\xc0\x0c\0\x0f\0\1\0\0\0\0\0\4\0\5\xc0\x2b",
}


@contextmanager
def lying(lie: Callable[[bytes], bytes]) -> Iterator[str]:
    """A name server of this thread's, as --dns-server takes it."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.2)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    query, client = server.recvfrom(4096)
                except TimeoutError:
                    continue
                server.sendto(lie(query), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join(10)


@pytest.mark.parametrize("lie", LIES)
def test_resolver_lies(daemon_at: Make, begin: Begin, lie: str) -> None:
    """Of a domain that we are a backup MX of, and whose best MX it puts elsewhere: none of it opens anything."""
    with lying(LIES[lie]) as server:
        backup = (
            "--mx-backup",
            "example.com",
            "--mx-backup-networks",
            "198.51.100.24/29",
            "--mx-name",
            "mx2.here.test",
        )
        with daemon_at(*backup, "--dns-server", server, "--lookup-timeout", "0.5") as daemon:
            with begin(daemon, settled=False) as fault:
                wait_for(
                    lambda: fault.load.codes(Kind.TO_OTHERS).total() > 3, "strangers have asked for a listed domain"
                )
            assert {250} == fault.load.codes(Kind.TO_US, fault.began).keys()
