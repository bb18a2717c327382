"""What the entries of Sendmail's access map say of relaying, as networks and domains.

Sendmail asks for `Connect:` and an address, then for the address alone, then for each shorter beginning of it; the
first entry decides, and only RELAY permits. So an entry of another value excludes what it stands for from a wider
RELAY. For recipients it asks in the same way for `To:` and the domain, then its parents (cf/README, "Access Database").
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import NamedTuple

from relaymilter.policy.domains import domain_form
from relaymilter.tables.table import Entry, Note

NAMED = 20
"""Entries that one note names at most."""

_TAG = re.compile(r"([A-Za-z][A-Za-z_]*):(.*)")
_OCTETS = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){0,3}")
_GROUPS = re.compile(r"ipv6((?::(?:0|[1-9a-f][0-9a-f]{0,3})){1,8})")


@dataclass(frozen=True, slots=True)
class Part:
    """What is for one sort of option, and notes on what is not honoured there."""

    entries: tuple[Entry, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """An access map: networks as CIDR, `!` in front of what is excluded; domains, `.example.org` for subdomains."""

    networks: Part
    domains: Part


class _Rule(NamedTuple):
    entry: Entry
    relay: bool
    tagged: bool


@dataclass(slots=True)
class _Reading:
    """The rules of one sort so far, by the beginning of an address or by the domain."""

    rules: dict[str, _Rule]
    others: list[Entry]
    notes: list[Note]

    def add(self, key: str, rule: _Rule) -> None:
        """With a tag is asked for first; of the same key given twice the one that does not relay counts."""
        known = self.rules.get(key)
        if known is None or (rule.tagged, not rule.relay) > (known.tagged, not known.relay):
            self.rules[key] = rule

    def refuse(self, entry: Entry, relay: bool, why: str) -> None:
        """Note a RELAY that is not honoured; others are told together."""
        if relay:
            self.notes.append(Note(entry.number, f"{entry.key} RELAY is not honoured: {why}"))
        else:
            self.others.append(entry)


def network_of(text: str) -> str | None:
    """An address, or the network of the beginning of one (`192.0.2`, `IPv6:2001:db8`), as CIDR; None of all else.

    Sendmail compares text: neither CIDR, nor leading zeros, nor `::` have a meaning to it.
    """
    if _OCTETS.fullmatch(text):
        octets = text.split(".")
        if any(int(octet) > 255 for octet in octets):
            return None
        return text if len(octets) == 4 else f"{'.'.join(octets + ['0'] * (4 - len(octets)))}/{8 * len(octets)}"
    match = _GROUPS.fullmatch(text.lower())
    if not match:
        return None
    groups = match[1][1:].split(":")
    if len(groups) == 8:
        return str(IPv6Address(":".join(groups)))
    return f"{IPv6Address(':'.join(groups + ['0'] * (8 - len(groups))))}/{16 * len(groups)}"


def access(entries: Iterable[Entry], hosts_only: bool = False) -> Access:
    """The meaning of all entries; with FEATURE(relay_hosts_only) a domain does not stand for its subdomains."""
    clients, recipients, named = _Reading({}, [], []), _Reading({}, [], []), list[Entry]()
    for entry in entries:
        relay = entry.value.strip().lower() == "relay"
        tag, key = _split(entry.key)
        if tag in ("", "connect") and network_of(key):
            clients.add(key, _Rule(entry, relay, bool(tag)))
        elif tag == "connect":
            clients.refuse(entry, relay, "the name of a client can be forged: give its address")
        elif tag in ("", "to"):
            _recipient(recipients, key, _Rule(entry, relay, bool(tag)))
            if not tag and relay and "@" not in key:
                named.append(entry)
        else:
            clients.refuse(entry, relay, _WHY_NOT.get(tag, "it says nothing of an address"))
    if named:
        clients.notes.append(Note(0, f"clients of these names may not relay, which can be forged: {_names(named)}"))
    return Access(_part(clients, _networks(clients)), _part(recipients, _domains(recipients, hosts_only)))


_WHY_NOT = {
    "from": "the sender can be forged",
    "certissuer": "certificates are not read from here",
    "certsubject": "certificates are not read from here",
}


def _split(key: str) -> tuple[str, str]:
    """Tag and key, in lower case, as makemap folds them."""
    match = _TAG.fullmatch(key)
    if not match or match[1].lower() == "ipv6":
        return "", key.lower()
    return match[1].lower(), match[2].lower()


def _recipient(reading: _Reading, key: str, rule: _Rule) -> None:
    if "@" in key:
        reading.refuse(rule.entry, rule.relay, "it is a mailbox, not a domain")
    elif key.startswith(".") and rule.relay:
        reading.refuse(rule.entry, rule.relay, "it needs FEATURE(lookupdotdomain): give it as an entry of its own")
    elif domain := domain_of(key.removeprefix(".")):
        reading.add(domain, rule)
    else:
        reading.refuse(rule.entry, rule.relay, "it is no domain")


def domain_of(key: str) -> str | None:
    """The domain that a client's recipient must have, in domain_form; None of what no recipient can have."""
    if key.endswith(".") or key.rpartition(".")[2].isdigit():
        return None
    try:
        return domain_form(key)
    except ValueError:
        return None


def _networks(reading: _Reading) -> Iterator[Entry]:
    for key, rule in reading.rules.items():
        number = rule.entry.number
        if rule.relay:
            yield Entry(number, network_of(key) or "")
        elif any(reading.rules[wider].relay for wider in _beginnings(key) if wider in reading.rules):
            yield Entry(number, f"!{network_of(key)}")
        else:
            reading.others.append(rule.entry)


def _beginnings(key: str) -> Iterator[str]:
    separator = ":" if ":" in key else "."
    while key := key.rpartition(separator)[0]:
        yield key


def _domains(reading: _Reading, hosts_only: bool) -> Iterator[Entry]:
    alone = set() if hosts_only else _with_exceptions(reading)
    for domain, rule in reading.rules.items():
        if rule.relay:
            yield Entry(rule.entry.number, domain)
            if not hosts_only and domain not in alone and not domain.startswith("["):
                yield Entry(rule.entry.number, "." + domain)
        else:
            reading.others.append(rule.entry)


def _with_exceptions(reading: _Reading) -> set[str]:
    """The domains with a subdomain that is not relayed to: they stand for no subdomain then."""
    with_exceptions = set()
    for domain, rule in reading.rules.items():
        parents = () if rule.relay else _parents(domain)
        for parent in parents:
            if parent in reading.rules and reading.rules[parent].relay:
                with_exceptions.add(parent)
                why = f"{parent} stands for none of its subdomains: give those that are relayed for by themselves"
                reading.notes.append(Note(rule.entry.number, f"{domain} is {rule.entry.value}, so here {why}"))
    return with_exceptions


def _parents(domain: str) -> Iterator[str]:
    while domain := domain.partition(".")[2]:
        yield domain


def _part(reading: _Reading, entries: Iterator[Entry]) -> Part:
    made = tuple(entries)
    if reading.others:
        reading.notes.append(Note(0, f"left to Sendmail, because they do not say RELAY: {_names(reading.others)}"))
    return Part(made, tuple(reading.notes))


def _names(entries: list[Entry]) -> str:
    named = ", ".join(f"{entry.key} ({entry.number})" for entry in entries[:NAMED])
    return f"{named}, and {len(entries) - NAMED} more" if len(entries) > NAMED else named
