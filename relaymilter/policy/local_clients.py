"""Which clients are local: those in local networks, but for addresses that are never local or are not trusted now."""

from collections.abc import Callable
from dataclasses import dataclass, field

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.networks import Address, LocalNetwork


@dataclass(frozen=True, slots=True)
class LocalClients:
    """Local networks, and what closes them: nothing here makes an address local that they do not hold."""

    networks: Addresses
    never: Addresses = field(default_factory=Addresses)
    """Gateways and the like, whatever the networks say."""
    distrusted: Callable[[Address], bool] | None = None
    """This address has lost its trust; None: none ever does."""

    @property
    def waits(self) -> bool:
        """Some of it may have to be waited for."""
        return self.networks.waits or self.never.waits

    def find(self, address: Address | None) -> LocalNetwork | None:
        """As Addresses.find; what is never local, or distrusted, is a network of its own that is excluded.

        Raises LookupFailed and MustWait.
        """
        network = self.networks.find(address)
        if address is None or network is None or network.excluded:
            return network
        if self.never.holds(address) or (self.distrusted is not None and self.distrusted(address)):
            return LocalNetwork(address.version, int(address), address.max_prefixlen, excluded=True)
        return network

    def holds(self, address: Address | None) -> bool:
        """It is local. Raises LookupFailed and MustWait."""
        network = self.find(address)
        return network is not None and not network.excluded
