"""Grants: a narrow trust in place of a wide network. Whoever meets all that a grant asks may send what it allows.

Networks, logins and certificates say who; at least one of them is needed, since senders alone are easy to forge.
Senders, recipients and a last day only narrow it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from relaymilter.policy.address import Malformed, parse
from relaymilter.policy.certificates import certificate_key
from relaymilter.policy.envelope import Request
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Networks
from relaymilter.policy.ports import Names


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. None: this is not asked. Raises ValueError where nothing says who."""

    name: str
    networks: Networks | None = None
    logins: Names | None = None
    certificates: Names | None = None
    """As certificate_key() has them."""
    senders: Mailboxes | None = None
    recipients: Mailboxes | None = None
    to_ours: bool = False
    """Mailboxes of ours are recipients, too."""
    until: str = ""
    """The last day, as YYYY-MM-DD; empty: no end."""

    def __post_init__(self) -> None:
        if self.networks is None and self.logins is None and self.certificates is None:
            raise ValueError("a grant needs networks, logins or certificates: a sender alone is easy to forge")

    def objection(
        self, request: Request, today: str, fold: Fold, foreign: Callable[[Request], str | None]
    ) -> str | None:
        """Why this request is not granted, or None. `foreign` says why a recipient is not ours. Raises LookupFailed."""
        if self.until and today > self.until:
            return f"ended on {self.until}"
        return self._who(request, fold) or self._what(request, foreign)

    def _who(self, request: Request, fold: Fold) -> str | None:
        if self.networks is not None:
            address = request.client.address
            found = None if address is None else self.networks.find(address)
            if found is None or found.excluded:
                return "another client"
        if self.logins is not None and not (request.login and is_among(request.login, self.logins, fold)):
            return "another login"
        if self.certificates is not None:
            key = certificate_key(request.told.certificate)
            if key is None or key not in self.certificates:
                return "another certificate"
        return None

    def _what(self, request: Request, foreign: Callable[[Request], str | None]) -> str | None:
        if self.senders is not None:
            sender = parse(request.sender or b"<>")
            if isinstance(sender, Malformed) or sender.routing or self.senders.find(sender) is None:
                return "another sender"
        if self.to_ours and foreign(request) is None:
            return None
        if self.recipients is not None:
            return None if self.recipients.match(request.path) is not None else "another recipient"
        return "another recipient" if self.to_ours else None
