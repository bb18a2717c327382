"""The composition root: settings -> the rule set that decides by them."""

from collections.abc import Iterator
from dataclasses import replace

from relaymilter.config.model import LookupSettings, NameSet, PolicySettings
from relaymilter.policy import relay
from relaymilter.policy.backup import Backup
from relaymilter.policy.domains import DomainList
from relaymilter.policy.ports import Names, Table
from relaymilter.policy.relay import RelayRule
from relaymilter.policy.ruleset import Ruleset
from relaymilter.tables.any_of import AnyOf
from relaymilter.tables.guard import GuardedTable, Limits, ReadyTable


def ruleset(settings: PolicySettings) -> Ruleset:
    """The relay rules; the first that permits ends the search. Those that may have to wait are asked last."""
    limits = _limits(settings.lookups)
    local_domains, relay_domains = settings.local_domains, settings.relay_domains
    networks, logins = settings.local_networks, settings.authorised_logins
    local = DomainList(_names(local_domains, limits))
    relayed = DomainList(_names(relay_domains, limits))
    ours = (local, relayed)
    addresses = _names(NameSet(asked=networks.asked), limits)
    authorised = None if logins is None else _names(logins, limits)
    rules = (
        (relay.permit_not_by_smtp(), ()),
        (relay.permit_local_client(networks.known, addresses), networks.asked),
        (relay.permit_authorised_login(relay.Logins(authorised)), logins.asked if logins else ()),
        (relay.permit_local_recipient(local, ours), local_domains.asked),
        (relay.permit_relay_domain(relayed, ours), relay_domains.asked),
    )
    in_order = sorted(rules, key=lambda rule: any(table.waits for table in rule[1]))
    rules_in_order = (*(rule for rule, _ in in_order), *_mx_backup(settings, limits, ours))
    return Ruleset(rules=rules_in_order, refusals=settings.refusals)


def _mx_backup(settings: PolicySettings, limits: Limits, ours: tuple[DomainList, ...]) -> Iterator[RelayRule]:
    """The rule that asks the DNS, if there is one. Stale answers would not do: what the DNS said may be a no by now."""
    wanted = settings.mx_backup
    if wanted.domains is None:
        return
    from relaymilter.dns import Resolver  # dnspython takes as long to import as everything else

    resolver = Resolver(settings.name_servers, replace(limits, stale=0.0))
    addresses = _names(NameSet(asked=wanted.networks.asked), limits)
    backup = Backup(resolver, wanted.networks.known, addresses, wanted.names)
    yield relay.permit_mx_backup(DomainList(_names(wanted.domains, limits)), backup, ours)


def _limits(settings: LookupSettings) -> Limits:
    return Limits(settings.positive, settings.negative, settings.size, settings.stale)


def _names(found: NameSet, limits: Limits) -> Names:
    """Those known, and those that tables know; tables that answer at once are asked before the others."""
    if not found.asked:
        return found.known
    tables: list[Names] = [_asked(table, limits) for table in sorted(found.asked, key=lambda table: table.waits)]
    return AnyOf((found.known, *tables))


def _asked(table: Table, limits: Limits) -> Names:
    if table.waits:
        return GuardedTable(table, limits)
    return ReadyTable(table)
