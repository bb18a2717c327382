"""A rule set as the daemon has one, over domains and networks that show what can go wrong, and how to ask it.

`kite.test` is the local domain because KELVIN SIGN folds to the `k` in it.
"""

from __future__ import annotations

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import client, request
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed, Names
from relaymilter.policy.recipients import Ours
from relaymilter.policy.relay import (
    permit_authorised_login,
    permit_local_client,
    permit_local_recipient,
    permit_not_by_smtp,
    permit_relay_domain,
)
from relaymilter.policy.rules import RelayRule
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Decision

STRANGER = "203.0.113.7"
NEIGHBOUR = "192.0.2.7"
EXCLUDED = "192.0.2.66"

LOCAL_NAMES = frozenset(
    {"kite.test", ".sub.test", "xn--bcher-kva.test", "[192.0.2.25]", "[ipv6:2001:db8::25]"},
)
RELAY_NAMES = frozenset({"relay.test", "[192.0.2.26]"})
NETWORKS = ("127.0.0.0/8", "::1", "192.0.2.0/24", "!192.0.2.66", "2001:db8:1::/48")


class FailingNames:
    """A table that is down; it remembers whether it was asked."""

    def __init__(self, text: str = "the table is down") -> None:
        self.text = text
        self.asked = False

    def __contains__(self, name: object, /) -> bool:
        self.asked = True
        raise LookupFailed(self.text)


def relay_rules(
    *,
    local: Names = LOCAL_NAMES,
    relayed: Names = RELAY_NAMES,
    logins: Names | None = None,
    networks: tuple[str, ...] = NETWORKS,
) -> tuple[RelayRule, ...]:
    """The relay rules in the order of the daemon."""
    local_domains, relay_domains = DomainList(local), DomainList(relayed)
    ours = Ours(local_domains, (relay_domains,))
    return (
        permit_not_by_smtp(),
        permit_local_client(Addresses(Networks(parse_network(text) for text in networks))),
        permit_authorised_login(logins),
        permit_local_recipient(ours),
        permit_relay_domain(relay_domains, ours),
    )


RULESET = Ruleset(relay_rules())


def decide(
    recipient: bytes | str,
    *,
    address: str = STRANGER,
    port: int | None = 40000,
    login: str | None = None,
    rcpt_addr: bytes | None = None,
    helo: bytes = b"",
    sender: bytes = b"",
    ruleset: Ruleset = RULESET,
) -> Decision:
    """What the rule set says of this recipient, from a stranger unless told otherwise."""
    raw = recipient.encode() if isinstance(recipient, str) else recipient
    asked = request(
        client(address, port), raw, login=login, rcpt_addr=rcpt_addr, helo=helo, sender=sender
    )  # fmt: skip
    return ruleset.decide(asked, trail=True)


def outcome(decision: Decision) -> str:
    """`permit local-recipient`, `reject no-rule`: the verdict and the rule that gave it."""
    return f"{decision.word} {decision.rule}"
