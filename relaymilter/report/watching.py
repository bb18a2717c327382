"""What the live view knows: the decisions of the last minute, the last refusals, logins that are refused."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from relaymilter.report.findings import harmless
from relaymilter.report.rows import Row, row, said

_MINUTE = 60
_MOST_RECENT = 200_000
"""Decisions of a minute that are kept; a rate beyond that is too low."""
_MOST_REFUSALS = 200
_MOST_LOGINS = 200


class Trouble(NamedTuple):
    """A login that is refused."""

    standing: str
    refused: int
    last: str
    why: str


@dataclass(slots=True)
class Watching:
    """Told of each line as it comes."""

    decisions: int = 0
    unread: int = 0
    _recent: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=_MOST_RECENT))
    _refusals: deque[Row] = field(default_factory=lambda: deque(maxlen=_MOST_REFUSALS))
    _troubled: OrderedDict[str, Trouble] = field(default_factory=OrderedDict)

    def see(self, line: str, now: float) -> str | None:
        """A line, at this moment: what a plain log of it shows, if anything."""
        decision = row(line)
        if decision is None:
            return self._said(line)
        self.decisions += 1
        self._recent.append((now, decision.verdict))
        if decision.verdict != "permit":
            self._refusals.appendleft(decision)
            if decision.login:
                self._trouble(decision)
        return " ".join(_cells(decision))

    def rates(self, now: float) -> dict[str, int]:
        """Decisions of the last minute, by verdict."""
        while self._recent and self._recent[0][0] <= now - _MINUTE:
            self._recent.popleft()
        counts = {"permit": 0, "reject": 0, "defer": 0}
        for _, verdict in self._recent:
            counts[verdict] += 1
        return counts

    def refusals(self, most: int) -> list[tuple[str, ...]]:
        """The last ones, the newest first."""
        return [_cells(each) for each in [*self._refusals][: max(0, most)]]

    def troubled(self, most: int) -> list[tuple[str | int, ...]]:
        """Logins that are refused, the latest first."""
        latest = [*reversed(self._troubled.items())][:most]
        return [(harmless(login), *each[:2], _of_day(each.last), harmless(each.why)) for login, each in latest]

    def _trouble(self, decision: Row) -> None:
        login = (decision.login or "")[:200]
        known = self._troubled.pop(login, None)
        standing = "refused"
        if decision.rule == "ledger":
            standing = "throttled" if decision.verdict == "defer" else "suspended"
        count = 1 if known is None else known.refused + 1
        self._troubled[login] = Trouble(standing, count, decision.time, decision.reason[:200])
        if len(self._troubled) > _MOST_LOGINS:
            self._troubled.popitem(last=False)

    def _said(self, line: str) -> str | None:
        told = said(line, "")
        if told is None:
            self.unread += bool(line.strip())
            return None
        return harmless(f"{told.what} {told.name}: {told.reason}")


def _cells(decision: Row) -> tuple[str, ...]:
    """Time of day, verdict, rule, client, login, recipient."""
    shown = (decision.verdict, decision.rule, decision.client, decision.login or "-", decision.recipient)
    return (_of_day(decision.time), *map(harmless, shown))


def _of_day(time: str) -> str:
    """`10:00:00`; what is no time as it stands."""
    text = harmless(time)
    return text[11:19] if len(text) > 19 else text
