"""Lists of clients in the DNS (RFC 5782): how one is written, what of its replies counts, what many of them come to.

Written as in Postfix's postscreen_dnsbl_sites. Replies outside 127.0.0.0/8 do not count: a zone that was given up, or a
name server that answers everything, would list the world. Neither does 127.0.0.1 where it is not asked for by name.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from relaymilter.policy.domains import domain_form
from relaymilter.policy.networks import Address
from relaymilter.policy.ports import Outage

Pattern: TypeAlias = tuple[frozenset[int], ...]
"""What each of the four octets of a reply may be."""

MAX_ZONE = 253 - 64
"""Octets of a zone, so that a reversed IPv6 address fits before it (RFC 5782 2.4)."""
MAX_WEIGHT = 1_000_000
PATIENCE = 300.0
"""Seconds for which a list that is out makes strangers wait where nothing else decides; then it is silent."""

NEVER_LISTED = ipaddress.IPv4Address("127.0.0.1")
"""No list may have an entry for it (RFC 5782 5)."""

_BETWEEN = re.compile(r";(?![^\[]*\])")
_OCTET = re.compile(r"\[([0-9.;]+)\]|([0-9]{1,3})")
_RANGE = re.compile(r"([0-9]{1,3})(?:\.\.([0-9]{1,3}))?")
_REPLIES = ipaddress.IPv4Network("127.0.0.0/8")
_ERRORS = ipaddress.IPv4Network("127.255.255.0/24")
_NO_LIST = ipaddress.IPv4Address("127.0.0.1")
"""The reply of name servers that block names, and of lists for clients that are neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Site:
    """A list, what of its replies counts, and how much."""

    zone: str
    """In domain_form."""
    patterns: tuple[Pattern, ...] = ()
    """Empty: every reply of a list."""
    weight: int = 1
    """Negative for a list of clients that are good."""

    def counts(self, replies: Iterable[Address]) -> bool:
        """One of the replies is such."""
        return any(self._matches(reply) for reply in replies if reply in _REPLIES)

    def _matches(self, reply: Address) -> bool:
        if not self.patterns:
            return reply != _NO_LIST
        return any(all(map(_holds, pattern, reply.packed)) for pattern in self.patterns)


def _holds(octets: frozenset[int], octet: int) -> bool:
    return octet in octets


def error_in(replies: Iterable[Address]) -> str | None:
    """What a list says where it does not answer: 127.255.255.x, of Spamhaus and others; None: it answers."""
    error = next((reply for reply in replies if reply in _ERRORS), None)
    return None if error is None else f"{error} is an error: the list does not answer this name server"


def parse_site(text: str) -> Site:
    """`ZONE[=REPLY[;REPLY...]][*WEIGHT]`, such as `bl.example=127.0.0.[2..11]*2`. Raises ValueError, in words."""
    site, weighs, weight = text.partition("*")
    zone, chooses, replies = site.partition("=")
    patterns = tuple(map(_pattern, _BETWEEN.split(replies))) if chooses else ()
    return Site(_zone(zone), patterns, _weight(weight) if weighs else 1)


def _zone(text: str) -> str:
    try:
        zone = domain_form(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no list in the DNS: {error}") from None
    if zone.startswith("[") or "." not in zone or len(zone) > MAX_ZONE:
        raise ValueError(f"{text!r} is no list in the DNS: give its zone, such as bl.example.org")
    return zone


def _weight(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,7}", text) or not 0 < abs(int(text)) <= MAX_WEIGHT:
        raise ValueError(f"{text!r} is no weight: give 1 to {MAX_WEIGHT}, or -1 and below for a list of good clients")
    return int(text)


def _pattern(text: str) -> Pattern:
    """`127.0.0.2`, `127.0.0.[2..11]`, `127.0.[0;1].[2;4..8]`."""
    octets = [_octets(*match.groups()) for match in _OCTET.finditer(text)]
    if not re.fullmatch(rf"(?:{_OCTET.pattern})(?:\.(?:{_OCTET.pattern})){{3}}", text) or not all(octets):
        raise ValueError(f"{text!r} is no reply of a list: give an address such as 127.0.0.2, or 127.0.0.[2;4..11]")
    if octets[0] != {127} or octets[1:3] == [{255}, {255}]:
        raise ValueError(f"{text!r} is no reply of a list: those are in 127.0.0.0/8, and 127.255.255.x is an error")
    return tuple(octets)


def _octets(several: str | None, one: str | None) -> frozenset[int]:
    """Those of an octet in a pattern; none where it is wrong."""
    numbers: set[int] = set()
    for part in (several or one or "").split(";"):
        matched = _RANGE.fullmatch(part)
        first, last = (int(matched[1]), int(matched[2] or matched[1])) if matched else (1, 0)
        if not first <= last <= 255:
            return frozenset()
        numbers.update(range(first, last + 1))
    return frozenset(numbers)


@dataclass(slots=True)
class Tally:
    """What a client scores, and what it may yet: between `lowest` and `highest` while some lists have not answered."""

    lowest: int
    highest: int
    hits: list[Site]
    silent: list[str] = field(default_factory=list)
    """Zones that are out, and count as if they listed nobody."""

    def take(self, sites: Iterable[Site], replies: Iterable[Address]) -> None:
        """A list has answered: these are the entries of its zone."""
        answer = tuple(replies)
        for site in sites:
            if site.counts(answer):
                self.hits.append(site)
            counted = site.weight if site.counts(answer) else 0
            self.lowest += counted - min(0, site.weight)
            self.highest += counted - max(0, site.weight)

    def __str__(self) -> str:
        listed = ", ".join(f"{site.zone} ({site.weight:+d})" for site in self.hits) or "no list"
        return f"{listed}; silent: {', '.join(self.silent)}" if self.silent else listed


def tally(zones: Mapping[str, Iterable[Site]]) -> Tally:
    """Before any list has answered."""
    weights = [site.weight for sites in zones.values() for site in sites]
    return Tally(sum(min(0, weight) for weight in weights), sum(max(0, weight) for weight in weights), [])


def may_be_silent(sites: Iterable[Site], outage: Outage, others_answer: bool) -> bool:
    """May a list that is out count as if it listed nobody?

    Where other lists answer, one of bad clients may at once: what is refused without it would be refused with it. One
    of good clients might save a client, so it is waited for as one that stands alone.
    """
    return outage.lasts >= PATIENCE or (others_answer and all(site.weight > 0 for site in sites))
