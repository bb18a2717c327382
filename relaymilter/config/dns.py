"""What the DNS is asked: which servers, and what it must say of clients and senders, or must not."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from relaymilter.config.option import Kind, ListOption, Option, switch
from relaymilter.config.scalars import whole
from relaymilter.config.values import Values
from relaymilter.files.reading import note
from relaymilter.policy.block_lists import MAX_WEIGHT, Site, parse_site

DNS_PORT = 53
_DNS_SERVER = re.compile(r"\[([^]]+)\](?::([0-9]+))?|([0-9.]+)(?::([0-9]+))?|([0-9A-Fa-f:.]+(?:%.+)?)")


def parse_name_server(text: str) -> tuple[str, int]:
    """`192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`. Raises ValueError, in words."""
    matched = _DNS_SERVER.fullmatch(text)
    try:
        if matched is None:
            raise ValueError
        six, six_port, four, four_port, bare = matched.groups()
        address = ipaddress.ip_address(six or four or bare)
    except ValueError:
        raise ValueError(f"{text!r} is no name server: give an address, or ADDRESS:PORT, or [ADDRESS]:PORT") from None
    port = int(six_port or four_port or DNS_PORT)
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is no port: give 1 to 65535")
    return str(address), port


DNS_SERVER = ListOption(
    "dns-server",
    "A name server to ask.",
    "ADDRESS[:PORT]",
    parse=parse_name_server,
    unset="those of /etc/resolv.conf",
)
DNSBL = ListOption(
    "dnsbl",
    "A list in the DNS whose clients are refused, strangers alone: its zone, which replies of it count, such as "
    "127.0.0.[2..11], and how much, below 0 for a list of good clients.",
    "ZONE[=REPLY[;REPLY...]][*WEIGHT]",
    parse=lambda text: parse_site(text.strip()),
    restricts=True,
)
DNSBL_THRESHOLD = Option(
    "dnsbl-threshold",
    "What the lists of a refused client weigh together.",
    "N",
    kind=Kind.NUMBER,
    parse=whole("threshold", MAX_WEIGHT),
    default="1",
)
SENDER_DOMAIN_EXISTS = switch(
    "sender-domain-exists", "Refuse a sender whose domain has neither an MX nor an address.", restricts=True
)
FORWARD_CONFIRMED = switch(
    "forward-confirmed", "Refuse strangers whose address has no name that has this address.", restricts=True
)
OPTIONS = (DNS_SERVER, DNSBL, DNSBL_THRESHOLD, SENDER_DOMAIN_EXISTS, FORWARD_CONFIRMED)


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Whom to ask, and what must be known of clients and senders."""

    servers: tuple[tuple[str, int], ...]
    """Address and port of each; none: those of /etc/resolv.conf."""
    sites: tuple[Site, ...]
    threshold: int
    """What the lists of a client weigh that is refused."""
    sender_domain_exists: bool
    forward_confirmed: bool


def read(values: Values, backs_up: bool) -> DnsSettings:
    """Name servers, block lists and what must be in the DNS; `backs_up`: the DNS is asked for mail exchangers, too."""
    settings = DnsSettings(
        servers=_servers(values),
        sites=values.unique(DNSBL),
        threshold=values.one(DNSBL_THRESHOLD),
        sender_domain_exists=values.one(SENDER_DOMAIN_EXISTS),
        forward_confirmed=values.one(FORWARD_CONFIRMED),
    )
    highest = sum(max(0, site.weight) for site in settings.sites)
    if settings.sites and highest < settings.threshold:
        values.warn(DNSBL, f"all lists weigh {highest} together, less than dnsbl-threshold: none is refused")
    if not values.written(DNSBL):
        values.warn(DNSBL_THRESHOLD, "has no effect without dnsbl")
    asks = backs_up or settings.sites or settings.sender_domain_exists or settings.forward_confirmed
    if asks and not values.given(DNS_SERVER):
        note(Path("/etc/resolv.conf"))
    return settings


def _servers(values: Values) -> tuple[tuple[str, int], ...]:
    servers: dict[str, int] = {}
    for (address, port), written in values.each(DNS_SERVER):
        if address in servers:
            values.problems.error(written.place, f"{address} is given twice")
        servers[address] = port
    return tuple(servers.items())
