"""What a rule set is made of: relay rules, which open, and restrictions, which close.

Their types keep them apart: a relay rule cannot refuse, a restriction cannot permit. Both may raise LookupFailed, where
an answer could not be had, and MustWait, where it could only be had by waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.verdict import Defer, NoOpinion, Permit, Reject

Opens: TypeAlias = Callable[[Request], Permit | NoOpinion]
"""What a relay rule says of a request."""
Closes: TypeAlias = Callable[[Request], Reject | Defer | NoOpinion]
"""What a restriction says of a request."""

NO_ADDRESS = NoOpinion("the client has no usable address")
NO_LOGIN = NoOpinion("no login")
NOT_BY_SMTP = NoOpinion("did not come by SMTP, so it cannot be refused")


@dataclass(frozen=True, slots=True)
class RelayRule:
    """A named way to permit."""

    name: str
    ask: Opens
    needs: frozenset[Need] = frozenset()
    waits: bool = False
    """It asks tables or a name server that may have to be waited for, after what it has in memory."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A named way to refuse what a rule has permitted."""

    name: str
    ask: Closes
    needs: frozenset[Need] = frozenset()
    waits: bool = False
    """As that of a relay rule."""
    warns: bool = False
    """It refuses nothing: what it would refuse is only logged."""


def by_smtp(ask: Closes) -> Closes:
    """The same, without an opinion on mail that did not come by SMTP.

    Postfix cannot refuse a recipient of such, and would try the mail again each minute for ever (MILTER_README).
    """

    def guarded(request: Request) -> Reject | Defer | NoOpinion:
        return ask(request) if request.client.by_smtp else NOT_BY_SMTP

    return guarded


def with_login(ask: Callable[[Request, str], Reject | Defer | NoOpinion]) -> Closes:
    """What binds those alone who have proved a login, by whichever way; `ask` is given it."""

    def guarded(request: Request) -> Reject | Defer | NoOpinion:
        login = request.bound_login
        return ask(request, login) if login else NO_LOGIN

    return guarded
