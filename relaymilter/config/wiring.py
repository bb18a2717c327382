"""The composition root: settings -> the rule set that decides by them."""

from relaymilter.config.model import PolicySettings
from relaymilter.policy import relay
from relaymilter.policy.domains import DomainList
from relaymilter.policy.networks import Networks
from relaymilter.policy.ruleset import Ruleset


def ruleset(settings: PolicySettings) -> Ruleset:
    """The relay rules in their order; the first that permits ends the search."""
    local = DomainList(settings.local_domains)
    relayed = DomainList(settings.relay_domains)
    ours = (local, relayed)
    rules = (
        relay.permit_not_by_smtp(),
        relay.permit_local_client(Networks(settings.local_networks)),
        relay.permit_authorised_login(settings.authorised_logins),
        relay.permit_local_recipient(local, ours),
        relay.permit_relay_domain(relayed, ours),
    )
    return Ruleset(rules=rules, refusals=settings.refusals)
