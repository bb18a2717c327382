"""What the DNS must say for this host to be a backup mail exchanger of a domain (RFC 5321 5.1).

Postfix's permit_mx_backup with permit_mx_backup_networks, stricter: the best exchangers must be where the administrator
says, every one of them, and this host must be among the others by its own name.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.ports import LookupFailed, MailExchanger, MailExchangers

MOST_BEST = 8
"""Exchangers with the lowest preference; the addresses of each are looked up."""


@dataclass(frozen=True, slots=True)
class Backup:
    """Whom this host may stand in for."""

    exchangers: MailExchangers
    places: Addresses
    """Where the best exchangers must be."""
    hosts: frozenset[str]
    """The names of this host, in A-label form, lower case."""

    def objection(self, domain: str) -> str | None:
        """Why this host is no backup of this domain, or None. Raises LookupFailed."""
        if not self.hosts:
            raise LookupFailed("the name of this host is not known")
        exchangers = self.exchangers.exchangers(domain)
        if not exchangers:
            return f"{domain} has no mail exchanger"
        if not any(exchanger.host in self.hosts for exchanger in exchangers):
            return f"this host is no mail exchanger of {domain}"
        best = _best(exchangers)
        if best & self.hosts:
            return f"this host is the best mail exchanger of {domain}, no backup"
        if len(best) > MOST_BEST:
            raise LookupFailed(f"{domain} has more than {MOST_BEST} best mail exchangers")
        return next(filter(None, map(self._misplaced, sorted(best))), None)

    def _misplaced(self, host: str) -> str | None:
        addresses = self.exchangers.addresses(host)
        if not addresses:
            return f"the best mail exchanger, {host}, has no address"
        outside = next((address for address in addresses if not self.places.holds(address)), None)
        return f"the best mail exchanger, {host}, is at {outside}, in no network to back up" if outside else None


def _best(exchangers: Iterable[MailExchanger]) -> set[str]:
    records = tuple(exchangers)
    lowest = min(exchanger.preference for exchanger in records)
    return {exchanger.host for exchanger in records if exchanger.preference == lowest}
