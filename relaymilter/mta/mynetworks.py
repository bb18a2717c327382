"""mynetworks of Postfix as local networks. There the first item that matches decides, here the most specific network.

What would be local here and is not there is left out; names of clients are never asked.
"""

import ipaddress
from dataclasses import dataclass, field

from relaymilter.mta.match_list import Item, items
from relaymilter.mta.settings import Remark, Setting
from relaymilter.mta.table_name import table_name
from relaymilter.policy.networks import Network, parse_network
from relaymilter.tables.postfix import Keys

_KEY = "local-network"
_LOOPBACK = {4: ipaddress.ip_network("127.0.0.0/8"), 6: ipaddress.ip_network("::1/128")}
_EVERYONE = ("0.0.0.0/0", "::/0")
_GATEWAYS = tuple(ipaddress.ip_address(f"172.{number}.0.1") for number in range(17, 32))
"""Of Docker's networks."""


@dataclass(slots=True)
class Networks:
    """The settings made so far of mynetworks (postconf(5)): the clients that may relay by their address."""

    directory: str
    remarks: list[Remark]
    settings: list[Setting] = field(default_factory=list)
    local: list[Network] = field(default_factory=list)
    excluded: list[Network] = field(default_factory=list)
    blocked: str = ""
    """An exclusion that cannot be carried over, so nothing after it can."""

    def remark(self, item: Item, text: str) -> None:
        self.remarks.append(Remark(item.place, f"{item.written} {text}"))

    def add(self, item: Item, text: str) -> None:
        if all(setting.text != text for setting in self.settings):
            self.settings.append(Setting(_KEY, text, item.place))

    def take(self, item: Item) -> None:
        """Carry one item over, or remark why not."""
        if self.blocked and not item.excluded:
            self.remark(item, f"is not carried over, as it comes after {self.blocked}")
            return
        if item.is_table:
            self.take_table(item)
            return
        bare = item.text.replace("[", "").replace("]", "") if item.text.startswith("[") else item.text
        try:
            network = parse_network(f"!{bare}").network
        except ValueError as error:
            self.refuse(item, str(error))
            return
        self.take_excluded(item, network) if item.excluded else self.take_local(item, network, bare)

    def take_table(self, item: Item) -> None:
        if item.excluded:
            self.refuse(item, "an exclusion by a table cannot be expressed")
            return
        if self.excluded:
            self.remark(item, "is not carried over, as it comes after an exclusion, which it might hold")
            return
        name, problem = table_name(
            item.text, self.directory, Keys.AS_THEY_ARE if item.text.startswith("cidr:") else Keys.EXACT
        )
        if problem:
            self.remark(item, f"is not carried over: {problem}")
        else:
            self.add(item, name)

    def refuse(self, item: Item, why: str) -> None:
        if item.excluded:
            self.blocked = self.blocked or item.written
        elif "/" not in item.text and any(letter.isalpha() for letter in item.text) and ":" not in item.text:
            why = "names of clients are not asked"
        self.remark(item, f"is not carried over: {why}")

    def take_excluded(self, item: Item, network: Network) -> None:
        for local in self.local:
            if _within(network, local):
                self.remark(item, f"comes after {local}, so it means nothing to Postfix; here it excludes")
        self.excluded.append(network)
        self.add(item, f"!{network}")

    def take_local(self, item: Item, network: Network, bare: str) -> None:
        for excluded in self.excluded:
            if _within(network, excluded):
                self.remark(item, f"is not carried over: it comes after !{excluded}, so it means nothing to Postfix")
                return
        try:
            self.add(item, str(parse_network(bare)))
            self.local.append(network)
        except ValueError as error:
            self.take_loopback(item, network, str(error))
        self.doubt(item, network)

    def take_loopback(self, item: Item, network: Network, why: str) -> None:
        """Of a network that is too wide: mail from this machine itself goes on."""
        loopback = _LOOPBACK[network.version]
        if not _within(loopback, network):
            self.remark(item, f"is not carried over: {why}")
            return
        self.add(item, str(loopback))
        self.local.append(loopback)
        self.remark(item, f"is not carried over, but for {loopback}: {why}")

    def doubt(self, item: Item, network: Network) -> None:
        gateways = [gateway for gateway in _GATEWAYS if gateway in network]
        if gateways and not any(gateways[0] in excluded for excluded in self.excluded):
            text = (
                f"{item.written} holds {gateways[0]}, the gateway of a container network: where a proxy of Docker's "
                "takes the connections, every client has that address, and may relay; exclude it, or turn the proxy off"
            )
            self.remarks.append(Remark(item.place, text, network=network))


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


def local_networks(value: str, place: str, directory: str, remarks: list[Remark]) -> list[Setting]:
    """The networks of this value of mynetworks, and remarks on what is not among them. Raises ValueError."""
    networks = Networks(directory, remarks)
    for item in items(value, place, remarks):
        networks.take(item)
    if all(setting.text.startswith("!") for setting in networks.settings):
        # Nobody is local there; without a network the default here would make loopback local.
        networks.settings += [Setting(_KEY, f"!{everyone}", place) for everyone in _EVERYONE]
    return networks.settings
