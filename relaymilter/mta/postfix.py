"""The configuration of a Postfix, as `postconf -x` prints it: what it takes to be local, as settings of ours.

Whatever would open more than Postfix does is not carried over, and whatever is not carried over exactly is remarked on.
smtpd_relay_restrictions and access maps are looked through for what is dangerous, and not followed.
"""

from pathlib import Path

from relaymilter.files.reading import use
from relaymilter.mta.domain_list import Domains, domain_settings
from relaymilter.mta.doubts import doubts
from relaymilter.mta.interfaces import own_addresses
from relaymilter.mta.match_list import Item, items
from relaymilter.mta.mynetworks import local_networks
from relaymilter.mta.postconf import parameters
from relaymilter.mta.settings import MtaSettings, Remark, Setting
from relaymilter.policy.networks import Address, parse_address
from relaymilter.tables.postfix import Keys

_EXACT = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains")
"""Lists of local domains, in which a name stands for itself alone."""
_OTHERS = ("relay_domains", "parent_domain_matches_subdomains", "mynetworks", "inet_interfaces", "proxy_interfaces")
_DOUBTFUL = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions", "milter_default_action")
_PARAMETERS = (*_EXACT, *_OTHERS, *_DOUBTFUL, "inet_protocols", "config_directory")


def read(directory: str | None) -> MtaSettings:
    """The settings of the Postfix with main.cf in this directory; None: the usual one. Raises ValueError."""
    values = parameters(directory, "-x", *_PARAMETERS)
    for name in ("main.cf", "master.cf"):
        use(Path(values.get("config_directory", "/etc/postfix")) / name)
    remarks: list[Remark] = []
    settings: list[Setting] = []
    for parameter in _EXACT:
        domains = Domains("local-domain", directory or "", remarks, Keys.EXACT)
        settings += domain_settings(domains, values.get(parameter, ""), _place(parameter))
    settings += _literals(values, remarks)
    settings += _relay_domains(values, directory or "", remarks)
    settings += local_networks(values.get("mynetworks", ""), _place("mynetworks"), directory or "", remarks)
    services = parameters(directory, "-P")
    return MtaSettings(tuple(settings), (*remarks, *doubts(values, services, directory or "")))


def _place(parameter: str) -> str:
    return f"postfix: {parameter}"


def _relay_domains(values: dict[str, str], directory: str, remarks: list[Remark]) -> list[Setting]:
    features = values.get("parent_domain_matches_subdomains", "").replace(",", " ").split()
    keys = Keys.PARENTS if "relay_domains" in features else Keys.AS_THEY_ARE
    domains = Domains("relay-domain", directory, remarks, keys)
    return domain_settings(domains, values.get("relay_domains", ""), _place("relay_domains"))


def _literals(values: dict[str, str], remarks: list[Remark]) -> list[Setting]:
    """Mail to user@[192.0.2.25] is local if that is an address on which Postfix takes mail."""
    families = values.get("inet_protocols", "all").replace(",", " ").split()
    versions = {version for version in (4, 6) if {"all", f"ipv{version}"} & {*families}}
    settings: list[Setting] = []
    for parameter in ("inet_interfaces", "proxy_interfaces"):
        for item in items(values.get(parameter, ""), _place(parameter), remarks):
            addresses = _addresses(item, remarks)
            settings += (_literal(address, item.place) for address in addresses if address.version in versions)
    return settings


def _addresses(item: Item, remarks: list[Remark]) -> list[Address]:
    match item.text:
        case "all":
            return own_addresses()
        case "loopback-only":
            return [address for address in own_addresses() if address.is_loopback]
    address = parse_address(item.text.removeprefix("[").removesuffix("]"))
    if address is not None:
        return [address]
    remarks.append(
        Remark(
            item.place, f"{item.text} is not looked up, so mail to user@[its address] is not local: name the address"
        )
    )
    return []


def _literal(address: Address, place: str) -> Setting:
    return Setting("local-domain", f"[IPv6:{address}]" if address.version == 6 else f"[{address}]", place)
