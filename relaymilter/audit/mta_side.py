"""The MTA's side of the milter protocol, as far as RCPT: what Postfix would ask a milter about an envelope.

A stage that the milter declines (SMFIP_NO*) is left out, an answer that it does not give (SMFIP_NR_*) is not awaited,
and of the macros those are sent that it wants. Every wait is bounded.
"""

import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from relaymilter.config.endpoint import Endpoint, InetEndpoint, UnixEndpoint
from relaymilter.milter import wire

_ACTIONS, _STEPS = 0x1FF, 0x1FFFFF
_NO_CONNECT, _NO_MAIL, _NO_RCPT, _SILENT_RCPT = 0x1, 0x4, 0x8, 0x8000
_DECLINED = {
    wire.CONNECT: (_NO_CONNECT, wire.SILENT_CONNECT),
    wire.HELO: (wire.NO_HELO, wire.SILENT_HELO),
    wire.MAIL: (_NO_MAIL, wire.SILENT_MAIL),
    wire.RCPT: (_NO_RCPT, _SILENT_RCPT),
}
_MACROS_OF = {wire.CONNECT: wire.STAGE_CONNECT, wire.MAIL: wire.STAGE_MAIL, wire.RCPT: wire.STAGE_RCPT}
_CODES = {
    b"c": (250, "continue"),
    b"a": (250, "accept, and ask no more"),
    b"d": (550, "discard"),
    b"f": (421, "connection failed"),
    b"r": (550, "reject"),
    b"s": (250, "skip"),
    b"t": (451, "tempfail"),
    b"4": (421, "shut down"),
}
"""Each as a client is told; what is discarded goes nowhere, though the client is told otherwise."""
_PROGRESS = b"p"
_LONGEST = 65536


class MilterFailed(Exception):
    """The milter cannot be reached, hangs up, or does not speak the protocol; the text says how."""


class Answer(NamedTuple):
    """What the milter said, as a client would hear it: a code of SMTP, and words."""

    code: int
    said: str

    @property
    def goes_on(self) -> bool:
        """The milter is asked again."""
        return self == _CONTINUE


_CONTINUE = Answer(*_CODES[b"c"])


class MtaSide:
    """One connection to a milter, to be closed. Raises MilterFailed."""

    def __init__(self, where: Endpoint, timeout: float = 10.0) -> None:
        self._steps = 0
        self._macros: dict[int, list[bytes]] | None = None
        try:
            self._socket = _dialled(where, timeout)
        except OSError as error:
            raise MilterFailed(error.strerror or str(error)) from None
        try:
            self._negotiate()
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        """QUIT."""
        with suppress(MilterFailed):
            self._send(wire.QUIT)
        self._socket.close()

    def connect(self, address: str, macros: Mapping[bytes, bytes]) -> Answer:
        """A client of this IPv4 or IPv6 address, without a name."""
        family = b"6" if ":" in address else b"4"
        data = f"[{address}]".encode() + b"\0" + family + struct.pack("!H", 50000) + address.encode() + b"\0"
        return self._ask(wire.CONNECT, data, macros)

    def helo(self, name: bytes) -> Answer:
        """HELO; a message that has begun is over."""
        self._send(wire.ABORT)
        return self._ask(wire.HELO, name + b"\0", {})

    def mail(self, arguments: tuple[bytes, ...], macros: Mapping[bytes, bytes]) -> Answer:
        """MAIL, its path and its parameters; a message that has begun is over."""
        self._send(wire.ABORT)
        return self._ask(wire.MAIL, _arguments(arguments), macros)

    def rcpt(self, arguments: tuple[bytes, ...], macros: Mapping[bytes, bytes]) -> Answer:
        """RCPT, its path and its parameters."""
        return self._ask(wire.RCPT, _arguments(arguments), macros)

    def _negotiate(self) -> None:
        self._send(wire.NEGOTIATE, struct.pack("!III", wire.VERSION, _ACTIONS, _STEPS))
        command, data = self._receive()
        if command != b"O" or len(data) < 12:
            raise MilterFailed(f"no milter: it answers {command + data[:20]!r}")
        self._steps = struct.unpack("!I", data[8:12])[0]
        if len(data) > 12:
            self._macros = _lists(data[12:])

    def _ask(self, command: int, data: bytes, macros: Mapping[bytes, bytes]) -> Answer:
        declined, silent = _DECLINED[command]
        if self._steps & declined:
            return _CONTINUE
        wanted = self._wanted(command, macros)
        if wanted:
            pairs = b"".join(name + b"\0" + value + b"\0" for name, value in wanted.items())
            self._send(wire.MACRO, bytes((command,)) + pairs)
        self._send(command, data)
        return _CONTINUE if self._steps & silent else self._answer()

    def _wanted(self, command: int, macros: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """All, where the milter has not said which."""
        listed = None if self._macros is None else self._macros.get(_MACROS_OF.get(command, -1))
        return {name: value for name, value in macros.items() if listed is None or name in listed}

    def _answer(self) -> Answer:
        command = _PROGRESS
        while command == _PROGRESS:
            command, data = self._receive()
        if command in _CODES:
            return Answer(*_CODES[command])
        if command == b"y" and data[:3].isdigit():
            return Answer(int(data[:3]), data.rstrip(b"\0").decode("ascii", "backslashreplace").replace("%%", "%"))
        raise MilterFailed(f"it answers {command + data[:20]!r}")

    def _send(self, command: int, data: bytes = b"") -> None:
        try:
            self._socket.sendall(wire.packet(bytes((command,)), data))
        except OSError as error:
            raise MilterFailed(f"it takes no more: {error.strerror or error}") from None

    def _receive(self) -> tuple[bytes, bytes]:
        length = int.from_bytes(self._read(4), "big")
        if not 1 <= length <= _LONGEST:
            raise MilterFailed(f"no milter: it sends a packet of {length} octets")
        packet = self._read(length)
        return packet[:1], packet[1:]

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                more = self._socket.recv(count - len(data))
            except OSError as error:
                raise MilterFailed(f"it does not answer: {error.strerror or error}") from None
            if not more:
                raise MilterFailed("it hangs up")
            data += more
        return data


def _dialled(where: Endpoint, timeout: float) -> socket.socket:
    if isinstance(where, InetEndpoint):
        return socket.create_connection((where.host, where.port), timeout)
    if not isinstance(where, UnixEndpoint):
        raise MilterFailed("it is handed down to the daemon: name the socket by unix: or inet:")
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(where.path)
    except BaseException:
        connection.close()
        raise
    return connection


def _arguments(words: tuple[bytes, ...]) -> bytes:
    return b"".join(word + b"\0" for word in words)


def _lists(data: bytes) -> dict[int, list[bytes]]:
    """The macros that a milter wants, by stage. Raises MilterFailed."""
    lists = {}
    while data:
        names, end, rest = data[4:].partition(b"\0")
        if not end:
            raise MilterFailed("no milter: a list of macros does not end")
        lists[int.from_bytes(data[:4], "big")] = names.split()
        data = rest
    return lists
