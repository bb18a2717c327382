"""Whether a recipient is ours: a mailbox at a domain that is local, or that we relay for.

A plain path is judged by itself. One that an MTA might read otherwise has two witnesses: it is ours only if what the
MTA made of it, {rcpt_addr}, is ours as well. Routing in a local part is never ours.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from relaymilter.policy.address import Malformed, Path, parse
from relaymilter.policy.domains import DomainList, ascii_lower
from relaymilter.policy.envelope import Request
from relaymilter.policy.ports import may_wait
from relaymilter.policy.verdict import NoOpinion

_NO_DOMAIN = NoOpinion("a path without a domain is not a local domain")
_NAME = re.compile(rb"<[A-Za-z0-9._+-]{1,64}>")
"""A name that leaves nothing to interpret."""


class Listed(NamedTuple):
    """A mailbox at a domain that is listed."""

    entry: str
    """Of the list."""
    domain: str
    """Of the mailbox; empty for one that is written without."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Our domains. Raises LookupFailed and MustWait, as those lists do."""

    local: DomainList
    others: tuple[DomainList, ...] = ()
    """That we relay for."""

    @property
    def waits(self) -> bool:
        """Some of the lists may have to be waited for."""
        return may_wait(self.local, *self.others)

    def has(self, domain: str) -> bool:
        """This domain is one of them."""
        return any(each.match(domain) is not None for each in (self.local, *self.others))

    def holds(self, request: Request) -> bool:
        """The recipient is a mailbox at one of them."""
        if isinstance(self.local_mailbox(request), Listed):
            return True
        return any(isinstance(self.mailbox_at(each, request, ""), Listed) for each in self.others)

    def local_mailbox(self, request: Request) -> Listed | NoOpinion:
        """The entry that makes the recipient local, or why none does."""
        path = request.path
        if isinstance(path, Path) and not (path.domain or path.routing):
            return self._unqualified(request, ascii_lower(path.local))
        return self.mailbox_at(self.local, request, "a local domain")

    def _unqualified(self, request: Request, local: str) -> Listed | NoOpinion:
        """A path without a domain: `<postmaster>` is local (RFC 5321 4.5.1).

        Another name is so where nothing in it could be interpreted and the MTA says at which local domain of ours it
        is, as Postfix does; a bare {rcpt_addr} (Sendmail) says not where the name goes: it may be to LOCAL_RELAY.
        """
        if local == "postmaster":
            return self._against(request, "") or Listed("postmaster", "")
        read = None if request.rcpt_addr is None else parse(request.rcpt_addr)
        if not (_NAME.fullmatch(request.recipient) and isinstance(read, Path)):
            return _NO_DOMAIN
        if read.routing or ascii_lower(read.local) != local or self.local.match(read.domain) is None:
            return _NO_DOMAIN
        return Listed(f"{local}@{read.domain}", "")

    def mailbox_at(self, domains: DomainList, request: Request, kind: str) -> Listed | NoOpinion:
        """The entry of these domains that holds the recipient, or why none does; `kind` is what they are, in words."""
        path = request.path
        if isinstance(path, Malformed):
            return NoOpinion("the path cannot be parsed: %s", path.reason)
        if not path.plain and path.routing:
            return NoOpinion("%s asks for routing", path.routing)
        entry = domains.match(path.domain) if path.domain else None
        if entry is None:
            return NoOpinion("%s is not %s", path.domain or "a path without a domain", kind)
        objection = None if path.plain else self._against(request, path.domain)
        return objection or Listed(entry, path.domain)

    def _against(self, request: Request, domain: str) -> NoOpinion | None:
        """What {rcpt_addr} says against a path at `domain` that an MTA might read otherwise, or None.

        A bare name is local (Sendmail); an absent macro says nothing; one that cannot be parsed is against it.
        """
        if request.rcpt_addr is None:
            return None
        path = parse(request.rcpt_addr)
        if not isinstance(path, Path):
            return NoOpinion("the MTA's reading of the path cannot be parsed: %s", path.reason)
        if path.routing:
            return NoOpinion("the MTA's reading of the path has %s", path.routing)
        if path.domain and path.domain != domain and not self.has(path.domain):
            return NoOpinion("the MTA reads the path as a mailbox at %s", path.domain)
        return None
