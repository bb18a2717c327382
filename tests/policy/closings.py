"""Every restriction, by the list that it asks, and what README says it refuses, written by hand.

The list says yes, no, or is down, of everything. What a restriction then says of a scene is said here in the terms of
the scene alone: whom it concerns, and which of the three makes it refuse.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from relaymilter.lookups.first_of import FirstOf
from relaymilter.policy import logins, reputation, restrictions, senders
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.block_lists import NEVER_LISTED, parse_site
from relaymilter.policy.domains import DomainList
from relaymilter.policy.guard import charges
from relaymilter.policy.guard.releasing import suspend
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Address
from relaymilter.policy.ports import LookupFailed, MailExchanger, Past
from relaymilter.policy.reputation import Insiders
from relaymilter.policy.rules import Restriction
from tests.policy.lists import OneByOne
from tests.policy.model import DOWN, INBOUND, LOCAL, NO, OURS, RECIPIENTS, SENDERS, YES, Everything, Say, Scene, any_of
from tests.policy.test_law_1 import Remembering

SILENT, DEFER, REJECT = "silent", "defer", "reject"
FOLD = Fold.EXACT


@dataclass(frozen=True)
class Maps:
    """A map with this value of everybody, without any, or down."""

    value: str
    say: Say

    def find(self, key: str, /) -> str | None:
        if self.say is DOWN:
            raise LookupFailed("the map is down")
        return self.value if self.say is YES else None


@dataclass(frozen=True)
class Dns(OneByOne):
    """A DNS in which every client is listed and has a name, and every domain exists; or none; or that is down."""

    say: Say

    def addresses(self, host: str, /) -> tuple[Address, ...]:
        if self.say is DOWN:
            raise LookupFailed("the DNS is down")
        return (ipaddress.ip_address("203.0.113.7"), ipaddress.ip_address("203.0.113.9")) if self.say is YES else ()

    def names(self, address: Address, /) -> tuple[str, ...]:
        return ("a.else.test",) if self.addresses("") and str(address) != "192.0.2.66" else ()

    def listed(self, zone: str, address: Address, /) -> tuple[Address, ...]:
        found = self.addresses(zone)
        return (ipaddress.ip_address("127.0.0.2"),) if found and address != NEVER_LISTED else ()

    def exchangers(self, domain: str, /) -> tuple[MailExchanger, ...]:
        return tuple(MailExchanger(10, domain) for _ in self.addresses(domain))

    def refuses_mail(self, domain: str, /) -> bool:
        return False


def listed(say: Say) -> str:
    """What a list of those who are refused makes of it."""
    return {YES: REJECT, NO: SILENT, DOWN: DEFER}[say]


def allowed(say: Say) -> str:
    """What a list of those who are let through makes of it."""
    return {YES: SILENT, NO: REJECT, DOWN: DEFER}[say]


def by_smtp(scene: Scene, said: str) -> str:
    """Postfix cannot refuse mail that did not come by SMTP."""
    return said if scene.who.confined else SILENT


def with_login(scene: Scene, said: str) -> str:
    """What binds logins binds nobody else, and whoever has proved one, by whichever way."""
    return said if scene.proof.login else SILENT


def of_strangers(scene: Scene, said: str) -> str:
    """Those who are not local, have no login, and have an address; whether one is local may not be known."""
    if scene.proof.counts or scene.who.local is YES:
        return SILENT
    return DEFER if scene.who.local is DOWN else said if scene.who.client.address else SILENT


def inbound(scene: Scene) -> Say:
    """Mail to us, to relay domains and to domains that are backed up, whoever backs them up."""
    return any_of((scene.to.ours, YES if b"backed" in scene.to.path or b"misplaced" in scene.to.path else NO))


def locked_down(scene: Scene, say: Say) -> str:
    """All but what is inbound waits; a failure is no exemption."""
    return SILENT if say is NO or inbound(scene) is YES else DEFER


def clear(path: bytes) -> bool:
    """Not broken, and no domain with a letter that only looks like another: it names somebody."""
    return path not in (RECIPIENTS["broken"].path, RECIPIENTS["a lookalike"].path, SENDERS["broken"])


def denied_recipient(scene: Scene, say: Say) -> str:
    """A list of everybody holds whoever is named, as typed or as the MTA reads it."""
    named = clear(scene.to.path) or scene.to.read is not None
    return by_smtp(scene, listed(say) if named else SILENT)


def owned(scene: Scene, say: Say) -> str:
    """Everybody's, nobody's; what is broken is nobody's, and the null sender is another matter."""
    said = SILENT if scene.sender == b"<>" else allowed(say) if clear(scene.sender) else REJECT
    return with_login(scene, said)


def null_sender(scene: Scene, say: Say) -> str:
    """What is broken may be read as the null sender."""
    return with_login(scene, allowed(say) if scene.sender == b"<>" or not clear(scene.sender) else SILENT)


def local_sender(scene: Scene, say: Say) -> str:
    """Of local clients; whether one is may not be known."""
    said = {YES: allowed(say) if clear(scene.sender) else REJECT, NO: SILENT, DOWN: DEFER}[scene.who.local]
    return by_smtp(scene, said)


def has_a_name(scene: Scene, say: Say) -> str:
    """The one who is excluded from a local network has none in this DNS."""
    return of_strangers(scene, allowed(NO if say is YES and str(scene.who.client.address) == "192.0.2.66" else say))


def sender_exists(scene: Scene, say: Say) -> str:
    """Our own domains need not be in the DNS, the null sender has none, and what is broken is none."""
    if scene.sender in (b"<>", b"<b@kite.test>"):
        return SILENT
    return by_smtp(scene, allowed(say) if clear(scene.sender) else REJECT)


def suspended(scene: Scene, say: Say) -> str:
    """A login that is suspended reaches only us; while the ledger is down, small limits serve."""
    others = DEFER if scene.to.ours is DOWN else REJECT if say is YES and scene.proof.login else SILENT
    return by_smtp(scene, SILENT if scene.to.ours is YES else others)


def _mailboxes(say: Say) -> Mailboxes:
    return Mailboxes(Everything(say))


def _exempt(say: Say) -> restrictions.Exempt:
    return restrictions.Exempt(Everything(DOWN if say is DOWN else NO), Addresses(others=Everything(NO)))


def _charges(say: Say) -> charges.Charges:
    record = {YES: _SUSPENDED, NO: None, DOWN: None}[say]
    problem = LookupFailed("the ledger is down") if say is DOWN else None
    spare = Remembering(None)
    return charges.Charges(Remembering(record, None, problem), spare, b"k" * 16, lambda: 1_800_000_000.0, OURS)


_SUSPENDED = suspend(1_800_000_000)(Past(None, ())).record
_OWNERS = "alice carol@kite.test mallory trudy"


def _owners(value: str) -> frozenset[str]:
    return senders.parse_owners(FOLD, value)


class Closing(NamedTuple):
    """A restriction, made of what its list says of everything, and what it is to say of a scene."""

    make: Callable[[Say], Restriction]
    says: Callable[[Scene, Say], str]


INSIDERS = Insiders(LOCAL)
CLOSINGS: dict[str, Closing] = {
    "lockdown": Closing(
        lambda say: restrictions.defer_in_lockdown(lambda: say is not NO, _exempt(say), FOLD, INBOUND), locked_down
    ),
    "deny-client": Closing(
        lambda say: restrictions.reject_client(Addresses(others=Everything(say))),
        lambda scene, say: by_smtp(scene, listed(say) if scene.who.client.address else SILENT),
    ),
    "deny-helo": Closing(
        lambda say: restrictions.reject_helo(DomainList(Everything(say))),
        lambda scene, say: by_smtp(scene, listed(say)),
    ),
    "deny-sender": Closing(
        lambda say: restrictions.reject_sender(_mailboxes(say)), lambda scene, say: by_smtp(scene, listed(say))
    ),
    "deny-recipient": Closing(lambda say: restrictions.reject_recipient(_mailboxes(say)), denied_recipient),
    "login-networks": Closing(
        lambda say: logins.reject_login_client(FirstOf({}, logins.parse_networks, (Maps("198.51.100.1", say),))),
        lambda scene, say: with_login(scene, listed(say)),
    ),
    "login-recipients": Closing(
        lambda say: logins.reject_login_recipient(FirstOf({}, logins.parse_recipients, (Maps("none", say),)), OURS),
        lambda scene, say: with_login(scene, listed(say)),
    ),
    "sender-login": Closing(
        lambda say: senders.reject_sender_not_owned(FirstOf({}, _owners, (Maps(_OWNERS, say),)), FOLD), owned
    ),
    "null-sender-login": Closing(lambda say: senders.reject_null_sender(Everything(say), FOLD), null_sender),
    "local-client-sender": Closing(
        lambda say: senders.reject_local_client_sender(LOCAL, _mailboxes(say), senders.Owned()), local_sender
    ),
    "forward-confirmed": Closing(lambda say: reputation.reject_unconfirmed_client(INSIDERS, Dns(say)), has_a_name),
    "sender-domain-exists": Closing(lambda say: reputation.reject_unknown_sender_domain(OURS, Dns(say)), sender_exists),
    "dnsbl": Closing(
        lambda say: reputation.reject_listed_client(INSIDERS, [parse_site("bl.test")], 1, Dns(say)),
        lambda scene, say: by_smtp(scene, of_strangers(scene, listed(say))),
    ),
    "ledger": Closing(lambda say: charges.defer_over_limit(_charges(say)), suspended),
}
