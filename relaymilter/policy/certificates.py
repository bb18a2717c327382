"""Certificates as authentication: the subject and the issuer together, as the MTA names them, and maybe a fingerprint.

A subject alone proves nothing where several authorities are trusted: any of them can give it to anyone.
"""

import re

from relaymilter.policy.envelope import Certificate
from relaymilter.policy.ports import Names

SEPARATOR = "|"
"""Between subject, issuer and fingerprint. A name that holds it is in no list: it could be read as another."""

_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){19,63}[0-9A-F]{2}")
"""Of SHA-1 at least."""


def certificate_key(certificate: Certificate | None) -> str | None:
    """`subject|issuer`, as a list has it; None without both, and for names that cannot be written so."""
    if certificate is None:
        return None
    subject, issuer, _ = certificate
    if not (subject and issuer) or SEPARATOR in subject or SEPARATOR in issuer:
        return None
    return f"{subject}{SEPARATOR}{issuer}"


def is_listed(certificate: Certificate | None, certificates: Names) -> bool:
    """By subject and issuer, or by these and the fingerprint, if the entry has one. Raises LookupFailed."""
    key = certificate_key(certificate)
    if certificate is None or key is None:
        return False
    if key in certificates:
        return True
    fingerprint = certificate.fingerprint
    return bool(_FINGERPRINT.fullmatch(fingerprint)) and f"{key}{SEPARATOR}{fingerprint}" in certificates


def parse_certificate(entry: str) -> str:
    """An entry: `subject|issuer` or `subject|issuer|fingerprint`, blanks around them left off. Raises ValueError."""
    subject, *rest = (part.strip() for part in entry.split(SEPARATOR))
    issuer, *more = rest or [""]
    if not (subject and issuer) or len(more) > 1:
        raise ValueError(f"{entry!r} is no certificate: give its subject and its issuer, both, as subject|issuer")
    if not more:
        return f"{subject}{SEPARATOR}{issuer}"
    fingerprint = more[0].upper()
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError(f"{more[0]!r} is no fingerprint: give octets as 5A:0B:... of SHA-1 or better")
    return f"{subject}{SEPARATOR}{issuer}{SEPARATOR}{fingerprint}"
