"""What an administrator does to a login: suspend it, and release it."""

from collections.abc import Callable

from relaymilter.policy.guard.footprint import DAY
from relaymilter.policy.guard.history import Cause, History, Standing, Unit, decode, encode
from relaymilter.policy.guard.novelty import HOUR, LIFETIME
from relaymilter.policy.guard.standing import FOREVER, WEEK
from relaymilter.policy.ports import Change, Past


def suspend(now: int, until: int = FOREVER) -> Callable[[Past], Change[None]]:
    """An administrator suspends a login; `until` it is forgotten."""

    def change(past: Past) -> Change[None]:
        history = History(now) if past.record is None else decode(past.record)
        history.stand(Standing.SUSPENDED, Cause.ADMINISTRATOR, now, 0)
        return Change(None, encode(history), until)

    return change


def release(now: int) -> Callable[[Past], Change[bool]]:
    """An administrator lets a login go on, with new room for what is new: whether there was anything to release."""

    def change(past: Past) -> Change[bool]:
        if past.record is None:
            return Change(False)
        history = decode(past.record)
        if history.standing is Standing.GOOD:
            return Change(False)
        history.stand(Standing.GOOD, Cause.NONE, now, 0)
        for seconds in (HOUR, DAY, WEEK):
            history.windows.pop((Unit.STRANGE, seconds), None)
        for unit, seconds in ((Unit.NEW, DAY), (Unit.REFUSED, DAY), (Unit.NETWORKS, HOUR)):
            history.windows.pop((unit, seconds), None)
        return Change(True, encode(history), now + LIFETIME)

    return change
