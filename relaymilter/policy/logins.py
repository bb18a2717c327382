"""Logins: how they are compared, where they may come from, and whom they may write to.

A login is what {auth_authen} proves: with a realm on Postfix, mostly without one on Sendmail. Restrictions here close
only: they bind whoever has proved a login, whichever rule permitted. Only ASCII letters are folded: str.lower() would
make KELVIN SIGN a `k`, and so another login of one that looks like it.
"""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from relaymilter.policy.domains import ascii_lower
from relaymilter.policy.envelope import Request
from relaymilter.policy.mailboxes import Mailboxes, entry_form, words
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed, Map, Names
from relaymilter.policy.verdict import NoOpinion, Reject, Reply

Ask: TypeAlias = Callable[[Request], Reject | NoOpinion]

CLIENT_REFUSED = Reply(550, "5.7.1", "{recipient}: Login not allowed from this address")
RECIPIENT_REFUSED = Reply(550, "5.7.1", "{recipient}: Recipient not allowed for this login")
"""Not `Relay access denied`: on that fail2ban would lock out a whole office for one user's mistake."""

_NO_LOGIN = NoOpinion("no login")
_UNBOUND = NoOpinion("this login is not bound")
_AT_HOME = NoOpinion("the client is in a network of this login")


class Fold(Enum):
    """What of a login does not count when it is compared: nothing, its case, its realm, or both."""

    EXACT = "exact"
    LOWER = "lower"
    LOCAL = "local"
    LOWER_LOCAL = "lower-local"

    def of(self, login: str) -> str:
        """The form that is compared, of a login or of an entry; an entry `@realm` is in lower case always.

        A login with two `@` keeps both: which of them begins the realm is not certain.
        """
        if login.startswith("@"):
            return ascii_lower(login)
        if self is Fold.EXACT:
            return login
        if self in (Fold.LOWER, Fold.LOWER_LOCAL):
            login = ascii_lower(login)
        if self in (Fold.LOCAL, Fold.LOWER_LOCAL) and login.count("@") == 1:
            login = login.partition("@")[0]
        return login


def realm_key(login: str) -> str | None:
    """`@realm`, in lower case, which stands for every login of a realm; None for a login without one."""
    name, _, realm = login.rpartition("@")
    return "@" + ascii_lower(realm) if name and realm else None


def is_among(login: str, logins: Names, fold: Fold) -> bool:
    """Is this login, or its realm, one of these? One that looks like an entry `@realm` is not. Raises LookupFailed."""
    if login.startswith("@"):
        return False
    if fold.of(login) in logins:
        return True
    realm = realm_key(login)
    return realm is not None and realm in logins


def value_of(login: str, table: Map, fold: Fold) -> str | None:
    """What a map says of a login: of itself, its name without the realm, its realm, or `*`, whichever is there first.

    Raises LookupFailed. The name, because Sendmail tells the realm that a client types, or none: who is bound as `hall`
    is so as `hall@example.org`, too.
    """
    own = fold.of(login)
    value = table.find(own)
    if value is None and not own.startswith("@") and own.count("@") == 1:
        value = table.find(own.partition("@")[0])
    if value is None and (realm := realm_key(login)) is not None:
        value = table.find(realm)
    return table.find("*") if value is None else value


def reject_login_client(networks: Map, fold: Fold) -> Ask:
    """The login may not be used from this address; `networks` has the networks of each login."""

    def ask(request: Request) -> Reject | NoOpinion:
        if not request.login:
            return _NO_LOGIN
        value = value_of(request.login, networks, fold)
        if value is None:
            return _UNBOUND
        address = request.client.address
        found = None if address is None else _networks(value).find(address)
        if found is None or found.excluded:
            return Reject(CLIENT_REFUSED, "the client is in no network of this login")
        return _AT_HOME

    return ask


@lru_cache(4096)
def _networks(value: str) -> Networks:
    try:
        return Networks([parse_network(word) for word in words(value)])
    except ValueError as error:
        raise LookupFailed(f"the networks of a login: {error}") from error


def reject_login_recipient(recipients: Map, fold: Fold, ours: Callable[[Request], str | None]) -> Ask:
    """The login may not write to this mailbox; `recipients` has for each login `none`, or mailboxes and domains.

    `internal` among them stands for mailboxes of ours; `ours` says why a recipient is none, or None.
    """

    def ask(request: Request) -> Reject | NoOpinion:
        if not request.login:
            return _NO_LOGIN
        value = value_of(request.login, recipients, fold)
        if value is None:
            return _UNBOUND
        internal, mailboxes = _recipients(value)
        if mailboxes.match(request.path) is not None:
            return NoOpinion("this login may write to the recipient")
        if internal and ours(request) is None:
            return NoOpinion("the recipient is ours")
        return Reject(RECIPIENT_REFUSED, f"this login may write to {value or 'none'}")

    return ask


@lru_cache(4096)
def _recipients(value: str) -> tuple[bool, Mailboxes]:
    """Whether mailboxes of ours are among them, and which others."""
    try:
        found = {entry_form(word) for word in words(value)}
    except ValueError as error:
        raise LookupFailed(f"the recipients of a login: {error}") from error
    return "internal" in found, Mailboxes(frozenset(found))  # no plain path has either word for a key
