"""A name server that is none: over UDP it says whatever a test wants it to, and nothing over TCP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rrset

Say = Callable[[bytes], bytes | None]
"""From a question as it came to an answer, or to silence."""


class Impostor:
    """One in a thread, on a free port; a context manager. `say` may be set at any time."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.asked = 0
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Impostor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            if not question:
                return
            self.asked += 1
            answer = self.say(question)
            if answer is not None:
                self._socket.sendto(answer, client)


def truthful(question: bytes, *records: str) -> bytes:
    """A good answer: these records, each `NAME TYPE DATA`, of which those of the type asked for count."""
    query = dns.message.from_wire(question)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    wanted = query.question[0]
    for record in records:
        found = rrset(record)
        if (found.name, found.rdtype) == (wanted.name, wanted.rdtype):
            response.answer.append(found)
    return response.to_wire()


def rrset(record: str) -> dns.rrset.RRset:
    """Of `NAME TYPE DATA`, or `NAME TTL TYPE DATA`."""
    name, kind, data = record.split(maxsplit=2)
    ttl = 60
    if kind.isdigit():
        ttl = int(kind)
        kind, data = data.split(maxsplit=1)
    rdata = dns.rdata.from_text("IN", kind, data, dns.name.root, relativize=False)
    return dns.rrset.from_rdata(dns.name.from_text(name), ttl, rdata)


def coded(question: bytes, code: str) -> bytes:
    """An answer with this response code, and nothing else."""
    response = dns.message.make_response(dns.message.from_wire(question))
    response.set_rcode(dns.rcode.from_text(code))
    return response.to_wire()


def section(
    question: bytes, *, answer: tuple[str, ...] = (), authority: tuple[str, ...] = (), code: str = "NOERROR"
) -> bytes:
    """An answer with these records, each `NAME TYPE DATA`, whatever was asked, and this response code."""
    response = dns.message.make_response(dns.message.from_wire(question))
    response.set_rcode(dns.rcode.from_text(code))
    for records, there in ((answer, response.answer), (authority, response.authority)):
        for record in records:
            there.append(rrset(record))
    return response.to_wire()
