"""A raw SMTP client: what goes over the wire is what it is given, to the octet. TLS, AUTH and XCLIENT, and no more.

Every wait is bounded, and so is what a server may say. The server's certificate is verified unless told otherwise.
"""

import base64
import hmac
import socket
import ssl
from contextlib import suppress
from typing import NamedTuple

from relaymilter.observe.printable import printable

_LONGEST_LINE = 4096
_MOST_LINES = 200


class SmtpFailed(Exception):
    """The server cannot be reached, hangs up, or refuses what must be done first; the text says how."""


class Reply(NamedTuple):
    """A server's answer."""

    code: int
    lines: tuple[str, ...]
    """Without code and separator; printable."""

    def __str__(self) -> str:
        return f"{self.code} {self.lines[-1]}"


class Client:
    """One connection, from the banner on. Raises SmtpFailed, from every method."""

    def __init__(self, address: str, port: int, *, source: str = "", timeout: float = 30.0) -> None:
        """Connect, from the address `source` if there is one."""
        self.banner = Reply(0, ("",))
        try:
            self._socket = socket.create_connection((address, port), timeout, (source, 0) if source else None)
        except OSError as error:
            raise SmtpFailed(error.strerror or str(error)) from None
        self._file = self._socket.makefile("rb")

    @property
    def own_address(self) -> str:
        """From which it connects."""
        return str(self._socket.getsockname()[0])

    def greet(self) -> Reply:
        """Read the banner, after TLS where that comes first."""
        self.banner = self._read()
        return self.banner

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._socket.close()

    def command(self, line: bytes) -> Reply:
        """Send a line, and read the reply."""
        try:
            self._socket.sendall(line + b"\r\n")
        except OSError as error:
            raise SmtpFailed(f"it takes no more: {error.strerror or error}") from None
        return self._read()

    def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """From here on by TLS; `name` is that of the server."""
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=name)
        except OSError as error:
            raise SmtpFailed(f"TLS: {getattr(error, 'verify_message', '') or error.strerror or error}") from None
        self._file.close()
        self._file = self._socket.makefile("rb")

    def log_in(self, login: str, password: str, offered: str) -> Reply:
        """AUTH by the first of PLAIN, LOGIN and CRAM-MD5 that the server offers."""
        mechanisms = offered.upper().split()
        if "PLAIN" in mechanisms:
            return self.command(b"AUTH PLAIN " + base64.b64encode(f"\0{login}\0{password}".encode()))
        if "LOGIN" in mechanisms:
            words = ("AUTH LOGIN", _base64(login), _base64(password))
            return [self.command(word.encode()) for word in words][-1]
        if "CRAM-MD5" in mechanisms:
            challenge = self.command(b"AUTH CRAM-MD5").lines[-1]
            return self.command(_digested(login, password, challenge))
        raise SmtpFailed("the server offers no AUTH PLAIN, LOGIN or CRAM-MD5 here")

    def _read(self) -> Reply:
        lines: list[str] = []
        while len(lines) < _MOST_LINES:
            try:
                raw = self._file.readline(_LONGEST_LINE)
            except (OSError, ValueError) as error:
                raise SmtpFailed(f"it does not answer: {getattr(error, 'strerror', '') or error}") from None
            if not raw.endswith(b"\n"):
                raise SmtpFailed("it hangs up" if len(raw) < _LONGEST_LINE else "no SMTP: it sends a line without end")
            if not raw[:3].isdigit():
                raise SmtpFailed(f"no SMTP: it says {printable(raw[:40].rstrip())}")
            lines.append(printable(raw[4:].strip()))
            if raw[3:4] != b"-":
                return Reply(int(raw[:3]), tuple(lines))
        raise SmtpFailed("no SMTP: a reply without end")


def tls_context(verify: bool) -> ssl.SSLContext:
    """The machine's authorities, or none."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _digested(login: str, password: str, challenge: str) -> bytes:
    """The answer of CRAM-MD5 (RFC 2195)."""
    try:
        raw = base64.b64decode(challenge, validate=True)
    except ValueError:
        raise SmtpFailed(f"no challenge for CRAM-MD5: {challenge}") from None
    return _base64(f"{login} {hmac.new(password.encode(), raw, 'md5').hexdigest()}").encode()
