"""Sets of addresses of clients or mail exchangers: networks, and single addresses that a table knows."""

from dataclasses import dataclass, field

from relaymilter.policy.networks import Address, LocalNetwork, Networks
from relaymilter.policy.ports import Names, may_wait


@dataclass(frozen=True, slots=True)
class Addresses:
    """The most specific network decides, which may exclude; where none has an address, `others` may have it."""

    networks: Networks = field(default_factory=Networks)
    others: Names = frozenset()
    """Addresses in their canonical form."""

    @property
    def waits(self) -> bool:
        """The others may have to be waited for."""
        return may_wait(self.others)

    def find(self, address: Address | None) -> LocalNetwork | None:
        """What decides on an address: a network, which may exclude it, or itself; None if nothing does, or for None.

        Raises LookupFailed and MustWait.
        """
        if address is None:
            return None
        network = self.networks.find(address)
        if network is None and self.others and str(address) in self.others:
            return LocalNetwork(address.version, int(address), address.max_prefixlen)
        return network

    def holds(self, address: Address | None) -> bool:
        """It is one of them. Raises LookupFailed and MustWait."""
        network = self.find(address)
        return network is not None and not network.excluded
