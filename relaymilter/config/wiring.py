"""The composition root: settings -> the rule set that decides by them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial

from relaymilter.config.backup import BackupSettings
from relaymilter.config.logins import LoginSettings
from relaymilter.config.lookups import LookupSettings
from relaymilter.config.model import PolicySettings
from relaymilter.config.restricting import asking_dns
from relaymilter.config.restricting import chosen as restrictions
from relaymilter.config.sets import MapSet, NameSet
from relaymilter.lookups.any_of import AnyOf
from relaymilter.lookups.first_of import FirstOf
from relaymilter.lookups.guard import GuardedTable, Limits, ReadyTable
from relaymilter.policy import relay
from relaymilter.policy.backup import Backup
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Request
from relaymilter.policy.ports import Dns, Map, Names, Table
from relaymilter.policy.reputation import Insiders
from relaymilter.policy.rules import RelayRule
from relaymilter.policy.ruleset import Ruleset


def ruleset(settings: PolicySettings) -> Ruleset:
    """The relay rules, of which the first that permits ends the search, and those that may wait come last."""
    limits = _limits(settings.lookups)
    networks, logins = settings.local.networks, settings.logins.authorised
    local = DomainList(_names(settings.local.domains, limits))
    relayed = DomainList(_names(settings.local.relay_domains, limits))
    ours = (local, relayed)
    addresses = _names(NameSet(asked=networks.asked), limits)
    certificates = settings.trusts.certificates
    insiders = Insiders(networks.known, addresses, None if certificates is None else _names(certificates, limits))
    resolver = cache(lambda: _resolver(settings.dns.servers, limits))
    authorised = None if logins is None else _names(logins, limits)
    rules = [
        relay.permit_not_by_smtp(),
        relay.permit_local_client(networks.known, addresses),
        relay.permit_authorised_login(_logins(authorised, settings.logins)),
        relay.permit_local_recipient(local, ours),
        relay.permit_relay_domain(relayed, ours),
        *_narrow_trusts(settings, limits, relay.foreign_to(ours)),
        *_mx_backup(settings.backup, limits, ours, resolver),
    ]
    return Ruleset(
        rules=tuple(sorted(rules, key=lambda rule: rule.waits)),
        restrictions=restrictions(
            settings,
            lambda found: _names(found, limits),
            lambda found: _map(found, limits),
            (networks.known, addresses),
            relay.foreign_to(ours),
            asking_dns(settings.dns, insiders, ours, resolver),
        ),
        refusals=settings.refusals,
    )


def _logins(names: Names | None, wanted: LoginSettings) -> relay.Logins:
    return relay.Logins(names, wanted.fold, wanted.mechanisms, wanted.listeners)


def _narrow_trusts(
    settings: PolicySettings, limits: Limits, foreign: Callable[[Request], str | None]
) -> Iterator[RelayRule]:
    trusts = settings.trusts
    if trusts.certificates is not None:
        yield relay.permit_certificate(_names(trusts.certificates, limits))
    if trusts.grants:
        today = partial(time.strftime, "%Y-%m-%d")
        yield relay.permit_grant(trusts.grants, settings.logins.fold, today, foreign)


def _mx_backup(
    wanted: BackupSettings, limits: Limits, ours: tuple[DomainList, ...], resolver: Callable[[], Dns]
) -> Iterator[RelayRule]:
    """The rule that asks the DNS, if there is one."""
    if wanted.domains is None:
        return
    addresses = _names(NameSet(asked=wanted.networks.asked), limits)
    backup = Backup(resolver(), wanted.networks.known, addresses, wanted.names)
    yield relay.permit_mx_backup(DomainList(_names(wanted.domains, limits)), backup, ours)


def _resolver(servers: tuple[tuple[str, int], ...], limits: Limits) -> Dns:
    """What asks the DNS. Stale answers would not do: what the DNS said may be a no by now."""
    from relaymilter.dns import Resolver  # dnspython takes as long to import as everything else

    return Resolver(servers, replace(limits, stale=0.0))


def _limits(settings: LookupSettings) -> Limits:
    return Limits(settings.positive, settings.negative, settings.size, settings.stale)


def _names(found: NameSet, limits: Limits) -> Names:
    """Those known, and those that tables know; tables that answer at once are asked before the others."""
    if not found.asked:
        return found.known
    tables: list[Names] = [_asked(table, limits) for table in sorted(found.asked, key=lambda table: table.waits)]
    return AnyOf((found.known, *tables))


def _map(found: MapSet, limits: Limits) -> Map:
    tables = tuple(_asked(table, limits) for table in sorted(found.asked, key=lambda table: table.waits))
    return FirstOf(found.known, tables)


def _asked(table: Table, limits: Limits) -> GuardedTable | ReadyTable:
    if table.waits:
        return GuardedTable(table, limits)
    return ReadyTable(table)
