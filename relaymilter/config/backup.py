"""Backing up the mail exchangers of others: whose, where those are, and this host's own names."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from relaymilter.config.forms import DOMAIN, NETWORK
from relaymilter.config.option import EntriesOption, ListOption
from relaymilter.config.sets import NameSet, NetworkSet
from relaymilter.config.values import Values
from relaymilter.policy.domains import domain_form
from relaymilter.policy.networks import LocalNetwork, parse_address

_WIDE = {4: 16, 6: 32}
_PROC = Path("/proc/self/net")


def parse_host(text: str) -> str:
    """A full host name in A-label form. Raises ValueError, in words."""
    try:
        form = domain_form(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no host name: {error}") from None
    if form.startswith("[") or "." not in form or form.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is no full host name: give it as MX records have it, such as mx2.example.org")
    return form


def _doubt(local: LocalNetwork) -> str | None:
    if local.excluded or local.length >= _WIDE[local.version]:
        return None
    return f"{local} is wide: name the networks of the mail exchangers that are backed up, and nothing else"


MX_BACKUP = EntriesOption(
    "mx-backup",
    "A domain whose mail is taken while the DNS says that this host is a backup MX of it; needs --mx-backup-networks.",
    "DOMAIN|file:PATH",
    form=DOMAIN,
)
MX_BACKUP_NETWORKS = EntriesOption(
    "mx-backup-networks",
    "A network that the best MX of such a domain must be in, with every address; `!` in front excludes it.",
    "NET|file:PATH",
    form=replace(NETWORK, doubt=_doubt),
)
MX_NAME = ListOption(
    "mx-name", "A name that this host has in MX records.", "NAME", parse=parse_host, unset="the host's full name"
)
OPTIONS = (MX_BACKUP, MX_BACKUP_NETWORKS, MX_NAME)


@dataclass(frozen=True, slots=True)
class BackupSettings:
    """Domains whose mail exchangers this host backs up."""

    domains: NameSet | None
    """None: it backs up none."""
    networks: NetworkSet
    """Where their best exchangers are."""
    names: frozenset[str]
    """Of this host, as MX records have them."""


def read(values: Values) -> BackupSettings:
    """The domains to back up, where, and the names of this host; what would open the relay is refused."""
    listed = values.written(MX_BACKUP)
    networks = values.networks(MX_BACKUP_NETWORKS) or NetworkSet()
    _warn_of_this_host(values, networks)
    names = frozenset(name for name, _ in values.each(MX_NAME))
    if not listed:
        values.warn(MX_BACKUP_NETWORKS, "has no effect without mx-backup")
        return BackupSettings(None, networks, names)
    if not networks.asked and all(local.excluded for local in networks.known):
        values.problems.error(
            listed[0].place,
            "needs mx-backup-networks: without it whoever controls the DNS of such a domain could make this host send "
            "strangers' mail to any server, by an MX record",
        )
    for value in listed:
        if value.text.startswith("["):
            values.problems.error(value.place, f"{value.text!r} is an address: it has no mail exchanger to back up")
    return BackupSettings(values.names(MX_BACKUP), networks, names or frozenset(_own_name(values)))


def _warn_of_this_host(values: Values, networks: NetworkSet) -> None:
    for text in own_addresses() if values.given(MX_BACKUP_NETWORKS) else ():
        address = parse_address(text)
        local = address and networks.known.find(address)
        if local and not local.excluded:
            message = f"{local} holds {text}, which is this host: exclude it, it is no backup of itself"
            values.warn(MX_BACKUP_NETWORKS, message)


def own_addresses() -> list[str]:
    """The addresses of this host, but link-local ones, where Linux tells them."""
    addresses = []
    try:
        addresses += re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", (_PROC / "fib_trie").read_text())
        for line in (_PROC / "if_inet6").read_text().splitlines():
            addresses.append(str(ipaddress.IPv6Address(int(line.split()[0], 16))))
    except OSError:
        pass
    return [text for text in dict.fromkeys(addresses) if not text.startswith("fe80:")]


def _own_name(values: Values) -> Iterator[str]:
    name = socket.getfqdn()
    try:
        yield parse_host(name)
    except ValueError:
        values.warn(MX_BACKUP, f"this host calls itself {name!r}, which no MX record has: give mx-name")
