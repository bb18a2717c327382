"""Grants: a narrow trust in place of a wide network. Whoever meets all that a grant asks may send what it allows.

Networks, logins and certificates say who; at least one of them is needed, since senders alone are easy to forge.
Senders, recipients and a last day only narrow it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.certificates import is_listed
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.ports import LookupFailed, MustWait, Names
from relaymilter.policy.recipients import Ours
from relaymilter.policy.senders import sender_path
from relaymilter.policy.verdict import NoOpinion

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_GRANT = NoOpinion("no grant names this client, login and certificate")


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. None: this is not asked. Raises ValueError where nothing says who, or `until` is no day."""

    name: str
    networks: Addresses | None = None
    logins: Names | None = None
    certificates: Names | None = None
    """As parse_certificate() has them."""
    senders: Mailboxes | None = None
    recipients: Mailboxes | None = None
    to_ours: bool = False
    """Mailboxes of ours are recipients, too."""
    until: str = ""
    """The last day, as YYYY-MM-DD; empty: no end."""

    def __post_init__(self) -> None:
        if self.networks is None and self.logins is None and self.certificates is None:
            raise ValueError("a grant needs networks, logins or certificates: a sender alone is easy to forge")
        if self.until and not _DAY.fullmatch(self.until):
            raise ValueError(f"{self.until!r} is no day: give YYYY-MM-DD")

    def names(self, request: Request, fold: Fold) -> bool:
        """This client, by all that the grant asks of it, is whom it is for. Raises LookupFailed."""
        if self.networks is not None and not self.networks.holds(request.client.address):
            return False
        if self.logins is not None and not (request.login and is_among(request.login, self.logins, fold)):
            return False
        return self.certificates is None or is_listed(request.macros.certificate, self.certificates)

    def objection(self, request: Request, today: str, ours: Ours) -> str | None:
        """Why the client that the grant names may not send this, or None. Raises LookupFailed."""
        if self.until and today > self.until:
            return f"ended on {self.until}"
        if self.senders is not None:
            sender = sender_path(request.sender)
            if sender is None or self.senders.find(sender) is None:
                return "another sender"
        if self.recipients is not None and self.recipients.match(request.path) is not None:
            return None
        if self.to_ours and ours.holds(request):
            return None
        return "another recipient" if self.to_ours or self.recipients is not None else None


@dataclass(frozen=True, slots=True)
class Grants:
    """All grants, in their order."""

    grants: tuple[Grant, ...]
    fold: Fold
    today: Callable[[], str]
    """The date of now, as YYYY-MM-DD."""
    ours: Ours

    @property
    def needs(self) -> frozenset[Need]:
        """What the MTA must be asked to tell."""
        certificates = any(grant.certificates is not None for grant in self.grants)
        return frozenset({Need.CERTIFICATE} if certificates else ())

    @property
    def waits(self) -> bool:
        """Whether a recipient is ours may have to be waited for."""
        return self.ours.waits and any(grant.to_ours for grant in self.grants)

    def find(self, request: Request) -> Grant | NoOpinion:
        """The first that covers this mail, or why none does. Raises LookupFailed and MustWait.

        One that cannot be asked ends in no answer only where no other covers it. Of those that name another client, who
        are nearly all, nothing is said.
        """
        day, objections = self.today(), list[str]()
        problem: LookupFailed | MustWait | None = None
        for grant in self.grants:
            try:
                if not grant.names(request, self.fold):
                    continue
                objection = grant.objection(request, day, self.ours)
            except MustWait as must_wait:
                problem = must_wait
            except LookupFailed as failure:
                problem = problem or failure
            else:
                if objection is None:
                    return grant
                objections.append(f"{grant.name}: {objection}")
        if problem is not None:
            raise problem
        return NoOpinion("; ".join(objections)) if objections else _NO_GRANT
