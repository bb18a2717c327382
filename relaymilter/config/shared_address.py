"""Addresses behind which others hide: gateways, NAT and proxies that make every client look local."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from relaymilter.config.forms import NETWORK
from relaymilter.config.option import EntriesOption, Option
from relaymilter.config.scalars import choice
from relaymilter.config.sets import NetworkSet
from relaymilter.config.values import Values
from relaymilter.mta.gateways import doubts, gateways
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.local_clients import LocalClients
from relaymilter.policy.networks import Networks

Action: TypeAlias = Literal["warn", "distrust"]

NEVER_LOCAL = EntriesOption(
    "never-local",
    "A network that is never local, whatever --local-network says: name gateways and proxies that hide their clients.",
    "NET|file:PATH",
    form=NETWORK,
)
SHARED_ADDRESS: Option[Action] = Option(
    "shared-address",
    "What to do where a local client's address shows what only many hosts show, as a proxy's does: "
    "warn once a day, or no longer take it for local until `relaymilter trust` or a restart.",
    "warn|distrust",
    parse=choice("warn", "distrust"),
    default="warn",
)
KNOWN_SHARED = EntriesOption(
    "known-shared",
    "A local network whose addresses stand for many hosts or people of ours, such as an office behind NAT or a host of "
    "many web sites: nothing is said of them.",
    "NET|file:PATH",
    form=NETWORK,
)
OPTIONS = (NEVER_LOCAL, SHARED_ADDRESS, KNOWN_SHARED)


@dataclass(frozen=True, slots=True)
class SharedAddressSettings:
    """What is done about addresses that hide others."""

    never: NetworkSet
    """Never local."""
    distrusts: bool
    """An address that looks shared loses its trust."""
    known: Networks
    """Shared by our own."""


def read(values: Values, local: NetworkSet) -> SharedAddressSettings:
    """What is never local, and what is known to be shared; a gateway of this machine that is local is warned of."""
    never = values.networks(NEVER_LOCAL) or NetworkSet()
    known = values.networks(KNOWN_SHARED) or NetworkSet()
    if known.asked:
        values.error("an address is looked for with every session: give networks, or a file of them", KNOWN_SHARED)
    clients = LocalClients(Addresses(local.known), Addresses(Networks([*never.known, *known.known])))
    for doubt in doubts(clients.find, gateways()):
        values.problems.warn("local-network", doubt)
    return SharedAddressSettings(never, values.one(SHARED_ADDRESS) == "distrust", known.known)
