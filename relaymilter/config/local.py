"""Who and what is local: networks, domains, domains that are relayed for, and what an MTA says of them."""

from dataclasses import dataclass

from relaymilter.config.forms import DOMAIN, NETWORK
from relaymilter.config.option import EntriesOption, Option
from relaymilter.config.problems import Value
from relaymilter.config.sets import NameSet, NetworkSet
from relaymilter.config.values import Values
from relaymilter.mta.gateways import gateways
from relaymilter.mta.registry import read_mta
from relaymilter.policy.networks import Network

LOCAL_DOMAIN = EntriesOption(
    "local-domain",
    "A domain whose mailboxes are local; `.example.org` stands for its subdomains, `[192.0.2.25]` is a literal.",
    "DOMAIN|file:PATH",
    form=DOMAIN,
)
RELAY_DOMAIN = EntriesOption(
    "relay-domain", "A domain that we relay for, written as a local domain.", "DOMAIN|file:PATH", form=DOMAIN
)
LOCAL_NETWORK = EntriesOption(
    "local-network",
    "A network whose clients may relay: an IPv4 or IPv6 address or CIDR; `!` in front excludes it; "
    "the most specific wins. Naming any replaces the default.",
    "NET|file:PATH",
    form=NETWORK,
    default=("127.0.0.0/8", "::1"),
)
MTA = Option(
    "mta",
    "Take the local networks, local domains and relay domains of this MTA's own configuration, too.",
    "postfix[:DIR]|sendmail[:DIR]",
    parse=read_mta,
)
OPTIONS = (LOCAL_DOMAIN, RELAY_DOMAIN, LOCAL_NETWORK, MTA)


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Whose mail is taken, and to whom."""

    networks: NetworkSet
    domains: NameSet
    """In domain_form; an entry that begins with a dot stands for subdomains."""
    relay_domains: NameSet


def read(values: Values) -> LocalSettings:
    """Local networks and domains, and those to relay for; what the MTA says is added to what is set here."""
    _add_from_mta(values)
    networks = values.networks(LOCAL_NETWORK) or NetworkSet()
    return LocalSettings(networks, values.names(LOCAL_DOMAIN) or NameSet(), values.names(RELAY_DOMAIN) or NameSet())


def _add_from_mta(values: Values) -> None:
    """Each setting that is found goes to the values of its option; remarks become warnings."""
    mta = values.maybe(MTA)
    if mta is None:
        return
    for setting in mta.settings:
        values.add(setting.key, Value(setting.text, setting.place, setting.subdomains))
    for remark in mta.remarks:
        if not _holds_a_gateway(remark.network):  # of that, what is read later warns (shared_address.py)
            values.problems.warn(remark.place, remark.text)


def _holds_a_gateway(network: Network | None) -> bool:
    return network is not None and any(gateway.address in network for gateway in gateways())
