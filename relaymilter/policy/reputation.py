"""What the DNS says of clients and senders, for restrictions: lists of clients, the client's name, the sender's domain.

The lists and the name are for strangers alone. Whatever the DNS does not say now is LookupFailed, so it defers; a sure
no is a 5xx. An answer that is needed and not there yet is MustWait.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from relaymilter.policy.address import Malformed, parse
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.block_lists import NEVER_LISTED, Site, Tally, may_be_silent, tally
from relaymilter.policy.certificates import is_listed
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.grants import Grant, Grants
from relaymilter.policy.local_clients import LocalClients
from relaymilter.policy.mailboxes import NULL_PATH
from relaymilter.policy.networks import Address
from relaymilter.policy.ports import BlockLists, HostNames, LookupFailed, MailDomains, MustWait, Names, Outage
from relaymilter.policy.recipients import Ours
from relaymilter.policy.rules import NO_ADDRESS, Closes, Restriction, by_smtp
from relaymilter.policy.senders import is_null
from relaymilter.policy.verdict import Defer, NoOpinion, Reject, Reply

MOST_NAMES = 8
"""Names of a client that are looked up; whoever owns its network can give it any number."""

DOMAIN_NOT_FOUND = Reply(550, "5.1.8", "{sender}: Sender address rejected: Domain not found")
NULL_MX = Reply(550, "5.7.27", "{sender}: Sender address rejected: Domain does not accept mail (nullMX)")
"""RFC 7505 4.2."""
BAD_SENDER = Reply(501, "5.1.7", "Bad sender address syntax")

_WITH_LOGIN = NoOpinion("the client has a login")
_LOCAL = NoOpinion("a local client")
_GRANTED = NoOpinion("a grant covers this mail")
_CERTIFIED = NoOpinion("the client has an authorised certificate")


@dataclass(frozen=True, slots=True)
class Insiders:
    """Who is no stranger: local clients, those with a login, an authorised certificate, or a grant for this mail."""

    local: Addresses | LocalClients
    certificates: Names | None = None
    grants: Grants | None = None
    """Whose mail is covered by one is no stranger."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the MTA must be asked to tell."""
        needs = frozenset[Need]() if self.grants is None else self.grants.needs
        return needs if self.certificates is None else needs | {Need.CERTIFICATE}

    def include(self, request: Request) -> NoOpinion | None:
        """Why this client is no stranger, or None. Raises LookupFailed."""
        if request.login:
            return _WITH_LOGIN
        if self.local.holds(request.client.address):
            return _LOCAL
        if self.certificates is not None and is_listed(request.macros.certificate, self.certificates):
            return _CERTIFIED
        if self.grants is not None and isinstance(self.grants.find(request), Grant):
            return _GRANTED
        return None


def of_strangers(insiders: Insiders, ask: Callable[[Address], Reject | NoOpinion]) -> Closes:
    """What only strangers are asked for, by their address, by SMTP."""

    def guarded(request: Request) -> Reject | Defer | NoOpinion:
        inside, address = insiders.include(request), request.client.address
        return inside or (NO_ADDRESS if address is None else ask(address))

    return by_smtp(guarded)


def reject_listed_client(insiders: Insiders, sites: Iterable[Site], threshold: int, lists: BlockLists) -> Restriction:
    """The lists that hold a stranger's address weigh `threshold` together.

    Lists that do not answer do not matter where the others are enough, or cannot be enough with them; one that is out
    counts as silent where others answer, or has been out for long.
    """
    zones: dict[str, list[Site]] = {}
    for site in sites:
        zones.setdefault(site.zone, []).append(site)

    def ask(address: Address) -> Reject | NoOpinion:
        questions = {zone: partial(_replies, lists, zone, of_zone, address) for zone, of_zone in zones.items()}
        score = tally(zones)
        problems: dict[str, LookupFailed | MustWait] = {}
        for zone, answer in lists.together(questions):
            if isinstance(answer, LookupFailed | MustWait):
                problems[zone] = answer
                continue
            score.take(zones[zone], answer)
            if said := _verdict(address, score, threshold):
                return said
        _pass_over(score, zones, problems)
        if said := _verdict(address, score, threshold):
            return said
        raise _most_urgent(problems.values())

    return Restriction("dnsbl", of_strangers(insiders, ask), insiders.needs, waits=True)


def _verdict(address: Address, score: Tally, threshold: int) -> Reject | NoOpinion | None:
    """What is sure already; None while what is not known may change it."""
    if score.lowest >= threshold:
        worst = max(score.hits, key=lambda site: site.weight)
        return Reject(_blocked(address, worst.zone), f"in {score}")
    return NoOpinion("in %s", score) if score.highest < threshold else None


def _pass_over(score: Tally, zones: Mapping[str, list[Site]], problems: Mapping[str, Exception]) -> None:
    """Count the lists as silent that may be."""
    others_answer = len(problems) < len(zones)
    for zone, problem in problems.items():
        if isinstance(problem, Outage) and may_be_silent(zones[zone], problem, others_answer):
            score.silent.append(zone)
            score.take(zones[zone], ())


def _most_urgent(problems: Iterable[LookupFailed | MustWait]) -> LookupFailed | MustWait:
    """Whoever can wait still learns more than one who cannot."""
    all_problems = list(problems)
    return next((each for each in all_problems if isinstance(each, MustWait)), all_problems[0])


def _replies(lists: BlockLists, zone: str, sites: Iterable[Site], address: Address) -> tuple[Address, ...]:
    """Those of a list that does not list everything, as some do that were closed (RFC 5782 5)."""
    replies = lists.listed(zone, address)
    if any(site.counts(replies) for site in sites) and lists.listed(zone, NEVER_LISTED):
        raise LookupFailed(f"{zone}: it lists {NEVER_LISTED}, and so everything")
    return replies


def _blocked(address: Address, zone: str) -> Reply:
    return Reply(554, "5.7.1", f"Service unavailable; Client host [{address}] blocked using {zone}")


def reject_unconfirmed_client(insiders: Insiders, hosts: HostNames) -> Restriction:
    """No name that the DNS gives a stranger's address has this address in its turn (RFC 8601 3)."""

    def ask(address: Address) -> Reject | NoOpinion:
        names = hosts.names(address)
        failed: LookupFailed | None = None
        for name in names[:MOST_NAMES]:
            try:
                if address in hosts.addresses(name):
                    return NoOpinion("%s is its name", name)
            except LookupFailed as failure:
                if failed is not None:  # who owns the names may make each of them take its time
                    break
                failed = failure
        if failed is not None:
            raise failed
        if len(names) > MOST_NAMES:
            raise LookupFailed(f"{address} has more than {MOST_NAMES} names")
        reply = Reply(550, "5.7.25", f"Client host rejected: cannot find your hostname, [{address}]")
        return Reject(reply, f"{names[0]} is not at {address}" if names else f"{address} has no name")

    return Restriction("forward-confirmed", of_strangers(insiders, ask), insiders.needs, waits=True)


def reject_unknown_sender_domain(ours: Ours, domains: MailDomains) -> Restriction:
    """The sender's domain has neither a mail exchanger nor an address, or takes no mail (RFC 7505).

    For everyone. Domains of ours need not be in the DNS; a sender that cannot be parsed has none that could be.
    """

    def ask(request: Request) -> Reject | NoOpinion:
        sender = NULL_PATH if is_null(request.sender) else parse(request.sender)
        if isinstance(sender, Malformed):
            return Reject(BAD_SENDER, f"the sender cannot be parsed: {sender.reason}")
        domain = sender.domain
        if not domain or domain.startswith("["):
            return NoOpinion("the sender has no domain")
        if ours.has(domain):
            return NoOpinion("the sender is ours")
        if domains.exchangers(domain):
            return NoOpinion("%s has a mail exchanger", domain)
        if domains.refuses_mail(domain):
            return Reject(NULL_MX, f"{domain} takes no mail")
        if domains.addresses(domain):
            return NoOpinion("%s has an address", domain)
        return Reject(DOMAIN_NOT_FOUND, f"{domain} has no mail exchanger and no address")

    return Restriction("sender-domain-exists", by_smtp(ask), waits=True)
