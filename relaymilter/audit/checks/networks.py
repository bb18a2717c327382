"""Are the clients that may relay by their address those that are meant?

An address in a local network that stands for others, a gateway's or a proxy's, is the most common open relay of today.
"""

import ipaddress
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.config.wiring import ruleset
from relaymilter.lookups import waiting
from relaymilter.mta.match_list import items
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.envelope import client, request
from relaymilter.policy.network_width import public_addresses
from relaymilter.policy.network_width import too_wide as opens_the_relay
from relaymilter.policy.networks import Address, Network, Networks, parse_address, parse_network
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.verdict import Permit
from relaymilter.tables.braces import words

_NOT_WIDE = {4: 24, 6: 48}
"""From this prefix on a public network may well be one site's, whether this host is in it or not."""

_ELSEWHERE = b"<postmaster@relay.invalid>"
"""A recipient of nobody here: .invalid is no domain (RFC 2606 2)."""


class _Side(NamedTuple):
    """One of the two who say which networks are local."""

    name: str
    networks: Networks
    key: str
    """What to change there."""


class _Hiding(NamedTuple):
    """An address that may stand for many clients."""

    name: str
    """Of the finding."""
    address: Address
    what: str
    why: str


def too_wide(seen: Inspected) -> Iterator[Finding]:
    """A network with public addresses of many owners."""
    for side in _sides(seen):
        for local in side.networks:
            if not local.excluded and (why := public_addresses(local.network)):
                change = f"{side.key}: name the networks that are yours"
                severity = Severity.OPEN if side.name == "relaymilter" else Severity.MTA_OPEN
                yield Finding("network-too-wide", severity, _place(seen, side, local.network), f"{local} {why}", change)


def mta_too_wide(seen: Inspected) -> Iterator[Finding]:
    """mynetworks has a network that is so wide that we would not take it."""
    for service in seen.postfix.public if seen.postfix else ():
        with suppress(ValueError):
            for item in items(service.value("mynetworks"), service.place("mynetworks"), []):
                if not item.excluded and not item.is_table and (network := _network(item.text)):
                    why = f"Postfix relays for {network}, which is as good as everybody"
                    line = service.line("mynetworks", "127.0.0.0/8 [::1]/128, and the networks that are yours")
                    if opens_the_relay(network):
                        yield Finding("network-too-wide", Severity.MTA_OPEN, item.place, why, line)


def foreign(seen: Inspected) -> Iterator[Finding]:
    """A wide public network in which this host has no address: somebody else's, such as 192.186.0.0/16 by a slip."""
    for side in _sides(seen):
        for local in side.networks:
            network = local.network
            wide = network.prefixlen < _NOT_WIDE[network.version] and network.is_global and not local.excluded
            if wide and not public_addresses(network) and not any(own in network for own in seen.host.addresses):
                why = f"{network} is public, and no address of this host is in it: is it yours, whole?"
                change = f"{side.key}: leave it out, or name the part that is yours"
                yield Finding("network-foreign", Severity.WARNING, _place(seen, side, network), why, change)


def hiding(seen: Inspected) -> Iterator[Finding]:
    """A gateway, a bridge to containers or a proxy is local: all clients may have its address. One for each network."""
    hidden = [*_gateways(seen), *_proxies(seen)]
    for side in _sides(seen):
        held: dict[Network, list[_Hiding]] = {}
        for each in hidden:
            local = side.networks.find(each.address)
            if (
                local is not None
                and not local.excluded
                and (side.name != "relaymilter" or _doubtful(seen, each.address))
            ):
                held.setdefault(local.network, []).append(each)
        for network, inside in held.items():
            why = f"{network} holds {', and '.join(f'{each.address}, {each.what}' for each in inside)}: {inside[0].why}"
            exclude = " and ".join(dict.fromkeys(f'"!{each.address}"' for each in inside))
            change = f"{side.key}: exclude it, {exclude}"
            yield Finding(inside[0].name, Severity.WARNING, _place(seen, side, network), why, change)


def _gateways(seen: Inspected) -> Iterator[_Hiding]:
    why = "where it hides clients behind itself, every one of them may relay"
    for gateway in seen.host.gateways:
        yield _Hiding("network-holds-gateway", gateway.address, gateway.what, why)


def _proxies(seen: Inspected) -> Iterator[_Hiding]:
    """Those that Postfix has been told of."""
    main = seen.postfix.main if seen.postfix else {}
    if not main.get("smtpd_upstream_proxy_protocol"):
        why = "if it does not tell who connects to it, everybody may relay"
        for address in map(parse_address, words(main.get("proxy_interfaces", ""))):
            if address is not None:
                yield _Hiding("network-holds-proxy", address, "a proxy's (proxy_interfaces)", why)


def _doubtful(seen: Inspected, address: Address) -> bool:
    """It is local, and nobody has said that it is shared by people of ours alone."""
    known = Addresses(seen.reading.settings.policy.shared.known)
    return not known.holds(address) and _is_local(seen, address)


def _is_local(seen: Inspected, address: Address) -> bool:
    """Would a client at this address relay by it? The rule itself is asked; if it has no answer, the networks count."""
    policy = replace(seen.reading.settings.policy, guard=None)
    rule = next(rule for rule in ruleset(policy).rules if rule.name == "local-client")
    try:
        with waiting.allowing(time.monotonic() + policy.lookups.timeout):
            return isinstance(rule.ask(request(client(str(address)), _ELSEWHERE)), Permit)
    except (LookupFailed, MustWait):
        return True


def _sides(seen: Inspected) -> Iterator[_Side]:
    """Ours, and the MTA's, where it says something else."""
    ours = seen.reading.settings.policy.local.networks.known
    yield _Side("relaymilter", ours, "relaymilter: local-network")
    if seen.local is not None and (theirs := Networks(set(seen.local.networks.known) - set(ours))):
        known = "main.cf: mynetworks" if seen.postfix else "relay-domains"
        yield _Side(seen.mta, theirs, known)


def _place(seen: Inspected, side: _Side, network: Network) -> str:
    """Where it is named: in the MTA's configuration, if it is there, too."""
    places = [each.place for each in (seen.lists.settings if seen.lists else ()) if each.text == str(network)]
    return (places or [f"{side.name}: local-network"])[0]


def _network(text: str) -> Network | None:
    bare = text.replace("[", "").replace("]", "")
    try:
        return parse_network(f"!{bare}").network if "/" in bare else ipaddress.ip_network(bare)
    except ValueError:
        return None
