"""Certificates as authentication: the subject and the issuer together, as the MTA names them.

A subject alone proves nothing where several authorities are trusted: any of them can give it to anyone.
"""

from relaymilter.policy.envelope import Certificate

SEPARATOR = "|"
"""Between subject and issuer. A name that holds it is in no list: it could be read as another pair."""


def certificate_key(certificate: Certificate | None) -> str | None:
    """`subject|issuer`, as a list has it; None without both, and for names that cannot be written so."""
    if certificate is None:
        return None
    subject, issuer = certificate
    if not (subject and issuer) or SEPARATOR in subject or SEPARATOR in issuer:
        return None
    return f"{subject}{SEPARATOR}{issuer}"


def parse_certificate(entry: str) -> str:
    """An entry of a list, `subject|issuer`, blanks around both left off. Raises ValueError."""
    subject, separator, issuer = (part.strip() for part in entry.partition(SEPARATOR))
    if not (subject and separator and issuer) or SEPARATOR in issuer:
        raise ValueError(f"{entry!r} is no certificate: give its subject and its issuer, both, as subject|issuer")
    return f"{subject}{SEPARATOR}{issuer}"
