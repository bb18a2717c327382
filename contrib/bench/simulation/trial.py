"""One login on trial: its honest mail before several judges, and the thefts of it."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from .judges import Judge
from .kinds import login
from .people import DAY, DAYS, START, WARM_UP, Event, Login
from .thefts import Theft

MakeJudge = Callable[[str], Judge]


@dataclass(slots=True)
class Alarms:
    """Of honest logins: what began within a day of the last is the same alarm."""

    throttled: Counter[str] = field(default_factory=Counter)
    """By the kind of the login."""
    suspended: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    early: int = 0
    """In the weeks before those that count."""


def honest(one: Login, makes: dict[str, MakeJudge], alarms: dict[str, Alarms]) -> None:
    """Ask every judge for all that an honest login sends. Somebody releases it a day after it was suspended."""
    events = one.events
    for name, make in makes.items():
        judge, found, last, until = make(one.kind), alarms[name], -DAY, 0
        found.months[one.kind] += (DAYS - WARM_UP) // 30
        for event in events:
            now = event[0]
            if judge.suspended and now >= until:
                judge.release(now)
            before = judge.suspended
            if judge.permits(event):
                continue
            counts = now >= START + WARM_UP * DAY
            if judge.suspended and not before:
                until = now + DAY
                found.suspended[one.kind] += counts
            if now - last >= DAY:
                found.throttled[one.kind] += counts
                found.early += not counts
            last = now


@dataclass(frozen=True, slots=True)
class Leak:
    """What got out of one theft."""

    kind: str
    recipients: int
    in_a_day: int
    """The most in any 24 hours."""
    stopped: bool
    """The login was suspended."""
    normal: int
    """New recipients on the busiest day of the second busiest of the ten weeks before; 0 for who writes to no strangers
    by trade: to twelve on some day of four weeks."""

    @property
    def bound(self) -> int:
        """What may get out at worst."""
        return max(40, 2 * self.normal)


def stolen(
    seed: int,
    number: int,
    thefts: dict[str, Theft],
    makes: dict[str, MakeJudge],
    leaks: dict[str, dict[str, list[Leak]]],
) -> None:
    """Steal one login by every way, at the same moment of some day."""
    one = login(seed, number)
    one.trace()
    random = Random(f"{seed}/{number}/theft")  # noqa: S311
    at = START + random.randrange(WARM_UP, DAYS - 20) * DAY + random.randrange(DAY)
    before = [event for event in one.events if event[0] < at]
    normal = own_normal(before, at)
    for judge_name, make in makes.items():
        warm = make(one.kind)
        for event in before:
            warm.permits(event)
        warm.release(at)
        for name, theft in thefts.items():
            thief = theft(Random(f"{seed}/{number}/{name}"), one, at)  # noqa: S311
            after = [event for event in one.events if event[0] >= at]
            times, stopped = _got_out(warm.copy(), after, thief)
            leak = Leak(one.kind, len(times), _in_a_day(times), stopped, normal)
            leaks[judge_name].setdefault(name, []).append(leak)


def _got_out(judge: Judge, owner: list[Event], thief: Iterable[Event]) -> tuple[list[int], bool]:
    """When recipients of the thief's were permitted, while the owner goes on; until the theft ends, or the login."""
    times = list[int]()
    mine, his = ((event[0], 0, event) for event in owner), ((event[0], 1, event) for event in thief)
    merged = heapq.merge(mine, his, key=lambda item: item[:2])
    for _, who, event in merged:
        if judge.permits(event) and who:
            times.append(event[0])
        if judge.suspended:
            return times, True
    return times, False


def _in_a_day(times: list[int]) -> int:
    window, most = deque[int](), 0
    for time in times:
        window.append(time)
        while window[0] <= time - DAY:
            window.popleft()
        most = max(most, len(window))
    return most


def own_normal(before: list[Event], at: int) -> int:
    """What Leak.normal is, from the trace itself."""
    known, days = set[bytes](), Counter[int]()
    for now, sent, _ in before:
        if sent.recipient not in known:
            known.add(sent.recipient)
            days[(at - now) // DAY] += 1
    weeks = Counter[int]()
    for day, count in days.items():
        if day < 70:
            weeks[day // 7] = max(weeks[day // 7], count)
    busiest = sorted(weeks.values(), reverse=True) + [0] * 4
    return busiest[1] if busiest[3] >= 12 else 0
