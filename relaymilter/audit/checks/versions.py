"""Is there a known way to relay through this version of the MTA, or to smuggle mail into it?

SMTP smuggling: one server takes a dot between bare LFs for the end of a message and another does not, so that what
comes behind it is a message of its own, with the first server's good name (CVE-2023-51764, CVE-2023-51765).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.mta.postfix_site import Service, numbers
from relaymilter.tables.braces import words
from relaymilter.tables.sendmail import open_table


class Hole(NamedTuple):
    """A known one."""

    mta: str
    below: tuple[int, ...]
    """Versions before this one have it."""
    what: str


HOLES = (
    Hole(
        "postfix", (2, 2), "with its IPv6 patch and permit_mx_backup it relays to every host with IPv6 (CVE-2005-0337)"
    ),
    Hole("postfix", (2, 10), "it has no smtpd_relay_restrictions: a permit against spam opens the relay, too"),
    Hole("sendmail", (8, 9), "it relays for everyone unless it is told otherwise"),
    Hole("sendmail", (8, 12, 7), "check_relay is deceived by an empty host name in the DNS (CVE-2002-2261)"),
    Hole("sendmail", (8, 14, 4), "a NUL in the name of a client's certificate deceives its rules (CVE-2009-4565)"),
)

BARE_NEWLINE = "smtpd_forbid_bare_newline"
_LENIENT = {"no", "note"}
_STRICT_SENDMAIL = b"Bare linefeed (LF) not allowed"
"""What a Sendmail answers that knows of it: 8.18, and older ones that distributions have mended."""
_ACCESS = re.compile(r"(?:hash|btree)\s+(?:-\S+\s+)*(/\S+)")


def holes(seen: Inspected) -> Iterator[Finding]:
    """The version has one that is known."""
    mta, version = ("postfix", seen.postfix.version) if seen.postfix else ("sendmail", ())
    if seen.sendmail:
        version = numbers(seen.sendmail.version)
    for hole in HOLES:
        if hole.mta == mta and version and version < hole.below:
            shown = ".".join(map(str, version))
            change = f"upgrade {mta} to {'.'.join(map(str, hole.below))} or newer"
            yield Finding("old-version", Severity.WARNING, f"{mta} {shown}", f"{mta} {shown}: {hole.what}", change)


def smuggling_postfix(seen: Inspected) -> Iterator[Finding]:
    """A bare LF is taken for the end of a line by a service of strangers."""
    for service in seen.postfix.public if seen.postfix else ():
        value = service.value(BARE_NEWLINE)
        if value in _LENIENT:
            why = f"{value}: what stands behind a bare LF, a dot and a bare LF is taken for another message (smuggling)"
            place, line = service.place(BARE_NEWLINE), service.line(BARE_NEWLINE, "yes")
            yield Finding("smuggling", Severity.WARNING, place, why, line)
        elif not value and not _worked_around(service):
            why = f"this Postfix has no {BARE_NEWLINE} (3.5.23, 3.6.13, 3.7.9, 3.8.4 and 3.9 have it) against smuggling"
            line = (
                "upgrade; until then main.cf: smtpd_data_restrictions = reject_unauth_pipelining and "
                "smtpd_discard_ehlo_keywords = chunking"
            )
            yield Finding("smuggling", Severity.WARNING, f"postfix: {BARE_NEWLINE}", why, line)


def _worked_around(service: Service) -> bool:
    keywords = [*words(service.value("smtpd_discard_ehlo_keywords"))]
    return "reject_unauth_pipelining" in service.value("smtpd_data_restrictions") and "chunking" in keywords


def smuggling_sendmail(seen: Inspected) -> Iterator[Finding]:
    """The program does not know of it, or the access map turns its strictness off."""
    site = seen.sendmail
    if site is None:
        return
    if numbers(site.version) < (8, 18) and not _is_mended(site.program):
        why = f"sendmail {site.version} takes a bare LF, a dot and a bare LF for the end of a message (smuggling)"
        yield Finding("smuggling", Severity.WARNING, f"sendmail {site.version}", why, "upgrade sendmail to 8.18")
    declared = site.cf.maps.get("access")
    match = _ACCESS.fullmatch(declared.text) if declared else None
    for key, value in _lenient(f"{match[1].removesuffix('.db')}.db") if match else ():
        why = f"{key} {value}: these clients may end a message by bare LFs (smuggling)"
        yield Finding("smuggling", Severity.WARNING, f"access map: {key}", why, "leave O, G and U out of it")


def _is_mended(program: str) -> bool:
    """Does the program have the words? What is no program, such as a script in its place, tells nothing."""
    try:
        octets = Path(program).read_bytes()
    except OSError:
        return True
    return not octets.startswith(b"\x7fELF") or _STRICT_SENDMAIL in octets


def _lenient(database: str) -> Iterator[tuple[str, str]]:
    """The entries of an access map that make the server take a bare LF or CR (cf/README, srv_features)."""
    try:
        for entry in open_table("sendmail", database).entries:
            if entry.key.lower().startswith("srv_features:") and {"O", "G", "U"} & {*entry.value.split()}:
                yield entry.key, entry.value
    except ValueError:  # missing, or not safe to read: others say so
        return
