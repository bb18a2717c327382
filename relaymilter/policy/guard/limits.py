"""Limits: so many recipients or messages in so much time, of a login, a client, a network, a sender, or in all.

`500 recipients/day per login`. The unit is always said, since a message may have a thousand recipients.
"""

import re
from enum import Enum
from typing import NamedTuple

from relaymilter.policy.guard.history import History, Unit

_LONGEST = 31 * 86_400

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
UNITS = {"recipients": Unit.RECIPIENTS, "messages": Unit.MESSAGES, "new-recipients": Unit.NEW}
_NAMES = {unit: name for name, unit in UNITS.items()}


class Per(Enum):
    """Of whom there may be so many."""

    LOGIN = "login"
    CLIENT = "client"
    NETWORK = "network"
    """/24 or /48."""
    SENDER = "sender"
    SENDER_DOMAIN = "sender-domain"
    GRANT = "grant"
    ALL = "all"


class Limit(NamedTuple):
    """At most so many in any so many seconds."""

    most: int
    unit: Unit
    seconds: int
    per: Per = Per.LOGIN

    def __str__(self) -> str:
        """As parse_limit() takes it."""
        unit = _NAMES[self.unit]
        whose = "in all" if self.per is Per.ALL else f"per {self.per.value}"
        return f"{self.most} {unit}/{period(self.seconds)} {whose}"

    def exceeded(self, history: History, now: int) -> bool:
        """One more would be too many."""
        return history.window(self.unit, self.seconds).total(now) >= self.most


_LIMIT = re.compile(r"([0-9]{1,9}) (\S+?)/(?:([0-9]{1,4}) )?([a-z]+?)s?(?: (?:per ([a-z-]+)|in (all)))?")


def parse_limit(text: str) -> Limit:
    """`500 recipients/day per login`, `60 messages/10 minutes per client`, `100000 recipients/hour in all`.

    Without whose it is, it is of a login's. Raises ValueError, in words.
    """
    match = _LIMIT.fullmatch(" ".join(text.split()))
    if match is None:
        raise ValueError(f"{text!r} is no limit: give one such as '500 recipients/day per login'")
    most, unit, times, length, subject, in_all = match.groups()
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is no unit of a limit: give one of {', '.join(UNITS)}")
    seconds = PERIODS.get(length, 0) * int(times or 1)
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"{length!r} is no time of a limit: give {', '.join(PERIODS)}, or several, up to 31 days")
    try:
        per = Per(subject or in_all or "login")
    except ValueError:
        subjects = ", ".join(per.value for per in Per)
        raise ValueError(f"{subject!r} is nobody who can have a limit: give one of {subjects}") from None
    if UNITS[unit] is Unit.NEW and per is not Per.LOGIN:
        raise ValueError(f"new-recipients are counted per login alone, not per {per.value}")
    return Limit(int(most), UNITS[unit], seconds, per)


def period(seconds: int) -> str:
    """`day`, `10 minutes`: the longest name that fits."""
    name, length = max((item for item in PERIODS.items() if seconds % item[1] == 0), key=lambda item: item[1])
    return name if seconds == length else f"{seconds // length} {name}s"
