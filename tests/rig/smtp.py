"""A raw SMTP client: what goes over the wire is what the test wrote, to the byte.

It takes a connected socket (from `Namespace.connect`), so that a client can have any address.
Lines may be text (sent as UTF-8) or bytes; nothing is checked, quoted or dot-stuffed.
"""

from __future__ import annotations

import base64
import hmac
import re
import socket
import ssl
from dataclasses import dataclass
from types import TracebackType

ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer: `code`, enhanced `status` ("" if none) and `text` of its last line, all `lines`."""

    lines: tuple[str, ...]

    @property
    def code(self) -> int:
        return int(self.lines[-1][:3])

    @property
    def status(self) -> str:
        found = ENHANCED.match(self.lines[-1][4:])
        return found[1] if found else ""

    @property
    def text(self) -> str:
        return ENHANCED.sub("", self.lines[-1][4:], count=1)

    @property
    def ok(self) -> bool:
        return self.code < 400

    def __str__(self) -> str:
        """The reply as it came, such as `554 5.7.1 <r@example.com>: Relay access denied`."""
        return "\n".join(self.lines)


class Smtp:
    """One SMTP connection, from the banner on; use it in a `with` statement."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rb")
        self.banner = self.read_reply()

    def __enter__(self) -> Smtp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection, without QUIT."""
        self._file.close()
        self._socket.close()

    def write(self, data: bytes) -> None:
        """Send bytes as they are, without a line end."""
        self._socket.sendall(data)

    def read_reply(self) -> Reply:
        """Read one reply, however many lines it has; raise EOFError when the server hangs up."""
        lines: list[str] = []
        while True:
            raw = self._file.readline()
            if not raw:
                raise EOFError(f"the server hung up after {lines}")
            lines.append(raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace"))
            if raw[3:4] != b"-":
                return Reply(tuple(lines))

    def command(self, line: str | bytes) -> Reply:
        """Send one line, and return the reply."""
        self.write((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.read_reply()

    def ehlo(self, name: str = "client.example.net") -> Reply:
        return self.command(f"EHLO {name}")

    def mail(self, path: str = "<a@example.net>") -> Reply:
        """MAIL FROM with `path` (and parameters) as it is, brackets included."""
        return self.command(f"MAIL FROM:{path}")

    def rcpt(self, path: str | bytes) -> Reply:
        """RCPT TO with `path` (and parameters) as it is, brackets included."""
        return self.command(b"RCPT TO:" + (path.encode() if isinstance(path, str) else path))

    def rset(self) -> Reply:
        return self.command("RSET")

    def quit(self) -> Reply:
        return self.command("QUIT")

    def message(self, content: str = "Subject: test\r\n\r\nhello") -> Reply:
        """DATA and a message; return the reply to the dot, or to DATA if that is refused."""
        begun = self.command("DATA")
        return self.command(f"{content}\r\n.") if begun.code == 354 else begun

    def starttls(self, certificate: str = "", key: str = "") -> Reply:
        """STARTTLS, with a client certificate if given; no EHLO follows.  The server's is not verified."""
        reply = self.command("STARTTLS")
        if reply.code == 220:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            if certificate:
                context.load_cert_chain(certificate, key)
            self._file.close()
            self._socket = context.wrap_socket(self._socket)
            self._file = self._socket.makefile("rb")
        return reply

    def auth(self, login: str, password: str = "secret", mechanism: str = "PLAIN", speaks_for: str = "") -> Reply:
        """AUTH PLAIN, LOGIN or CRAM-MD5; with PLAIN the client may ask to speak for somebody else."""
        if mechanism == "PLAIN":
            return self.command("AUTH PLAIN " + _base64(f"{speaks_for}\0{login}\0{password}".encode()))
        challenge = self.command(f"AUTH {mechanism}")
        if challenge.code != 334:
            return challenge
        if mechanism == "LOGIN":
            self.command(_base64(login.encode()))
            return self.command(_base64(password.encode()))
        digest = hmac.new(password.encode(), base64.b64decode(challenge.lines[0][4:]), "md5").hexdigest()
        return self.command(_base64(f"{login} {digest}".encode()))

    def xclient(self, address: str, **attributes: str) -> Reply:
        """XCLIENT (Postfix): pose as `address`, unnamed unless NAME= is given.  A new banner answers."""
        shown = f"IPV6:{address}" if ":" in address else address
        pairs = {"ADDR": shown, "NAME": "[UNAVAILABLE]", **attributes}
        return self.command("XCLIENT " + " ".join(f"{key}={value}" for key, value in pairs.items()))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
