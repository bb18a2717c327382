"""`socketmap:inet:HOST:PORT:NAME`, `socketmap:unix:/PATH:NAME`: a server that is asked by netstrings, as of Sendmail.

socketmap_table(5) of Postfix has the protocol. A connection for each question: a server that takes one client at a time
is not kept from the others, and one that was restarted is simply asked.
"""

import ipaddress
import re
import socket
import time
from dataclasses import dataclass
from typing import TypeAlias

from relaymilter.lookups.deadline import begin
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.table import TableError

SECONDS = 1.8
"""For one question, from connect to the last octet."""
MAX_REPLY = 100_000
"""Octets, as Postfix has it."""
MAX_UNIX_PATH = 107
_FULL_SECONDS = 0.01

_INET = re.compile(r"inet:(\[[^]]*\]|[^:]*):([0-9]{1,5}):([^\s\0]+)")
_UNIX = re.compile(r"unix:(/[^:]*):([^\s\0]+)")
_NETSTRING = re.compile(rb"([0-9]{0,6})(?:\Z|(?<=[0-9])(:)(.*))", re.DOTALL)

Address: TypeAlias = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""


@dataclass(frozen=True, slots=True)
class SocketMap:
    """Asked over a socket."""

    name: str
    address: Address
    map: str
    """What the server calls it."""
    waits: bool = True

    def find(self, key: str) -> str | None:
        """What the server says of this key. Raises LookupFailed."""
        request = f"{self.map} {key}".encode("utf-8", "surrogateescape")
        try:
            reply = _ask(self.address, b"%d:%b," % (len(request), request))
        except TimeoutError:
            raise LookupFailed(f"no answer within {SECONDS:g} s") from None
        except OSError as error:
            raise LookupFailed(error.strerror or str(error)) from None
        return _answer(reply.decode("utf-8", "surrogateescape"))


def _answer(reply: str) -> str | None:
    status, blank, rest = reply.partition(" ")
    match status:
        case "OK" if blank:
            return rest
        case "NOTFOUND":
            return None
        case "TEMP" | "TIMEOUT" | "PERM":
            raise LookupFailed(f"the server says {status} {rest[:200]}".rstrip())
    raise LookupFailed(f"the server answers what is no reply: {reply[:80]!r}")


def _ask(address: Address, request: bytes) -> bytes:
    """The reply to one request. Raises OSError and LookupFailed."""
    deadline = begin(SECONDS)

    def in_time() -> socket.socket:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        return connection

    with socket.socket(_family(address), socket.SOCK_STREAM) as connection:
        while True:
            try:
                in_time().connect(address)
                break
            except BlockingIOError:  # the queue of a unix socket is full, which does not block (connect(2), EAGAIN)
                time.sleep(_FULL_SECONDS)
        in_time().sendall(request)
        received = b""
        while (reply := _netstring(received)) is None:
            part = in_time().recv(65536)
            if not part:
                raise LookupFailed(f"the server hangs up after {len(received)} octets of a reply")
            received += part
        return reply


def _family(address: Address) -> socket.AddressFamily:
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def _netstring(received: bytes) -> bytes | None:
    """What is in the netstring that was received; None as long as it is not whole. Raises LookupFailed."""
    match = _NETSTRING.match(received)
    if match is None:
        raise LookupFailed(f"the server answers what is no netstring: {received[:80]!r}")
    digits, colon, rest = match.groups()
    if not colon:
        return None
    length = int(digits)
    if length > MAX_REPLY:
        raise LookupFailed(f"the server announces a reply of {length} octets; {MAX_REPLY} are the most")
    if len(rest) <= length:
        return None
    if rest[length:] != b",":
        raise LookupFailed("the server answers something else than the netstring that it announced")
    return bytes(rest[:length])


def open_table(kind: str, name: str) -> SocketMap:
    """The server that this names; it is not asked yet. Raises TableError."""
    text = f"{kind}:{name}"
    if match := _INET.fullmatch(name):
        host, port, map_name = match.groups()
        return SocketMap(text, (_host(text, host), _port(text, port)), map_name)
    if match := _UNIX.fullmatch(name):
        path, map_name = match.groups()
        if len(path.encode()) > MAX_UNIX_PATH or "\0" in path:
            raise TableError(f"{text}: the path of a unix socket has at most {MAX_UNIX_PATH} octets and no NUL")
        return SocketMap(text, path, map_name)
    raise TableError(f"{text} is neither {kind}:inet:HOST:PORT:NAME nor {kind}:unix:/PATH:NAME")


def _port(text: str, port: str) -> int:
    if not 1 <= int(port) <= 65535:
        raise TableError(f"{text}: {port} is no port: give 1 to 65535")
    return int(port)


def _host(text: str, host: str) -> str:
    """A numeric address: a name would have to be looked up each time, and nothing bounds how long that takes."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise TableError(f"{text}: {host!r} is no address: give a numeric one, or localhost") from None
