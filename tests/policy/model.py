"""The mission's sentence as a table, and scenes to try it on, each with its truth written beside it by hand.

Local clients to anyone, anyone to local mailboxes, authenticated and authorised logins to anyone, all else refused.
Nothing here is taken from the code: whether a client is local or a mailbox is ours is said, not computed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.backup import Backup
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Certificate, Client, Macros, Request, client, request
from relaymilter.policy.grants import Grant, Grants
from relaymilter.policy.logins import Fold, Ways
from relaymilter.policy.networks import Address, Networks, parse_network
from relaymilter.policy.ports import LookupFailed, MailExchanger
from relaymilter.policy.recipients import Ours
from relaymilter.policy.relay import (
    permit_authorised_login,
    permit_certificate,
    permit_grant,
    permit_local_client,
    permit_local_recipient,
    permit_mx_backup,
    permit_not_by_smtp,
    permit_relay_domain,
)
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.ruleset import Ruleset


class Say(Enum):
    """What is so, is not so, or could not be found out."""

    YES = "yes"
    NO = "no"
    DOWN = "down"


YES, NO, DOWN = Say


@dataclass(frozen=True)
class Lookup:
    """A list that knows some names, and is down for others."""

    known: frozenset[str]
    lost: frozenset[str]

    def __contains__(self, name: object, /) -> bool:
        if name in self.lost:
            raise LookupFailed("the list is down")
        return name in self.known


@dataclass(frozen=True)
class Everything:
    """A list that says the same of every name."""

    say: Say

    def __contains__(self, name: object, /) -> bool:
        if self.say is DOWN:
            raise LookupFailed("the list is down")
        return self.say is YES


class Exchangers:
    """The DNS: this host is the backup of two domains, whose best exchanger is, and is not, where it should be."""

    def exchangers(self, domain: str, /) -> tuple[MailExchanger, ...]:
        if domain == "backed-down.test":
            raise LookupFailed("the DNS is down")
        return MailExchanger(10, f"best.{domain}"), MailExchanger(20, "we.test")

    def addresses(self, host: str, /) -> tuple[Address, ...]:
        return (ipaddress.ip_address("198.51.100.25" if host == "best.backed.test" else "203.0.113.25"),)


class Who(NamedTuple):
    """A client, and whether it is local."""

    client: Client
    local: Say
    confined: bool = True
    """It came by SMTP, so that it can be refused."""


CLIENTS = {
    "in a local network": Who(client("192.0.2.7", 40000), YES),
    "excluded from it": Who(client("192.0.2.66", 40000), NO),
    "elsewhere": Who(client("203.0.113.7", 40000), NO),
    "without an address": Who(client("", None), NO),
    "local by a table": Who(client("203.0.113.8", 40000), YES),
    "of which the table says nothing": Who(client("203.0.113.9", 40000), DOWN),
    "mail that did not come by SMTP": Who(client("127.0.0.1", 0), YES, confined=False),
}


class Proof(NamedTuple):
    """A login, how it came, and whether it is authorised."""

    login: str | None
    authorised: Say
    mechanism: str = "PLAIN"

    @property
    def counts(self) -> str | None:
        """The login, if it came by a way that makes one."""
        return self.login if self.mechanism == "PLAIN" else None


LOGINS = {
    "no login": Proof(None, NO),
    "authorised": Proof("alice", YES),
    "authorised by its realm": Proof("carol@kite.test", YES),
    "not authorised": Proof("mallory", NO),
    "of which the list says nothing": Proof("trudy", DOWN),
    "authorised, by another mechanism": Proof("alice", NO, "EXTERNAL"),
}

SENDERS = {
    "null": b"<>",
    "foreign": b"<a@else.test>",
    "forged as ours": b"<b@kite.test>",
    "broken": b"<a@b@kite.test",
}
"""None of them opens anything."""


class To(NamedTuple):
    """A recipient as typed, what the MTA makes of it, and whether it is one of our mailboxes, or one we back up."""

    path: bytes
    read: bytes | None
    ours: Say
    backed: Say = NO


RECIPIENTS = {
    "local": To(b"<b@kite.test>", b"b@kite.test", YES),
    "below a local domain": To(b"<b@a.sub.test>", None, YES),
    "at a relay domain": To(b"<b@relay.test>", b"b@relay.test", YES),
    "foreign": To(b"<v@else.test>", b"v@else.test", NO),
    "at a domain of which the list says nothing": To(b"<b@lost.test>", b"b@lost.test", DOWN),
    "backed up": To(b"<b@backed.test>", b"b@backed.test", NO, YES),
    "backed up by another": To(b"<b@misplaced.test>", b"b@misplaced.test", NO),
    "maybe backed up": To(b"<b@backed-down.test>", b"b@backed-down.test", NO, DOWN),
    "to be sent on by percent": To(b"<v%else.test@kite.test>", b"v@else.test", NO),
    "to be sent on by bang": To(b"<else.test!v@kite.test>", b"v@else.test", NO),
    "to be sent on by a source route": To(b"<@kite.test:v@else.test>", b"v@else.test", NO),
    "to be sent on by quotes": To(b'<"v@else.test"@kite.test>', None, NO),
    "to be sent on, of which nothing is said": To(b"<v%else.test@lost.test>", None, NO),
    "odd, read as ours": To(b'<"b"@kite.test>', b"b@kite.test", YES),
    "odd, read as foreign": To(b'<"b"@kite.test>', b"b@else.test", NO),
    "odd, with no witness": To(b'<"b"@kite.test>', None, YES),
    "postmaster": To(b"<Postmaster>", b"postmaster", YES),
    "a name that the MTA puts at ours": To(b"<root>", b"root@kite.test", YES),
    "a name that the MTA leaves bare": To(b"<root>", b"root", NO),
    "a name that the MTA puts elsewhere": To(b"<root>", b"root@else.test", NO),
    "broken": To(b"<b@kite.test", b"b@kite.test", NO),
    "a lookalike": To("<b@\u212aite.test>".encode(), None, NO),
}

ISSUER = "Example CA"
CERTIFICATES = {
    "no certificate": (None, NO),
    "listed": (Certificate("printer", ISSUER), YES),
    "another": (Certificate("someone", ISSUER), NO),
    "of which the list says nothing": (Certificate("lost", ISSUER), DOWN),
}


class Scene(NamedTuple):
    """One of each, and what a table says of a grant for this client."""

    who: Who
    proof: Proof
    sender: bytes
    to: To
    certificate: tuple[Certificate | None, Say] = (None, NO)
    granted: Say = NO

    @property
    def request(self) -> Request:
        """As an MTA would ask it."""
        told = Macros(mechanism=self.proof.mechanism if self.proof.login else None, certificate=self.certificate[0])
        return request(
            self.who.client,
            self.to.path,
            login=self.proof.login,
            rcpt_addr=self.to.read,
            helo=b"mx.else.test",
            sender=self.sender,
            macros=told,
        )

    @property
    def opened(self) -> Say:
        """Local to anyone, anyone to local, authenticated and authorised to anyone; all else not."""
        covered = NO if self.who.client.address is None else self.granted
        return any_of(
            (self.who.local, self.proof.authorised, self.to.ours, self.to.backed, self.certificate[1], covered)
        )


def any_of(truths: Iterable[Say]) -> Say:
    """One yes is enough, whatever is not known; without one, what is not known may be one."""
    said = set(truths)
    return YES if YES in said else DOWN if DOWN in said else NO


LOCAL = Addresses(
    Networks(map(parse_network, ["127.0.0.0/8", "192.0.2.0/24", "!192.0.2.66"])),
    Lookup(frozenset({"203.0.113.8"}), frozenset({"203.0.113.9"})),
)
DOMAINS = DomainList(Lookup(frozenset({"kite.test", ".sub.test"}), frozenset({"lost.test"})))
RELAYED = DomainList(frozenset({"relay.test"}))
BACKED = DomainList(frozenset({"backed.test", "misplaced.test", "backed-down.test"}))
OURS = Ours(DOMAINS, (RELAYED,))
INBOUND = Ours(DOMAINS, (RELAYED, BACKED))
AUTHORISED = Lookup(frozenset({"alice", "@kite.test"}), frozenset({"trudy"}))
CERTIFIED = Lookup(frozenset({f"printer|{ISSUER}"}), frozenset({f"lost|{ISSUER}"}))
PLACES = Addresses(Networks([parse_network("198.51.100.0/24")]))
WAYS = Ways(frozenset({"PLAIN"}))


def grants(say: Say) -> Grants:
    """One grant, for clients that a table holds."""
    return Grants(
        (Grant("printer", networks=Addresses(others=Everything(say))),), Fold.EXACT, lambda: "2026-11-24", OURS
    )


def rules(granted: Say = NO) -> tuple[RelayRule, ...]:
    """Every way to permit, in the order of the daemon."""
    return (
        permit_not_by_smtp(),
        permit_local_client(LOCAL),
        permit_authorised_login(AUTHORISED),
        permit_local_recipient(OURS),
        permit_relay_domain(RELAYED, OURS),
        permit_certificate(CERTIFIED),
        permit_grant(grants(granted)),
        permit_mx_backup(BACKED, Backup(Exchangers(), PLACES, frozenset({"we.test"})), OURS),
    )


def closed_by(*restrictions: Restriction, granted: Say = NO) -> Ruleset:
    """Every way to permit, and these restrictions."""
    return Ruleset(rules(granted), restrictions, ways=WAYS)
