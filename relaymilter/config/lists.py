"""What is refused though a rule permits it: clients, HELO names, senders, recipients; the lockdown; what only warns."""

from dataclasses import dataclass

from relaymilter.config import entries
from relaymilter.config.forms import DOMAIN, LOGIN, MAILBOX, NETWORK, by_way
from relaymilter.config.option import EntriesOption, ListOption, Option, switch
from relaymilter.config.scalars import absolute
from relaymilter.config.sets import NameSet, NetworkSet
from relaymilter.config.values import Values
from relaymilter.policy.logins import Fold
from relaymilter.policy.networks import Networks, parse_network

DENY_CLIENT = EntriesOption(
    "deny-client", "A network whose clients are refused.", "NET|TYPE:NAME", form=NETWORK, restricts=True
)
DENY_HELO = EntriesOption(
    "deny-helo", "A name in HELO that is refused.", "DOMAIN|TYPE:NAME", form=DOMAIN, restricts=True
)
DENY_SENDER = EntriesOption(
    "deny-sender",
    "A sender that is refused; `<>` is the null sender.",
    "MAILBOX|DOMAIN|TYPE:NAME",
    form=MAILBOX,
    restricts=True,
)
DENY_RECIPIENT = EntriesOption(
    "deny-recipient", "A recipient that is refused.", "MAILBOX|DOMAIN|TYPE:NAME", form=MAILBOX, restricts=True
)
LOCKDOWN = switch("lockdown", "Defer all mail to mailboxes that are not ours.", restricts=True)
LOCKDOWN_FILE = Option(
    "lockdown-file", "The same while this file exists, at once and without a reload.", "PATH", parse=absolute
)
LOCKDOWN_EXEMPT = ListOption(
    "lockdown-exempt", "A login or a network that a lockdown does not concern.", "LOGIN|NET", parse=str
)
WARN = ListOption("warn", "A restriction that only warns, in the log: the name of its option.", "NAME", parse=str)
OPTIONS = (
    *(DENY_CLIENT, DENY_HELO, DENY_SENDER, DENY_RECIPIENT),
    *(LOCKDOWN, LOCKDOWN_FILE, LOCKDOWN_EXEMPT, WARN),
)


@dataclass(frozen=True, slots=True)
class Lockdown:
    """When relaying stops for everyone but a few."""

    on: bool
    file: str | None
    """While it exists, the lockdown is on."""
    logins: NameSet
    networks: Networks


@dataclass(frozen=True, slots=True)
class ListSettings:
    """What is refused. None: nothing."""

    clients: NetworkSet | None
    helo: NameSet | None
    senders: NameSet | None
    recipients: NameSet | None
    lockdown: Lockdown
    warn: frozenset[str]
    """Names of restrictions that refuse nothing."""


def read(values: Values, fold: Fold) -> ListSettings:
    """The lists of what is refused, and the lockdown; `fold` is how logins are compared."""
    return ListSettings(
        clients=values.networks(DENY_CLIENT),
        helo=values.names(DENY_HELO),
        senders=values.names(DENY_SENDER),
        recipients=values.names(DENY_RECIPIENT),
        lockdown=_lockdown(values, fold),
        warn=_warn(values),
    )


def _lockdown(values: Values, fold: Fold) -> Lockdown:
    """Exempt are networks and logins: what is an address or a CIDR is a network."""
    networks, logins = [], []
    for value in values.written(LOCKDOWN_EXEMPT):
        try:
            networks.append(parse_network(value.text))
        except ValueError:
            logins.append(value)
    exempt = entries.names(logins, by_way(LOGIN, fold.of), values.sources)
    if not values.given(LOCKDOWN, LOCKDOWN_FILE):
        values.warn(LOCKDOWN_EXEMPT, "has no effect without lockdown or lockdown-file")
    return Lockdown(values.one(LOCKDOWN), values.maybe(LOCKDOWN_FILE), exempt, Networks(networks))


def _warn(values: Values) -> frozenset[str]:
    """Names of restrictions; one that is not there has no effect."""
    there = values.restrictions
    for name, written in values.each(WARN):
        if name not in there:
            values.problems.error(written.place, f"{name!r} is no restriction; there are {', '.join(there)}")
        elif not there[name]:
            values.problems.warn(written.place, f"{name} has no effect here: there is no such restriction")
    return frozenset(name for name, _ in values.each(WARN))
