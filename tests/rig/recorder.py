"""A milter that refuses nothing, and remembers what it is told of each recipient."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from relaymilter.milter import wire
from tests.wire.packets import Packet, split


class Recorder:
    """It asks for these macros with RCPT, and for none before; give it to `running`.

    `milter` is its socket in Postfix's form.  `told` has the macros of every RCPT so far that came with that RCPT
    itself, as text (what is not UTF-8 in backslashes); it is complete when the client has its reply.
    """

    def __init__(self, directory: Path, macros: str) -> None:
        directory.mkdir(exist_ok=True)
        self.milter = f"unix:{directory}/recorder"
        self.told: list[dict[str, str]] = []
        self._lists = dict.fromkeys(range(6), "{none}") | {wire.STAGE_RCPT: macros}
        self._listener = socket.socket(socket.AF_UNIX)

    def start(self) -> None:
        """Listen, and answer in threads."""
        path = Path(self.milter.removeprefix("unix:"))
        self._listener.bind(str(path))
        path.chmod(0o666)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Listen no more; a connection ends when the MTA ends it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        macros = b""
        with connection, contextlib.suppress(ConnectionError):
            for command, data in _packets(connection):
                if command == wire.MACRO and data[:1] == b"R":
                    macros = data[1:]
                elif command == wire.RCPT:
                    self.told.append(_named(macros))
                    macros = b""
                if command == wire.NEGOTIATE:
                    connection.sendall(wire.acceptance(wire.offer(data), 0, self._lists))
                elif command not in (wire.MACRO, wire.ABORT, wire.QUIT, wire.QUIT_NEW_CONNECTION):
                    connection.sendall(wire.CONTINUE)


def _packets(connection: socket.socket) -> Iterator[Packet]:
    rest = b""
    while came := connection.recv(65536):
        packets, rest = split(rest + came)
        yield from packets


def _named(data: bytes) -> dict[str, str]:
    fields = [field.decode("utf-8", "backslashreplace") for field in data.split(b"\0")]
    return dict(zip(fields[::2], fields[1::2], strict=False))
