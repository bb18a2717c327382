"""Who judges a login's mail: relaymilter as it comes, and the plain quotas of others as their documents have them.

A judge is made for one login, and asked for each recipient in turn; it permits or not. copy() goes on from here, so
that one history serves several thefts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from relaymilter.policy.guard.footprint import DAY, Networks
from relaymilter.policy.guard.history import Standing
from relaymilter.policy.guard.limits import parse_limit
from relaymilter.policy.guard.novelty import Novelty, Sent
from relaymilter.policy.guard.releasing import release
from relaymilter.policy.guard.standing import Terms, judge
from relaymilter.policy.ports import Change, Hash, Past

from .people import Event


class Judge(Protocol):
    """Of one login."""

    def permits(self, event: Event) -> bool:
        """This recipient, now."""

    def copy(self) -> Judge:
        """Another one that knows the same."""

    @property
    def suspended(self) -> bool:
        """Nothing will be permitted any more, until somebody releases the login."""

    def release(self, now: int) -> None:
        """Somebody does."""


NAMED = {kind: Terms((parse_limit("10000 recipients/day"),), Novelty(new=None)) for kind in ("newsletter", "tickets")}
"""The machines that an administrator names in the table of logins."""

ALTER: dict[str, Callable[[Sent, Random], Sent]] = {
    "": lambda sent, random: sent,
    "device": lambda sent, random: sent._replace(device=random.randbytes(8), common=False),
    "wider": lambda sent, random: sent._replace(
        networks=Networks(sent.networks.narrow, b"." + sent.networks.narrow[1:])
    ),
}
"""relaymilter without one of its marks."""


class Ours:
    """relaymilter's defaults, in the policy's own code; the ledger is that of one login alone."""

    def __init__(self, kind: str, terms: Terms | None = None, without: str = "") -> None:
        self.terms = NAMED.get(kind) or terms or Terms()
        self.record: bytes | None = None
        self.remembered: dict[Hash, int] = {}
        self.suspended = False
        self.random = Random(0)  # noqa: S311
        self.alter = ALTER[without]

    def permits(self, event: Event) -> bool:
        now, sent, opens = event
        sent = self.alter(sent, self.random)
        seen = tuple(
            until if (until := self.remembered.get(ask)) is not None and until > now else None for ask in sent.asks
        )
        changed = judge(self.terms, sent, opens, now)(Past(self.record, seen))
        self._keep(changed)
        self.suspended = changed.result.standing is Standing.SUSPENDED
        return changed.result.standing is Standing.GOOD

    def copy(self) -> Ours:
        other = Ours("", self.terms)
        other.alter = self.alter
        other.random.setstate(self.random.getstate())
        other.record, other.remembered, other.suspended = self.record, dict(self.remembered), self.suspended
        return other

    def release(self, now: int) -> None:
        self._keep(release(now)(Past(self.record, ())))
        self.suspended = False

    def _keep(self, changed: Change[object]) -> None:
        if changed.record is not None:
            self.record = changed.record
            self.remembered.update(changed.remember)


@dataclass(slots=True)
class Quota:
    """At most so many recipients in any so many seconds."""

    most: int
    seconds: int
    times: deque[int] = field(default_factory=deque)

    def full(self, now: int) -> bool:
        while self.times and self.times[0] <= now - self.seconds:
            self.times.popleft()
        return len(self.times) >= self.most


@dataclass(slots=True)
class Quotas:
    """Several of them; what one refuses is counted by none."""

    quotas: tuple[Quota, ...]
    suspended: bool = False

    def permits(self, event: Event) -> bool:
        if any(quota.full(event[0]) for quota in self.quotas):
            return False
        for quota in self.quotas:
            quota.times.append(event[0])
        return True

    def copy(self) -> Quotas:
        return replace(self, quotas=tuple(replace(quota, times=deque(quota.times)) for quota in self.quotas))

    def release(self, now: int) -> None:
        """There is nothing to release."""


@dataclass(slots=True)
class FirstTime:
    """mox: recipients of a day, and those never written to before."""

    all: Quota
    new: Quota
    known: set[Hash] = field(default_factory=set)
    suspended: bool = False

    def permits(self, event: Event) -> bool:
        new = event[1].recipient not in self.known
        if self.all.full(event[0]) or (new and self.new.full(event[0])):
            return False
        self.all.times.append(event[0])
        if new:
            self.new.times.append(event[0])
            self.known.add(event[1].recipient)
        return True

    def copy(self) -> FirstTime:
        quotas = (replace(quota, times=deque(quota.times)) for quota in (self.all, self.new))
        return FirstTime(*quotas, set(self.known))

    def release(self, now: int) -> None:
        """There is nothing to release."""


@dataclass(slots=True)
class Bucket:
    """rspamd: a bucket of so many messages that leaks so many a second."""

    burst: float
    leak: float
    level: float = 0.0
    at: int = 0
    open: bool = False
    suspended: bool = False

    def permits(self, event: Event) -> bool:
        now, _, first = event
        if first:
            self.level = max(0.0, self.level - (now - self.at) * self.leak)
            self.at = now
            self.open = self.level + 1 <= self.burst
            self.level += self.open
        return self.open

    def copy(self) -> Bucket:
        return replace(self)

    def release(self, now: int) -> None:
        """There is nothing to release."""


JUDGES: dict[str, Callable[[str], Judge]] = {
    "relaymilter": Ours,
    "policyd-rate-limit": lambda kind: Quotas((Quota(10, 60), Quota(150, DAY))),
    "postfwd": lambda kind: Quotas((Quota(100, DAY),)),
    "mox": lambda kind: FirstTime(Quota(1000, DAY), Quota(200, DAY)),
    "rspamd": lambda kind: Bucket(100, 10 / 60),
}
"""By name. Where each figure comes from is in README.rst."""
VARIANTS: dict[str, Callable[[str], Judge]] = {
    "without devices": lambda kind: Ours(kind, without="device"),
    "without wider networks": lambda kind: Ours(kind, without="wider"),
    "8 strangers a day": lambda kind: Ours(kind, Terms(novelty=Novelty(strange=8))),
    "30 strangers a day": lambda kind: Ours(kind, Terms(novelty=Novelty(strange=30))),
    "only 200 new a day": lambda kind: Ours(kind, Terms(novelty=Novelty(strange=None, networks=None))),
}
"""relaymilter, altered."""
EXEMPT = ("newsletter", "tickets")
"""Kinds of logins that nobody's quotas fit: administrators exempt them. They are left out of all alarms."""
