"""Macros: what an MTA says of a session beside the commands, which of it is in force, and what it says.

A macro is a name, without its braces where it is one letter, and a value, both octets. libmilter's smfi_getsymval is
the model: the latest stage that has a name wins.
"""

import re
from collections.abc import Callable, Set
from functools import lru_cache
from typing import TypeAlias

from relaymilter.milter import wire
from relaymilter.milter.replies import Mta
from relaymilter.policy.envelope import Certificate, Macros, Need
from relaymilter.policy.networks import parse_address

FindMacro: TypeAlias = Callable[[bytes], bytes | None]
"""The value of a macro as the MTA wrote it, or None."""

_HEX = re.compile(rb"\+([0-9A-F]{2})")

usual_macros = lru_cache(64)(wire.macros)
"""Those of CONNECT are an MTA's own, and mostly the same."""


def in_force(connect: bytes, helo: bytes, mail: bytes, rcpt: bytes) -> dict[bytes, bytes]:
    """Each from the latest stage that has it, by the data of the packets that came before these commands."""
    if len(helo) > 1 or len(mail) > 1:
        return wire.macros(connect) | wire.macros(helo) | wire.macros(mail) | wire.macros(rcpt)
    return {**usual_macros(connect), **wire.macros(rcpt)}


def text_of(value: bytes | None) -> str | None:
    """A macro that is trusted for what it says: one that is not UTF-8 is absent."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def from_xtext(text: str) -> str | None:
    """RFC 3461 4; None where it is not UTF-8."""
    raw = _HEX.sub(lambda found: bytes((int(found[1], 16),)), text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def needed(find: FindMacro, needs: Set[Need], mta: Mta) -> Macros:
    """What the rules need beyond the usual; the rest is left out."""
    return Macros(
        mechanism=text_of(find(b"{auth_type}")) or None if Need.MECHANISM in needs else None,
        listener=_listener(find) if Need.LISTENER in needs else (),
        certificate=_certificate(find, mta) if Need.CERTIFICATE in needs else None,
        tls=_tls(find) if Need.TLS in needs else None,
    )


def _certificate(find: FindMacro, mta: Mta) -> Certificate | None:
    """Postfix names only certificates that it has verified; of others {verify} alone tells."""
    subject, issuer = text_of(find(b"{cert_subject}")), text_of(find(b"{cert_issuer}"))
    verified = mta is Mta.POSTFIX or find(b"{verify}") == b"OK"
    if not (subject and issuer and verified):
        return None
    return Certificate(subject, issuer, text_of(find(b"{cert_fp}")) or "")


def _listener(find: FindMacro) -> tuple[str, ...]:
    """Name, address and port; the address as Postfix gives it: Sendmail's are IPv6:2001:db8:0:0:0:0:0:25."""
    address = text_of(find(b"{daemon_addr}")) or ""
    parsed = parse_address(address.removeprefix("IPv6:"))
    shown = str(parsed) if parsed else address
    return tuple(filter(None, (text_of(find(b"{daemon_name}")), shown, text_of(find(b"{daemon_port}")))))


def _tls(find: FindMacro) -> str | None:
    """Version and cipher: `TLSv1.3 TLS_AES_256_GCM_SHA384`, alike of both MTAs."""
    version, cipher = text_of(find(b"{tls_version}")), text_of(find(b"{cipher}"))
    return f"{version} {cipher or ''}" if version else None
