"""Mail domains: the form in which they are compared, and lists of them.

A domain is compared in A-label form, ASCII lower case, without a trailing dot; an address literal as `[192.0.2.25]` or
`[ipv6:2001:db8::25]` (RFC 5321 4.1.3). Only ASCII letters are folded: str.lower() would make KELVIN SIGN a `k`.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from relaymilter.policy.ports import Names, may_wait

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_DEVIATION = re.compile("[\u00df\u03c2\u200c\u200d]")
"""Sharp s, final sigma, and two joiners: IDNA 2003 maps them away, IDNA 2008 keeps them (UTS 46 7)."""
_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
MAX_DOMAIN = 255
"""Octets of a domain (RFC 5321 4.5.3.1.2)."""


def ascii_lower(text: str) -> str:
    """Text with its ASCII letters, and none but them, in lower case."""
    return text.lower() if text.isascii() else text.translate(_UPPER)


def domain_form(text: str) -> str:
    """The form to compare of a domain or a literal, as a client or an administrator wrote it. Raises ValueError."""
    if text.startswith("["):
        return _literal_form(text)
    labels = ascii_lower(text).removesuffix(".").split(".")
    domain = ".".join(label if label.isascii() else _a_label(label) for label in labels)
    for label in domain.split("."):
        if not _LABEL.fullmatch(label):
            raise ValueError("an empty label" if not label else f"{label[:70]!r} is no label of a domain")
    if len(domain) > MAX_DOMAIN:
        raise ValueError(f"a domain longer than {MAX_DOMAIN} octets")
    return domain


@lru_cache(1024)
def _a_label(label: str) -> str:
    """The A-label of a U-label on which IDNA 2003 and 2008 agree (RFC 5890 2.3.2.1).

    The codec is IDNA 2003, which maps what 2008 keeps apart (sharp s to ss, full-width letters to ASCII). A label that
    does not come back as it was might be another domain to the MTA, so it is refused: give its A-label instead.
    """
    try:
        ascii_form = label.encode("idna").decode("ascii")
        same = ascii_form.startswith("xn--") and ascii_form.encode("ascii").decode("idna") == label
    except UnicodeError:
        same = False
    if not same:
        raise ValueError(_no_certain_a_label(label))
    return ascii_form


def _no_certain_a_label(label: str) -> str:
    """With what to write instead, for an administrator who means one of the two."""
    shown = f"{label[:70]!r} has no certain A-label"
    if len(label) > 63:
        return shown
    form = label.lower()
    try:
        old = label.encode("idna").decode("ascii")
        new = "xn--" + form.encode("punycode").decode("ascii") if _DEVIATION.search(form) else ""
    except UnicodeError:
        return shown
    if not all(map(_LABEL.fullmatch, old.split("."))):
        return shown
    if new and old != new:
        return f"{shown}: write {new}, which IDNA 2008 makes of it, or {old}, which IDNA 2003 does"
    return f"{shown}: write {old} if that is meant"


def _literal_form(text: str) -> str:
    """`[192.0.2.25]` or `[ipv6:...]`; a tag other than IPv6 is refused (none is registered)."""
    inside = text[1:-1]
    if not text.endswith("]") or not inside.isascii() or "%" in inside:
        raise ValueError("no address literal")
    if inside[:5].lower() == "ipv6:":
        return f"[ipv6:{ipaddress.IPv6Address(inside[5:])}]"
    return f"[{ipaddress.IPv4Address(inside)}]"


@dataclass(frozen=True, slots=True)
class DomainList:
    """Domains that are local, or relayed for: `example.org` is exact, `.example.org` stands for its subdomains."""

    names: Names

    @property
    def waits(self) -> bool:
        """Its names may have to be waited for."""
        return may_wait(self.names)

    def match(self, domain: str) -> str | None:
        """The entry that holds this domain (in domain_form), or None. Raises LookupFailed."""
        if not domain:
            return None
        if domain in self.names:
            return domain
        if domain.startswith("["):
            return None
        dot = domain.find(".")
        while dot >= 0:
            parent = domain[dot:]
            if parent in self.names:
                return parent
            dot = domain.find(".", dot + 1)
        return None
