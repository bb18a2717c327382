"""Limits of who has no novelty: clients, networks, senders, all together; and of logins while the ledger fails."""

from collections.abc import Callable

from relaymilter.policy.guard.history import History, Standing, Unit, decode, encode
from relaymilter.policy.guard.limits import Limit
from relaymilter.policy.guard.standing import FINE, SUSPENDED, Judgement
from relaymilter.policy.ports import Change, Past


def count(limits: tuple[Limit, ...], opens: bool, now: int) -> Callable[[Past], Change[Judgement]]:
    """The change that one recipient makes, for Ledger.update; `opens` a message by it."""

    def change(past: Past) -> Change[Judgement]:
        history = History(now) if past.record is None else decode(past.record)
        if history.standing is Standing.SUSPENDED:
            return Change(SUSPENDED)
        charged = _charged(limits, opens)
        for limit in charged:
            if limit.exceeded(history, now):
                return Change(Judgement(Standing.THROTTLED, f"over {limit}"))
        for unit, seconds in {limit[1:3] for limit in charged}:
            history.window(unit, seconds).charge(now)
        return Change(FINE, encode(history), now + _lifetime(limits))

    return change


def take_back(limits: tuple[Limit, ...], opens: bool, now: int, lifetime: int = 0) -> Callable[[Past], Change[None]]:
    """What was charged by these a moment before `now` is taken back; a login's record has a lifetime of its own."""

    def change(past: Past) -> Change[None]:
        if past.record is None:
            return Change(None)
        history = decode(past.record)
        for unit, seconds in {limit[1:3] for limit in _charged(limits, opens)}:
            history.window(unit, seconds).give_back(now)
        return Change(None, encode(history), now + (lifetime or _lifetime(limits)))

    return change


def _charged(limits: tuple[Limit, ...], opens: bool) -> tuple[Limit, ...]:
    return limits if opens else tuple(limit for limit in limits if limit.unit is not Unit.MESSAGES)


def _lifetime(limits: tuple[Limit, ...]) -> int:
    """Seconds until nothing of it is in any window; the clock may step by as much."""
    return 2 * max(limit.seconds for limit in limits)
