"""Senders: a login sends only as mailboxes that it owns, as Postfix's smtpd_sender_login_maps has it (postconf(5)).

MAIL FROM is easy to forge, so it never opens anything; but who proves a login, or comes from a local network, can be
held to mailboxes (CVE-2024-7208 and 7209 are what happens otherwise).
"""

from dataclasses import dataclass
from functools import lru_cache

from relaymilter.policy.address import Malformed, Path, parse
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.envelope import Request
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.mailboxes import NULL_PATH, Mailboxes, keys, words
from relaymilter.policy.ports import Map, Names, may_wait
from relaymilter.policy.rules import Restriction, by_smtp, with_login
from relaymilter.policy.verdict import NoOpinion, Reject, Reply

NOT_OWNED = Reply(553, "5.7.1", "{sender}: Sender address rejected: not owned by user {login}")
NOT_ALLOWED = Reply(553, "5.7.1", "{sender}: Sender address rejected: not allowed for this client")

_NULL_SENDER = NoOpinion("the null sender")
_A_SENDER = NoOpinion("not the null sender")
_OTHER_CLIENT = NoOpinion("no local client")
_OWN = NoOpinion("a sender of this login")


def is_null(sender: bytes) -> bool:
    """`<>`, or nothing at all (Postfix, of mail that did not come by SMTP)."""
    return sender in (b"<>", b"")


def sender_path(sender: bytes) -> Path | None:
    """The mailbox of a sender, or NULL_PATH; None where an MTA may read another, or an odd form of the null sender."""
    if is_null(sender):
        return NULL_PATH
    path = _parsed(sender)
    return None if isinstance(path, Malformed) or path.routing or path == NULL_PATH else path


def may_be_null(sender: bytes) -> bool:
    """The null sender, or what an MTA may take for it: `< >`, `<(c)>`, `<<>>` on both, `<"">`, `<@h:>` on Postfix."""
    if is_null(sender):
        return True
    path = _parsed(sender)
    return isinstance(path, Malformed) or path == NULL_PATH


_parsed = lru_cache(256)(parse)
"""The same sender is asked for by several restrictions, and with each recipient."""


def reject_sender_not_owned(owners: Map[Names], fold: Fold) -> Restriction:
    """The sender is no mailbox of the login; `owners` has for a mailbox or a domain the logins that own it.

    The most specific entry decides, with the `+tag` first and then without; an owner may be a realm, `@example.org`.
    The null sender has a setting of its own.
    """

    def ask(request: Request, login: str) -> Reject | NoOpinion:
        sender = sender_path(request.sender)
        if sender is NULL_PATH:
            return _NULL_SENDER
        if sender is None:
            return Reject(NOT_OWNED, "the sender is no certain mailbox")
        key, logins = owners_of(sender, owners)
        if is_among(login, logins, fold):
            return NoOpinion("this login owns %s", key)
        return Reject(NOT_OWNED, f"{key} is owned by others" if key else "nobody owns the sender")

    return Restriction("sender-login", with_login(ask), waits=may_wait(owners))


def owners_of(sender: Path, owners: Map[Names]) -> tuple[str, Names]:
    """The most specific entry for a sender, and who owns it; an empty one and nobody where there is none."""
    for key in keys(sender):
        logins = owners.find(key)
        if logins is not None:
            return key, logins
    return "", frozenset()


@dataclass(frozen=True, slots=True)
class Owned:
    """Which senders are a login's own. None: nothing says so."""

    owners: Map[Names] | None = None
    null_sender: Names | None = None
    """The logins that may use it."""
    fold: Fold = Fold.EXACT

    @property
    def waits(self) -> bool:
        """It may have to be waited for."""
        return may_wait(self.owners, self.null_sender)

    def holds(self, login: str, sender: Path) -> bool:
        """The sender is this login's. Raises LookupFailed and MustWait."""
        if sender is NULL_PATH:
            return self.null_sender is not None and is_among(login, self.null_sender, self.fold)
        return self.owners is not None and is_among(login, owners_of(sender, self.owners)[1], self.fold)


@lru_cache(4096)
def parse_owners(fold: Fold, value: str) -> frozenset[str]:
    """The logins that own a mailbox as a table has them, parted by blanks or commas, folded."""
    return frozenset(map(fold.of, words(value)))


def reject_null_sender(allowed: Names, fold: Fold) -> Restriction:
    """The login may not use the null sender."""

    def ask(request: Request, login: str) -> Reject | NoOpinion:
        if not may_be_null(request.sender):
            return _A_SENDER
        if is_among(login, allowed, fold):
            return NoOpinion("this login may use the null sender")
        return Reject(NOT_OWNED, "this login may not use the null sender")

    return Restriction("null-sender-login", with_login(ask), waits=may_wait(allowed))


def reject_local_client_sender(local: Addresses, senders: Mailboxes, owned: Owned) -> Restriction:
    """A local client may use these senders alone, of which `<>` may be one, and those that its login owns."""

    def ask(request: Request) -> Reject | NoOpinion:
        if not local.holds(request.client.address):
            return _OTHER_CLIENT
        sender = sender_path(request.sender)
        entry = None if sender is None else senders.find(sender)
        if entry is not None:
            return NoOpinion("%s is a sender of local clients", entry)
        if sender is not None and request.login and owned.holds(request.login, sender):
            return _OWN
        return Reject(NOT_ALLOWED, "a local client may not use this sender")

    return Restriction("local-client-sender", by_smtp(ask), waits=may_wait(local, senders, owned))
