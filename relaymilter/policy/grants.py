"""Grants: a narrow trust in place of a wide network. Whoever meets all that a grant asks may send what it allows.

Networks, logins and certificates say who; at least one of them is needed, since senders alone are easy to forge.
Senders, recipients and a last day only narrow it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from relaymilter.policy.certificates import is_listed
from relaymilter.policy.envelope import Request
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Networks
from relaymilter.policy.ports import Names
from relaymilter.policy.senders import sender_path

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. None: this is not asked. Raises ValueError where nothing says who, or `until` is no day."""

    name: str
    networks: Networks | None = None
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

    def names_another(self, request: Request, fold: Fold) -> str | None:
        """What of this client is not what the grant names, or None. Raises LookupFailed."""
        if self.networks is not None:
            address = request.client.address
            found = None if address is None else self.networks.find(address)
            if found is None or found.excluded:
                return "another client"
        if self.logins is not None and not (request.login and is_among(request.login, self.logins, fold)):
            return "another login"
        if self.certificates is not None and not is_listed(request.told.certificate, self.certificates):
            return "another certificate"
        return None

    def objection(self, request: Request, today: str, foreign: Callable[[Request], str | None]) -> str | None:
        """Why the client that the grant names may not send this, or None. Raises LookupFailed.

        `today` is YYYY-MM-DD, `foreign` says why a recipient is not ours.
        """
        if self.until and today > self.until:
            return f"ended on {self.until}"
        if self.senders is not None:
            sender = sender_path(request.sender)
            if sender is None or self.senders.find(sender) is None:
                return "another sender"
        if self.recipients is not None and self.recipients.match(request.path) is not None:
            return None
        if self.to_ours and foreign(request) is None:
            return None
        return "another recipient" if self.to_ours or self.recipients is not None else None
