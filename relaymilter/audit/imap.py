"""The marked messages in a folder of an IMAP server, over TLS; nothing there is changed."""

import imaplib
import re
import ssl
from urllib.parse import unquote, urlsplit

from relaymilter.audit.delivery import HEADER, Find, marks_in

_PORT = 993
_TIMEOUT = 30.0


def in_imap(url: str, password: str, context: ssl.SSLContext) -> Find:
    """Of `imaps://USER@HOST[:PORT][/FOLDER]`, INBOX if none is named. Raises ValueError; `find` raises OSError."""
    parts = urlsplit(url)
    if parts.scheme != "imaps" or not parts.hostname or not parts.username or parts.password:
        raise ValueError(f"{url}: give imaps://USER@HOST[:PORT][/FOLDER], without a password")
    host, port, user = parts.hostname, parts.port or _PORT, unquote(parts.username)
    folder = unquote(parts.path.strip("/")) or "INBOX"
    if not re.fullmatch(r"[^\x00-\x1f\"\\]+", folder):
        raise ValueError(f"{url}: no name of a folder")

    def find() -> set[str]:
        try:
            with imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=_TIMEOUT) as imap:
                imap.login(user, password)
                imap.select(f'"{folder}"', readonly=True)
                _, answer = imap.search(None, f'HEADER {HEADER} ""')
                numbers = b",".join(answer[0].split()).decode("ascii") if answer and answer[0] else ""
                return _marks(imap, numbers) if numbers else set()
        except imaplib.IMAP4.error as error:
            raise OSError(0, f"IMAP: {error}") from None

    return find


def _marks(imap: imaplib.IMAP4_SSL, numbers: str) -> set[str]:
    _, parts = imap.fetch(numbers, f"(BODY.PEEK[HEADER.FIELDS ({HEADER})])")
    return {mark for part in parts if isinstance(part, tuple) for mark in marks_in(part[1])}
