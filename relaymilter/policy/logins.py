"""Logins: how they are compared, where they may come from, and whom they may write to.

A login is what {auth_authen} proves: with a realm on Postfix, mostly without one on Sendmail. Restrictions here close
only: they bind whoever has proved a login, whichever rule permitted. Only ASCII letters are folded: str.lower() would
make KELVIN SIGN a `k`, and so another login of one that looks like it.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import ascii_lower
from relaymilter.policy.envelope import Macros, Need, Request
from relaymilter.policy.mailboxes import Mailboxes, entry_form, words
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import Map, Names, may_wait
from relaymilter.policy.recipients import Ours
from relaymilter.policy.rules import Restriction, with_login
from relaymilter.policy.verdict import NoOpinion, Reject, Reply

T = TypeVar("T")

CLIENT_REFUSED = Reply(550, "5.7.1", "{recipient}: Login not allowed from this address")
RECIPIENT_REFUSED = Reply(550, "5.7.1", "{recipient}: Recipient not allowed for this login")
"""Not `Relay access denied`: on that fail2ban would lock out a whole office for one user's mistake."""

_UNBOUND = NoOpinion("this login is not bound")
_ALLOWED = NoOpinion("this login may write to the recipient")
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


@dataclass(frozen=True, slots=True)
class Ways:
    """By which ways a login must come to be one at all. None: by any."""

    mechanisms: frozenset[str] | None = None
    """Of AUTH, in upper case."""
    listeners: frozenset[str] | None = None
    """Names, addresses or ports of listening sockets."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the MTA must tell for it."""
        mechanism = () if self.mechanisms is None else (Need.MECHANISM,)
        listener = () if self.listeners is None else (Need.LISTENER,)
        return frozenset((*mechanism, *listener))

    def objection(self, macros: Macros) -> NoOpinion | None:
        """Why a login that came so does not count, or None."""
        if self.mechanisms is not None and not _is_one_of(macros.mechanism, self.mechanisms):
            return NoOpinion("the mechanism %s makes no login", macros.mechanism or "that was not told")
        if self.listeners is not None and self.listeners.isdisjoint(macros.listener):
            return NoOpinion("the listener %s takes no logins", " ".join(macros.listener) or "that was not told")
        return None


def _is_one_of(mechanism: str | None, mechanisms: frozenset[str]) -> bool:
    """Postfix gives it as the client typed it; some letters beyond ASCII are ASCII ones in upper case, as dotless i."""
    return mechanism is not None and mechanism.isascii() and mechanism.upper() in mechanisms


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


def bound_of(login: str, table: Map[T]) -> T | None:
    """What a map binds a login to, or None: the first entry of spellings(). Raises LookupFailed and MustWait."""
    return next((value for key in spellings(login) if (value := table.find(key)) is not None), None)


def spellings(login: str) -> dict[str, None]:
    """By what a bound may name a login, the most specific first: as it is, folded, without its realm, its realm, `*`.

    However logins are compared elsewhere: a permission is for the right spelling alone, a bound must catch every one. A
    password store may ignore the case, and Sendmail tells the realm that a client types, or none.
    """
    lower, realm = ascii_lower(login), realm_key(login)
    own = (login, lower, Fold.LOCAL.of(login), Fold.LOCAL.of(lower))
    return dict.fromkeys((*own, "*") if realm is None else (*own, realm, "*"))


def reject_login_client(networks: Map[Addresses]) -> Restriction:
    """The login may not be used from this address; `networks` has those of each login."""

    def ask(request: Request, login: str) -> Reject | NoOpinion:
        home = bound_of(login, networks)
        if home is None:
            return _UNBOUND
        if home.holds(request.client.address):
            return _AT_HOME
        return Reject(CLIENT_REFUSED, "the client is in no network of this login")

    return Restriction("login-networks", with_login(ask), waits=may_wait(networks))


@lru_cache(4096)
def parse_networks(value: str) -> Addresses:
    """The networks of a login as a table has them, parted by blanks or commas. Raises ValueError."""
    return Addresses(Networks(map(parse_network, words(value))))


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom a login may write to: mailboxes and domains in entry_form(); `internal`: ours; `none` is nobody."""

    entries: frozenset[str]

    def allow(self, request: Request, ours: Ours) -> bool:
        """It is one of them. Raises LookupFailed and MustWait. No plain path has one of the two words for a key."""
        if Mailboxes(self.entries).match(request.path) is not None:
            return True
        return "internal" in self.entries and ours.holds(request)

    def __str__(self) -> str:
        return ", ".join(sorted(self.entries)) or "none"


@lru_cache(4096)
def parse_recipients(value: str) -> Recipients:
    """The recipients of a login as a table has them, parted by blanks or commas. Raises ValueError."""
    return Recipients(frozenset(map(entry_form, words(value))))


def reject_login_recipient(recipients: Map[Recipients], ours: Ours) -> Restriction:
    """The login may not write to this mailbox; `recipients` has those of each login."""

    def ask(request: Request, login: str) -> Reject | NoOpinion:
        allowed = bound_of(login, recipients)
        if allowed is None:
            return _UNBOUND
        if allowed.allow(request, ours):
            return _ALLOWED
        return Reject(RECIPIENT_REFUSED, f"this login may write to {allowed}")

    return Restriction("login-recipients", with_login(ask), waits=may_wait(recipients, ours))
