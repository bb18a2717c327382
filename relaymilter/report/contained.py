"""Logins that the ledger has held: since when throttled, since when suspended, and what was refused then."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from relaymilter.report.rows import Row

_MOST = 1000
"""Logins."""
_MOST_NETWORKS = 50
_MOST_REASONS = 20
_LONGEST = 120


@dataclass(slots=True)
class Contained:
    """One of them, with times as the log has them; empty for never."""

    throttled: str = ""
    suspended: str = ""
    last: str = ""
    deferred: int = 0
    rejected: int = 0
    networks: set[str] = field(default_factory=set)
    """Addresses of clients: the first ones."""
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def since(self) -> str:
        """The first refusal."""
        return _first(self.throttled, self.suspended)

    @property
    def theft(self) -> bool:
        """It is no plain limit that was reached."""
        return bool(self.suspended) or not all(map(_is_limit, self.reasons))


def _is_limit(reason: str) -> bool:
    """As policy/guard/standing.py says it; of how many networks there may be is no limit, but looks like theft."""
    return reason.startswith("over ") and not reason.endswith(" networks an hour")


def contain(known: dict[str, Contained], rows: Iterable[Row]) -> None:
    """Refusals by the ledger, of logins."""
    for row in rows:
        each = _of(known, (row.login or "")[:_LONGEST])
        if each is None:
            continue
        if row.verdict == "defer":
            each.throttled, each.deferred = _first(each.throttled, row.time), each.deferred + 1
        else:
            each.suspended, each.rejected = _first(each.suspended, row.time), each.rejected + 1
        each.last = max(each.last, row.time)
        if len(each.networks) < _MOST_NETWORKS:
            each.networks.add(row.client[:_LONGEST])
        _count(each.reasons, row.reason[:_LONGEST], 1)


def add_contained(known: dict[str, Contained], login: str, other: Contained) -> None:
    """What another process has counted of a login."""
    each = _of(known, login)
    if each is None:
        return
    each.throttled = _first(each.throttled, other.throttled)
    each.suspended = _first(each.suspended, other.suspended)
    each.last = max(each.last, other.last)
    each.deferred += other.deferred
    each.rejected += other.rejected
    each.networks = {*sorted(each.networks | other.networks)[:_MOST_NETWORKS]}
    for reason, count in other.reasons.items():
        _count(each.reasons, reason, count)


def _of(known: dict[str, Contained], login: str) -> Contained | None:
    if login not in known and len(known) >= _MOST:
        return None
    return known.setdefault(login, Contained())


def _count(reasons: dict[str, int], reason: str, count: int) -> None:
    if reason in reasons or len(reasons) < _MOST_REASONS:
        reasons[reason] = reasons.get(reason, 0) + count


def _first(one: str, other: str) -> str:
    """The earlier of two times, of which either may be none."""
    return min(one or "~", other or "~").rstrip("~")
