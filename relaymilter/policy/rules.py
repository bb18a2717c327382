"""What a rule set is made of: relay rules, which open, and restrictions, which close.

Their types keep them apart: a relay rule cannot refuse, a restriction cannot permit. Both may raise LookupFailed, where
an answer could not be had, and MustWait, where it could only be had by waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass

from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.verdict import Defer, NoOpinion, Permit, Reject


@dataclass(frozen=True, slots=True)
class RelayRule:
    """A named way to permit."""

    name: str
    ask: Callable[[Request], Permit | NoOpinion]
    needs: frozenset[Need] = frozenset()
    waits: bool = False
    """It asks tables or a name server that may have to be waited for, after what it has in memory."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A named way to refuse what a rule has permitted."""

    name: str
    ask: Callable[[Request], Reject | Defer | NoOpinion]
    needs: frozenset[Need] = frozenset()
    waits: bool = False
    """As that of a relay rule."""
    warns: bool = False
    """It refuses nothing: what it would refuse is only logged."""
