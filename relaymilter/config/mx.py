"""What backing up the mail exchangers of others needs: whose, where they are, this host's own names, name servers."""

import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from relaymilter.config import entries
from relaymilter.config.model import MxBackupSettings
from relaymilter.config.problems import Problems, Value
from relaymilter.config.sets import NetworkSet
from relaymilter.files.reading import note
from relaymilter.policy.domains import domain_form
from relaymilter.policy.networks import LocalNetwork, Networks, parse_address, parse_network
from relaymilter.policy.ports import Table

Values = Mapping[str, list[Value]]

_WIDE = {4: 16, 6: 32}
_PROC = Path("/proc/self/net")
_DNS_SERVER = re.compile(r"\[([^]]+)\](?::([0-9]+))?|([0-9.]+)(?::([0-9]+))?|([0-9A-Fa-f:.]+(?:%.+)?)")
DNS_PORT = 53


def mx_backup(values: Values, sources: entries.Sources) -> MxBackupSettings:
    """All of it; what would open the relay is refused."""
    problems = sources.problems
    listed = values.get("mx-backup", [])
    networks = _networks(values.get("mx-backup-networks", []), sources)
    names = frozenset(_names(values.get("mx-name", []), problems))
    if not listed:
        for value in values.get("mx-backup-networks", [])[:1]:
            problems.warn(value.place, "has no effect without mx-backup")
        return MxBackupSettings(None, networks, names)
    if not networks.asked and all(local.excluded for local in networks.known):
        problems.error(
            listed[0].place,
            "needs mx-backup-networks: without it whoever controls the DNS of such a domain could make this host send "
            "strangers' mail to any server, by an MX record",
        )
    for value in listed:
        if value.text.startswith("["):
            problems.error(value.place, f"{value.text!r} is an address: it has no mail exchanger to back up")
    if "dns-server" not in values:
        note(Path("/etc/resolv.conf"))
    names = names or _own_name(listed[0].place, problems)
    return MxBackupSettings(entries.domains(listed, sources), networks, names)


def _networks(values: list[Value], sources: entries.Sources) -> NetworkSet:
    asked: list[Table] = []
    found = Networks(sources.parsed(values, entries.Form("network", parse_network, _doubt), asked))
    for text in own_addresses() if values else ():
        address = parse_address(text)
        local = address and found.find(address)
        if local and not local.excluded:
            sources.problems.warn(
                values[0].place, f"{local} holds {text}, which is this host: exclude it, it is no backup of itself"
            )
    return NetworkSet(found, tuple(asked))


def _doubt(local: LocalNetwork) -> str | None:
    if local.excluded or local.length >= _WIDE[local.version]:
        return None
    return f"{local} is wide: name the networks of the mail exchangers that are backed up, and nothing else"


def own_addresses() -> list[str]:
    """The addresses of this host, but link-local ones, where Linux tells them."""
    found = []
    try:
        found += re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", (_PROC / "fib_trie").read_text())
        for line in (_PROC / "if_inet6").read_text().splitlines():
            found.append(str(ipaddress.IPv6Address(int(line.split()[0], 16))))
    except OSError:
        pass
    return [text for text in dict.fromkeys(found) if not text.startswith("fe80:")]


def _names(values: list[Value], problems: Problems) -> Iterator[str]:
    for value in values:
        try:
            yield parse_host(value.text)
        except ValueError as error:
            problems.error(value.place, str(error))


def parse_host(text: str) -> str:
    """A full host name in A-label form. Raises ValueError, in words."""
    try:
        form = domain_form(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no host name: {error}") from None
    if form.startswith("[") or "." not in form or form.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is no full host name: give it as MX records have it, such as mx2.example.org")
    return form


def _own_name(place: str, problems: Problems) -> frozenset[str]:
    name = socket.getfqdn()
    try:
        return frozenset({parse_host(name)})
    except ValueError:
        problems.warn(place, f"this host calls itself {name!r}, which no MX record has: give mx-name")
        return frozenset()


def name_servers(values: list[Value], problems: Problems) -> tuple[tuple[str, int], ...]:
    """Address and port of each; none for those of /etc/resolv.conf."""
    found: dict[str, int] = {}
    for value in values:
        try:
            address, port = parse_name_server(value.text)
            if address in found:
                raise ValueError(f"{address} is given twice")
            found[address] = port
        except ValueError as error:
            problems.error(value.place, str(error))
    return tuple(found.items())


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
