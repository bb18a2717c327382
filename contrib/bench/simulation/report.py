"""The tables: what got out, and the false alarms."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from .judges import EXEMPT
from .thefts import FOREIGN, NEWSLETTER
from .trial import Alarms, Leak


def quantile(values: Iterable[int], share: float) -> int:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(leaks: list[Leak]) -> dict[str, Any]:
    """Of one kind of theft, or of several."""
    plain = [leak for leak in leaks if not leak.normal]
    trade = [leak for leak in leaks if leak.normal]
    return {
        "thefts": len(leaks),
        "median": median(leak.recipients for leak in leaks),
        "p95": quantile((leak.recipients for leak in leaks), 0.95),
        "worst": max(leak.recipients for leak in leaks),
        "worst, not by trade": max((leak.recipients for leak in plain), default=0),
        "worst, by trade": max((leak.recipients for leak in trade), default=0),
        "beyond their bound": sum(leak.recipients > leak.bound for leak in leaks),
        "most in a day": max(leak.in_a_day for leak in leaks),
        "stopped": sum(leak.stopped for leak in leaks),
    }


def rates(alarms: Alarms) -> dict[str, Any]:
    """Per 1,000 login-months, without the logins that are named in a table."""
    months = sum(count for kind, count in alarms.months.items() if kind not in EXEMPT)
    throttled, suspended = (
        sum(count for kind, count in found.items() if kind not in EXEMPT)
        for found in (alarms.throttled, alarms.suspended)
    )
    return {
        "login-months": months,
        "throttled": 1000 * throttled / months,
        "suspended": 1000 * suspended / months,
        "by kind": {
            kind: round(1000 * alarms.throttled[kind] / count, 2) for kind, count in sorted(alarms.months.items())
        },
        "alarms": throttled,
        "suspensions": suspended,
    }


def figures(alarms: dict[str, Alarms], leaks: dict[str, dict[str, list[Leak]]]) -> dict[str, Any]:
    """All that the tables and the picture are made of."""
    found: dict[str, Any] = {}
    for name in leaks:
        foreign = [leak for theft in (*FOREIGN, *NEWSLETTER) for leak in leaks[name].get(theft, ())]
        found[name] = {
            "thefts": {theft: summary(of_theft) for theft, of_theft in leaks[name].items()},
            "from foreign networks": summary(foreign) if foreign else None,
            "alarms": rates(alarms[name]),
        }
    return found


_COLUMNS = ("median", "p95", "worst", "worst, not by trade", "worst, by trade", "beyond their bound", "most in a day")


def table(found: dict[str, Any]) -> str:
    """In words, for a terminal."""
    lines = list[str]()
    for name, of_judge in found.items():
        alarms = of_judge["alarms"]
        lines += [
            "",
            name,
            f"  false alarms per 1,000 login-months: throttled {alarms['throttled']:.2f}, suspended "
            f"{alarms['suspended']:.2f} ({alarms['alarms']} and {alarms['suspensions']} in "
            f"{alarms['login-months']}); by kind {alarms['by kind']}",
            f"  {'recipients that got out':<24}" + "".join(f"{column:>21}" for column in _COLUMNS),
        ]
        rows = {**of_judge["thefts"], "all from foreign networks": of_judge["from foreign networks"]}
        for theft, row in rows.items():
            if row is not None:
                lines.append(f"  {theft:<24}" + "".join(f"{row[column]:>21g}" for column in _COLUMNS))
    return "\n".join(lines)
