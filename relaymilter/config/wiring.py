"""The composition root: settings -> the rule set that decides by them. Two lists: what opens, and what closes.

Last of all that closes comes what charges, since what is refused by another restriction must not be charged.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias, TypeVar

from relaymilter.config.asking import Asking
from relaymilter.config.guard import GuardSettings
from relaymilter.config.lists import Lockdown
from relaymilter.config.model import PolicySettings
from relaymilter.files.presence import Presence
from relaymilter.ledger.memory import MemoryLedger
from relaymilter.ledger.untouched import UntouchedLedger
from relaymilter.lookups import outcomes
from relaymilter.lookups.guard import Limits
from relaymilter.policy import logins, relay, reputation, senders
from relaymilter.policy import restrictions as close
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Request
from relaymilter.policy.grants import Grant, Grants
from relaymilter.policy.guard.charges import Charges, defer_over_limit
from relaymilter.policy.guard.standing import Judgement, Terms
from relaymilter.policy.local_clients import LocalClients
from relaymilter.policy.logins import Fold, Ways
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.ports import Ledger, Names
from relaymilter.policy.recipients import Ours
from relaymilter.policy.reputation import Insiders
from relaymilter.policy.restrictions import Exempt
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.senders import Owned
from relaymilter.policy.shared_addresses import Alarm, Watch
from relaymilter.policy.sketches import Sketches

Notice: TypeAlias = Callable[[str, Judgement], None]
"""Called with a subject and the judgement, once for each step of a login's standing downward."""
Clock: TypeAlias = Callable[[], float]
"""Unix time: that of now, or of a log."""
S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Shared:
    """What several rules and restrictions ask, made once."""

    ask: Asking
    fold: Fold
    networks: Addresses
    """The local ones, whatever closes them."""
    clients: LocalClients
    """Those that are local."""
    watch: Watch | None
    domains: Ours
    inbound: Ours
    """The same, and those that are backed up."""
    relayed: DomainList
    backed: DomainList | None
    owned: Owned
    certificates: Names | None
    grants: Grants | None
    insiders: Insiders
    exempt: Exempt
    senders: Mailboxes | None
    """Of local clients."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What it takes to look for addresses that are shared: where it is kept what they show, and who is told."""

    sketches: Sketches
    tell: Callable[[Alarm], None]


@dataclass(frozen=True, slots=True)
class Wired:
    """What decides, and who is charged what."""

    ruleset: Ruleset
    charges: Charges | None
    """None: there is no ledger."""


def wired(
    settings: PolicySettings,
    notice: Notice | None = None,
    look_only: bool = False,
    sight: Sight | None = None,
    clock: Clock = time.time,
) -> Wired:
    """The ruleset and the charges; `look_only`: nobody is charged; without a `sight` no address is watched."""
    shared = _shared(settings, sight, clock)
    charges = _if(settings.guard, lambda of: _charges(of, shared, notice, look_only, clock))
    rules = tuple(sorted(filter(None, _rules(settings, shared)), key=lambda rule: rule.waits))
    restrictions = sorted(filter(None, _restrictions(settings, shared)), key=lambda restriction: restriction.waits)
    last = _if(charges, defer_over_limit)
    warning = (replace(each, warns=each.name in settings.lists.warn) for each in filter(None, (*restrictions, last)))
    ways = Ways(settings.logins.mechanisms, settings.logins.listeners)
    return Wired(Ruleset(rules, tuple(warning), settings.refusals, ways), charges)


def ruleset(settings: PolicySettings) -> Ruleset:
    """The relay rules, of which the first that permits ends the search, and the restrictions."""
    return wired(settings).ruleset


def _rules(settings: PolicySettings, our: _Shared) -> tuple[RelayRule | None, ...]:
    ask, ours, mx = our.ask, our.domains, settings.backup
    return (
        relay.permit_not_by_smtp(),
        relay.permit_local_client(our.clients, our.watch.see) if our.watch else relay.permit_local_client(our.clients),
        relay.permit_authorised_login(_if(settings.logins.authorised, ask.names), our.fold),
        relay.permit_local_recipient(ours),
        relay.permit_relay_domain(our.relayed, ours),
        _if(our.certificates, relay.permit_certificate),
        _if(our.grants, relay.permit_grant),
        _if(our.backed, lambda of: relay.permit_mx_backup(of, ask.backup(mx.networks, mx.names), ours)),
    )


def _restrictions(settings: PolicySettings, our: _Shared) -> tuple[Restriction | None, ...]:
    ask, fold, denied, bound, dns = our.ask, our.fold, settings.lists, settings.logins, settings.dns
    return (
        _if(_switch(denied.lockdown), lambda on: close.defer_in_lockdown(on, our.exempt, fold, our.inbound)),
        _if(denied.clients, lambda of: close.reject_client(ask.addresses(of))),
        _if(denied.helo, lambda of: close.reject_helo(ask.domains(of))),
        _if(denied.senders, lambda of: close.reject_sender(ask.mailboxes(of))),
        _if(denied.recipients, lambda of: close.reject_recipient(ask.mailboxes(of))),
        _if(bound.networks, lambda of: logins.reject_login_client(ask.map(of))),
        _if(bound.recipients, lambda of: logins.reject_login_recipient(ask.map(of), our.domains)),
        _if(our.owned.owners, lambda of: senders.reject_sender_not_owned(of, fold)),
        _if(our.owned.null_sender, lambda of: senders.reject_null_sender(of, fold)),
        _if(our.senders, lambda of: senders.reject_local_client_sender(our.networks, of, our.owned)),
        _if(dns.forward_confirmed or None, lambda _: reputation.reject_unconfirmed_client(our.insiders, ask.dns)),
        _if(dns.sender_domain_exists or None, lambda _: reputation.reject_unknown_sender_domain(our.domains, ask.dns)),
        _if(dns.sites or None, lambda of: reputation.reject_listed_client(our.insiders, of, dns.threshold, ask.dns)),
    )


def _charges(guard: GuardSettings, our: _Shared, notice: Notice | None, look_only: bool, clock: Clock) -> Charges:
    """While the ledger does not answer, this process counts by itself."""
    ledger: Ledger = UntouchedLedger(guard.ledger) if look_only else guard.ledger
    return Charges(
        ledger=ledger,
        spare=MemoryLedger(),
        key=guard.key,
        clock=clock,
        ours=our.domains,
        fold=our.fold,
        terms=Terms(guard.of_logins, guard.novelty),
        others=guard.of_others,
        named=_if(guard.named, our.ask.map),
        administrators=_if(guard.administrators, our.ask.mailboxes),
        grant=_if(our.grants, _name_of_grant),
        notice=notice,
        on_spare=outcomes.on_the_spare,
    )


def _name_of_grant(grants: Grants) -> Callable[[Request], str | None]:
    def name(request: Request) -> str | None:
        answer = grants.find(request)
        return answer.name if isinstance(answer, Grant) else None

    return name


def _shared(settings: PolicySettings, sight: Sight | None, clock: Clock) -> _Shared:
    local, trusts, fold, lockdown = settings.local, settings.trusts, settings.logins.fold, settings.lists.lockdown
    kept = settings.lookups
    ask = Asking(Limits(kept.positive, kept.negative, kept.size, kept.stale), settings.dns.servers)
    certificates = _if(trusts.certificates, ask.names)
    relayed = ask.domains(local.relay_domains)
    domains = Ours(ask.domains(local.domains), (relayed,))
    grants = Grants(trusts.grants, fold, partial(_day, clock), domains) if trusts.grants else None
    bound, backed = settings.logins, _if(settings.backup.domains, ask.domains)
    owned = Owned(_if(bound.owners, ask.map), _if(bound.null_sender, ask.names), fold)
    networks, watch = ask.addresses(local.networks), _if(sight, lambda of: _watch(settings, of, domains, clock))
    clients = LocalClients(networks, ask.addresses(settings.shared.never), watch.distrusted if watch else None)
    exempt = Exempt(ask.names(lockdown.logins), Addresses(lockdown.networks))
    return _Shared(
        ask=ask,
        fold=fold,
        networks=networks,
        clients=clients,
        watch=watch,
        domains=domains,
        inbound=Ours(domains.local, (relayed,) if backed is None else (relayed, backed)),
        relayed=relayed,
        backed=backed,
        owned=owned,
        certificates=certificates,
        grants=grants,
        insiders=Insiders(clients, certificates, grants),
        exempt=exempt,
        senders=_if(bound.local_client_senders, ask.mailboxes),
    )


def _watch(settings: PolicySettings, sight: Sight, ours: Ours, clock: Clock) -> Watch:
    shared = settings.shared
    return Watch(sight.sketches, clock, ours.has, sight.tell, shared.distrusts, shared.known)


def _day(clock: Clock) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(clock()))


def _if(setting: S | None, make: Callable[[S], R]) -> R | None:
    """What is made of a setting, if there is one."""
    return None if setting is None else make(setting)


def _switch(lockdown: Lockdown) -> Callable[[], bool] | None:
    """What says whether the lockdown is on; None where it never can be."""
    if lockdown.on:
        return lambda: True
    return Presence(lockdown.file, "lockdown") if lockdown.file else None
