"""Logins near their limits: the fullest hour and day of each, beside what it may.

The log names a limit only where it is reached (`over 500 recipients/day per login`); a configuration names all.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from relaymilter.policy.guard.history import Unit
from relaymilter.policy.guard.limits import Limit, Per, parse_limit
from relaymilter.policy.ports import LookupFailed
from relaymilter.report.counting import Summary

_LENGTHS = {3600: 13, 86_400: 10}
"""How many characters of a time make an hour, and a day."""
_LEAST = 50
_ASKED = 500
"""Logins whose limits are looked up, those that sent most: a table may be a database."""


class Near(NamedTuple):
    """A login and a limit."""

    login: str
    limit: str
    most: int
    """Recipients in the fullest hour or day."""
    when: str
    share: int
    """Per cent of the limit."""


def near(summary: Summary, limits_of: Callable[[str], Sequence[Limit]]) -> list[Near]:
    """Those above half of a limit, the nearest first."""
    full = sorted(_fullest(summary).items(), key=lambda item: -item[1][86_400][1])
    found = []
    for login, fullest in full[:_ASKED]:
        for limit in {*_configured(limits_of, login), *_named(summary, login)}:
            if limit.seconds in _LENGTHS and limit.unit is Unit.RECIPIENTS and limit.per is Per.LOGIN and limit.most:
                when, most = fullest[limit.seconds]
                found.append(
                    Near(login, str(limit).removesuffix(" per login"), most, when, round(100 * most / limit.most))
                )
    return sorted((each for each in found if each.share >= _LEAST), key=lambda each: (-each.share, each.login))


def _fullest(summary: Summary) -> dict[str, dict[int, tuple[str, int]]]:
    """By login and seconds: when, and how many."""
    sums: dict[str, dict[int, dict[str, int]]] = defaultdict(
        lambda: {seconds: defaultdict(int) for seconds in _LENGTHS}
    )
    for (login, bucket), tally in summary.busy.tallies.items():
        for seconds, length in _LENGTHS.items():
            sums[login][seconds][bucket[:length]] += tally[0]
    return {
        login: {seconds: max(of.items(), key=lambda item: item[1]) for seconds, of in lengths.items()}
        for login, lengths in sums.items()
    }


def _configured(limits_of: Callable[[str], Sequence[Limit]], login: str) -> Sequence[Limit]:
    try:
        return limits_of(login)
    except LookupFailed:
        return ()


def _named(summary: Summary, login: str) -> Iterator[Limit]:
    """What the ledger has said to it."""
    held = summary.contained.get(login)
    for reason in held.reasons if held is not None else ():
        try:
            yield parse_limit(reason.removeprefix("over "))
        except ValueError:
            continue
