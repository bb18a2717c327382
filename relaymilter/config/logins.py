"""Logins and local clients: which logins authorise, and what they, and clients without one, are bound to."""

import re
from dataclasses import dataclass
from functools import partial

from relaymilter.config.forms import LOGIN, MAILBOX, parse_login, parse_mailbox
from relaymilter.config.option import EntriesOption, ListOption, MapOption, Option
from relaymilter.config.sets import MapSet, NameSet
from relaymilter.config.values import Values
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import ascii_lower
from relaymilter.policy.logins import Fold, Recipients, parse_networks, parse_recipients
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import Names
from relaymilter.policy.senders import parse_owners


def _fold(text: str) -> Fold:
    try:
        return Fold(text)
    except ValueError:
        raise ValueError(f"{text!r} is none of {', '.join(fold.value for fold in Fold)}") from None


def _mechanism(text: str) -> str:
    """In upper case (RFC 4422 3.1)."""
    if not re.fullmatch("[A-Za-z0-9_-]{1,20}", text.strip()):
        raise ValueError(f"{text.strip()!r} is no mechanism of AUTH: give one at a time, such as PLAIN")
    return text.strip().upper()


def _listener(text: str) -> str:
    if not text.strip():
        raise ValueError("an empty listener: give a name, an address or a port")
    return text.strip()


def _recipient(word: str) -> str:
    return word if word in ("none", "internal") else parse_mailbox(word)


AUTHORISED_LOGIN = EntriesOption(
    "authorised-login",
    "A login that may relay, as the MTA names it in {auth_authen}.",
    "LOGIN|file:PATH",
    form=LOGIN,
    unset="every login",
)
LOGIN_FOLD = Option(
    "login-fold",
    "What of a login does not count when it is compared: nothing, its case, its realm, or both. Postfix gives "
    "logins with a realm, Sendmail mostly without.",
    "exact|lower|local|lower-local",
    parse=_fold,
    default="exact",
)
LOGIN_MECHANISM = ListOption(
    "login-mechanism",
    "A mechanism of AUTH by which a login counts; one that came by another counts nowhere.",
    "MECHANISM",
    parse=_mechanism,
    unset="every mechanism",
)
LOGIN_LISTENER = ListOption(
    "login-listener",
    "A listening socket of the MTA whose logins count, by its name, address or port.",
    "NAME|ADDRESS|PORT",
    parse=_listener,
    unset="every listener",
)
LOGIN_NETWORKS = MapOption(
    "login-networks",
    "The networks that a login may come from: the login, a blank, and networks; `@example.org` is a realm, `*` all "
    "others.",
    "LOGIN NET...|TYPE:NAME",
    key_form=parse_login,
    word=parse_network,
    restricts=True,
)
LOGIN_RECIPIENTS = MapOption(
    "login-recipients",
    "Whom a login may write to: the login, a blank, and `none`, or any of `internal`, mailboxes and domains.",
    "LOGIN RECIPIENT...|TYPE:NAME",
    key_form=parse_login,
    word=_recipient,
    restricts=True,
)
SENDER_LOGIN = MapOption(
    "sender-login",
    "The logins that own a mailbox or a domain: it, a blank, and logins. With any, a login sends only as what it owns.",
    "MAILBOX LOGIN...|TYPE:NAME",
    key_form=parse_mailbox,
    word=str,
    restricts=True,
)
NULL_SENDER_LOGIN = EntriesOption(
    "null-sender-login",
    "A login that may use the null sender.",
    "LOGIN|TYPE:NAME",
    form=LOGIN,
    unset="every login",
    restricts=True,
)
LOCAL_CLIENT_SENDER = EntriesOption(
    "local-client-sender",
    "A sender that local clients may use, besides those that their login owns: a mailbox, a domain, or `<>`.",
    "MAILBOX|DOMAIN|TYPE:NAME",
    form=MAILBOX,
    unset="every sender",
    restricts=True,
)
OPTIONS = (
    *(AUTHORISED_LOGIN, LOGIN_FOLD, LOGIN_MECHANISM, LOGIN_LISTENER, LOGIN_NETWORKS, LOGIN_RECIPIENTS),
    *(SENDER_LOGIN, NULL_SENDER_LOGIN, LOCAL_CLIENT_SENDER),
)


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """Which logins count, by which ways, and what they may do. None: not bound."""

    authorised: NameSet | None
    """Those that may relay; None: every one."""
    fold: Fold
    mechanisms: frozenset[str] | None
    listeners: frozenset[str] | None
    networks: MapSet[Addresses] | None
    recipients: MapSet[Recipients] | None
    owners: MapSet[Names] | None
    """The logins that own a mailbox, by mailbox."""
    null_sender: NameSet | None
    local_client_senders: NameSet | None


def read(values: Values) -> LoginSettings:
    """Which logins count, and what binds each, by networks, recipients and senders."""
    fold = values.one(LOGIN_FOLD)

    def of_bound(login: str) -> str:
        """What binds a login catches every case of it."""
        return ascii_lower(fold.of(login))

    return LoginSettings(
        authorised=values.names(AUTHORISED_LOGIN, fold.of),
        fold=fold,
        mechanisms=_ways(values, LOGIN_MECHANISM),
        listeners=_ways(values, LOGIN_LISTENER),
        networks=values.map(LOGIN_NETWORKS, of_bound, lambda words: Addresses(Networks(words)), parse_networks),
        recipients=values.map(LOGIN_RECIPIENTS, of_bound, lambda words: Recipients(frozenset(words)), parse_recipients),
        owners=values.map(SENDER_LOGIN, str, lambda words: frozenset(map(fold.of, words)), partial(parse_owners, fold)),
        null_sender=values.names(NULL_SENDER_LOGIN, fold.of),
        local_client_senders=values.names(LOCAL_CLIENT_SENDER),
    )


def _ways(values: Values, option: ListOption[str]) -> frozenset[str] | None:
    """How a login must have come; None: in any way."""
    return frozenset(word for word, _ in values.each(option)) if values.given(option) else None
