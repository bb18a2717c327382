"""The marked messages in a folder of an IMAP server, over TLS; nothing there is changed (RFC 3501)."""

import binascii
import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import SplitResult, unquote, urlsplit

from relaymilter.audit.probe.delivery import HEADER, Find, marks_in

_PORTS = {"imaps": 993, "imap": 143}
_TIMEOUT = 30.0
_AT_ONCE = 500
"""Messages in one command, whose length servers limit."""


def in_imap(url: str, password: str, context: ssl.SSLContext) -> Find:
    """Of `imaps://USER@HOST[:PORT][/FOLDER]`, INBOX if none is named; `imap:` begins with STARTTLS.

    Raises ValueError; `find` raises OSError.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username or parts.password:
        raise ValueError(f"{url}: give imaps://USER@HOST[:PORT][/FOLDER], or imap: for STARTTLS, without a password")
    port, user = parts.port or _PORTS[parts.scheme], unquote(parts.username)
    folder = unquote(parts.path.strip("/")) or "INBOX"
    if not re.fullmatch(r"[^\x00-\x1f\"\\]+", folder):
        raise ValueError(f"{url}: no name of a folder")

    def find() -> set[str]:
        try:
            with _connected(parts, port, context) as imap:
                _log_in(imap, user, password)
                _select(imap, folder)
                return {*_marks(imap)}
        except imaplib.IMAP4.error as error:
            raise OSError(0, f"IMAP: {_words(error.args[0] if error.args else '')}") from None

    return find


def _connected(parts: SplitResult, port: int, context: ssl.SSLContext) -> imaplib.IMAP4:
    host = parts.hostname or ""
    if parts.scheme == "imaps":
        return imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=_TIMEOUT)
    imap = imaplib.IMAP4(host, port, timeout=_TIMEOUT)
    try:
        imap.starttls(context)
    except (OSError, imaplib.IMAP4.error):
        with suppress(OSError):  # the socket went with the handshake
            imap.shutdown()
        raise
    return imap


def _log_in(imap: imaplib.IMAP4, user: str, password: str) -> None:
    """By PLAIN, which is UTF-8 (RFC 4616), where it is offered: LOGIN is ASCII."""
    if "AUTH=PLAIN" in imap.capabilities:
        imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
    elif user.isascii() and password.isascii():
        imap.login(user, password)
    else:
        raise imaplib.IMAP4.error("the login or its password is not ASCII, and the server does not offer PLAIN")


def _select(imap: imaplib.IMAP4, folder: str) -> None:
    answer, said = imap.select(f'"{_in_utf_7(folder)}"', readonly=True)
    if answer != "OK":
        raise imaplib.IMAP4.error(f"{folder}: {_words(said[0])}")


def _in_utf_7(folder: str) -> str:
    """Its name on the wire (RFC 3501 5.1.3)."""
    return re.sub(r"&|[^\x20-\x7e]+", _shifted, folder)


def _shifted(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    coded = binascii.b2a_base64(found[0].encode("utf-16-be"), newline=False)
    return f"&{coded.decode('ascii').rstrip('=').replace('/', ',')}-"


def _marks(imap: imaplib.IMAP4) -> Iterator[str]:
    answer, found = imap.search(None, f'HEADER {HEADER} ""')
    if answer != "OK":
        raise imaplib.IMAP4.error(_words(found[0]))
    numbers = found[0].split() if found[0] else []
    for at in range(0, len(numbers), _AT_ONCE):
        some = b",".join(numbers[at : at + _AT_ONCE]).decode("ascii")
        _, parts = imap.fetch(some, f"(BODY.PEEK[HEADER.FIELDS ({HEADER})])")
        for part in parts:
            if isinstance(part, tuple):
                yield from marks_in(part[1])


def _words(said: object) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
