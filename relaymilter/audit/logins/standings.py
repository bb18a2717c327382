"""What an administrator does to logins in a ledger: suspend, release, forget; and what that changed.

Each is one change of the ledger, atomic like those of the daemon, which may run meanwhile and goes by it at the next
recipient.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

from relaymilter.audit.logins.accounts import Stand, readable, stand
from relaymilter.policy.guard.history import Standing, decode
from relaymilter.policy.guard.marks import MOST_NAME, login_subject
from relaymilter.policy.guard.releasing import release, suspend
from relaymilter.policy.logins import Fold
from relaymilter.policy.ports import Change, Ledger, Past


class Outcome(Enum):
    """Of one login."""

    SUSPENDED = "suspended"
    SUSPENDED_ALREADY = "was suspended already"
    RELEASED = "released"
    GOOD_ALREADY = "stood well already"
    FORGOTTEN = "forgotten"
    UNKNOWN = "nothing is known of it"

    @property
    def changed(self) -> bool:
        """The ledger is not as it was."""
        return self in (Outcome.SUSPENDED, Outcome.RELEASED, Outcome.FORGOTTEN)


def subject_of(ledger: Ledger, login: str, fold: Fold, now: int) -> str:
    """The subject that a login is, as given or as `logins list` names it. Raises LookupFailed and MustWait.

    The name of a very long one ends in a hash there, and stands for itself.
    """
    listed = f"login {login}"
    if len(login) > MOST_NAME and ledger.read(listed, now) is not None:
        return listed
    return login_subject(login, fold)


def suspend_login(ledger: Ledger, subject: str, now: int) -> tuple[Outcome, Stand | None]:
    """It is refused from now on. What came of it, and how it stood before. Raises LookupFailed and MustWait."""
    before = ledger.update(subject, now, (), _noting(suspend(now), now, unless=Standing.SUSPENDED))
    already = before is not None and before.standing is Standing.SUSPENDED
    return Outcome.SUSPENDED_ALREADY if already else Outcome.SUSPENDED, before


def release_login(ledger: Ledger, subject: str, now: int) -> tuple[Outcome, Stand | None]:
    """It may go on. What came of it, and how it stood before. Raises LookupFailed and MustWait."""
    before = ledger.update(subject, now, (), _noting(release(now), now, unless=Standing.GOOD))
    if before is None:
        return Outcome.UNKNOWN, None
    return Outcome.GOOD_ALREADY if before.standing is Standing.GOOD else Outcome.RELEASED, before


def forget_login(ledger: Ledger, subject: str, now: int) -> tuple[Outcome, Stand | None]:
    """It is as one that was never heard of: a suspension is over, and what is new is learned again."""
    record = ledger.read(subject, now)
    before = None if record is None else readable(record, now)
    return Outcome.FORGOTTEN if ledger.forget(subject) else Outcome.UNKNOWN, before


def _noting(
    change: Callable[[Past], Change[Any]], now: int, unless: Standing
) -> Callable[[Past], Change[Stand | None]]:
    """This change, but for a login that stands so already; its result is how the login stood before."""

    def noting(past: Past) -> Change[Stand | None]:
        before = None if past.record is None else stand(decode(past.record), now)
        if before is not None and before.standing is unless:
            return Change(before)
        return change(past)._replace(result=before)

    return noting
