"""The restrictions in their order, from what they are bound to: the cheapest first, those that may wait last."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from relaymilter.config.dns import DnsSettings
from relaymilter.config.lists import ListSettings
from relaymilter.config.logins import LoginSettings
from relaymilter.config.model import PolicySettings
from relaymilter.config.sets import MapSet, NameSet
from relaymilter.files.presence import Presence
from relaymilter.policy import logins, reputation, restrictions, senders
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Networks
from relaymilter.policy.ports import Dns, Map, Names
from relaymilter.policy.reputation import Insiders
from relaymilter.policy.rules import Restriction

Naming = Callable[[NameSet], Names]
Mapping = Callable[[MapSet], Map]


def chosen(
    settings: PolicySettings,
    names: Naming,
    maps: Mapping,
    local: tuple[Networks, Names],
    foreign: Callable[[Request], str | None],
    waiting: Iterable[Restriction] = (),
) -> tuple[Restriction, ...]:
    """Those that are configured. `local` are the local clients; `foreign` says why a recipient is not ours.

    `waiting` are those that ask the DNS.
    """
    found = [
        *_lockdown(settings, names, foreign),
        *_denied(settings.lists, names),
        *_of_logins(settings.logins, names, maps, foreign),
        *_of_local_clients(settings.logins, names, local),
        *waiting,
    ]
    return tuple(replace(each, warns=each.name in settings.lists.warn) for each in found)


def _lockdown(
    settings: PolicySettings, names: Naming, foreign: Callable[[Request], str | None]
) -> Iterator[Restriction]:
    lockdown = settings.lists.lockdown
    if lockdown.on or lockdown.file:
        on: Callable[[], bool] = _always
        if lockdown.file and not lockdown.on:
            on = Presence(lockdown.file, "lockdown")
        exempt = (names(lockdown.logins), lockdown.networks)
        yield Restriction("lockdown", restrictions.defer_in_lockdown(on, exempt, settings.logins.fold, foreign))


def _always() -> bool:
    return True


def _denied(denied: ListSettings, names: Naming) -> Iterator[Restriction]:
    if denied.clients is not None:
        addresses = names(NameSet(asked=denied.clients.asked))
        yield Restriction("deny-client", restrictions.reject_client(denied.clients.known, addresses))
    if denied.helo is not None:
        ask = restrictions.reject_helo(DomainList(names(denied.helo)))
        yield Restriction("deny-helo", ask, frozenset({Need.HELO}))
    if denied.senders is not None:
        yield Restriction("deny-sender", restrictions.reject_sender(Mailboxes(names(denied.senders))))
    if denied.recipients is not None:
        yield Restriction("deny-recipient", restrictions.reject_recipient(Mailboxes(names(denied.recipients))))


def _of_logins(
    wanted: LoginSettings, names: Naming, maps: Mapping, foreign: Callable[[Request], str | None]
) -> Iterator[Restriction]:
    fold = wanted.fold
    if wanted.networks is not None:
        yield Restriction("login-networks", logins.reject_login_client(maps(wanted.networks), fold))
    if wanted.recipients is not None:
        yield Restriction("login-recipients", logins.reject_login_recipient(maps(wanted.recipients), fold, foreign))
    if wanted.owners is not None:
        yield Restriction("sender-login", senders.reject_sender_not_owned(maps(wanted.owners), fold))
    if wanted.null_sender is not None:
        yield Restriction("null-sender-login", senders.reject_null_sender(names(wanted.null_sender), fold))


def _of_local_clients(wanted: LoginSettings, names: Naming, local: tuple[Networks, Names]) -> Iterator[Restriction]:
    if wanted.local_client_senders is not None:
        allowed = Mailboxes(names(wanted.local_client_senders))
        yield Restriction("local-client-sender", senders.reject_local_client_sender(*local, allowed))


def asking_dns(
    wanted: DnsSettings, insiders: Insiders, ours: tuple[DomainList, ...], resolver: Callable[[], Dns]
) -> Iterator[Restriction]:
    """Those that ask the DNS; `ours` are domains that need not be in it."""
    needs = frozenset[Need]() if insiders.certificates is None else frozenset({Need.CERTIFICATE})
    if wanted.forward_confirmed:
        ask = reputation.reject_unconfirmed_client(insiders, resolver())
        yield Restriction("forward-confirmed", ask, needs)
    if wanted.sender_domain_exists:
        yield Restriction("sender-domain-exists", reputation.reject_unknown_sender_domain(ours, resolver()))
    if wanted.sites:
        ask = reputation.reject_listed_client(insiders, wanted.sites, wanted.threshold, resolver())
        yield Restriction("dnsbl", ask, needs)
