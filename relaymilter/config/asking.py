"""What the rules ask, made from what the configuration names: sets, maps and the DNS, each safe to ask and cached.

A table that must be waited for is guarded by a cache and a breaker; one that answers at once is asked as it is.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from relaymilter.config.sets import MapSet, NameSet, NetworkSet
from relaymilter.lookups.any_of import AnyOf
from relaymilter.lookups.first_of import FirstOf
from relaymilter.lookups.guard import GuardedTable, Limits, ReadyTable
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.backup import Backup
from relaymilter.policy.domains import DomainList
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.ports import Dns, Map, Names, Table

T = TypeVar("T")


@dataclass(frozen=True)
class Asking:
    """Makes what can be asked. The tables of a set that answer at once are asked before the others."""

    limits: Limits
    """Of every table."""
    servers: tuple[tuple[str, int], ...] = ()
    """Address and port of the name servers; none: those of /etc/resolv.conf."""

    @cached_property
    def dns(self) -> Dns:
        """What asks the DNS. Stale answers would not do: what the DNS said may be a no by now."""
        from relaymilter.dns import Resolver  # dnspython takes as long to import as everything else

        return Resolver(self.servers, replace(self.limits, stale=0.0))

    def names(self, names: NameSet) -> Names:
        """Those known, and those that tables know."""
        if not names.asked:
            return names.known
        return AnyOf((names.known, *self._tables(names.asked)))

    def addresses(self, networks: NetworkSet) -> Addresses:
        """Of the networks known, and those that tables know."""
        return Addresses(networks.known, self.names(NameSet(asked=networks.asked)))

    def domains(self, domains: NameSet) -> DomainList:
        """The same as domains."""
        return DomainList(self.names(domains))

    def mailboxes(self, mailboxes: NameSet) -> Mailboxes:
        """The same as mailboxes."""
        return Mailboxes(self.names(mailboxes))

    def backup(self, networks: NetworkSet, hosts: frozenset[str]) -> Backup:
        """What says whether a host by these names is a backup mail exchanger of a domain."""
        return Backup(self.dns, self.addresses(networks), hosts)

    def map(self, values: MapSet[T]) -> Map[T]:
        """Values known, and those that tables know."""
        return FirstOf(values.known, values.parse, self._tables(values.asked))

    def _tables(self, asked: tuple[Table, ...]) -> tuple[GuardedTable | ReadyTable, ...]:
        ready_first = sorted(asked, key=lambda table: table.waits)
        return tuple(GuardedTable(table, self.limits) if table.waits else ReadyTable(table) for table in ready_first)
