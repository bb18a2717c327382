"""A ledger filled from a log: networks, correspondents, programs and busy days of logins, before anything is refused.

Mail is judged as it would have been, so that what looks like theft is not learned, and nobody's standing is changed.
Logins that the ledger knew before are left as they are: what they have done since must not be counted twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeVar

from relaymilter.audit.replay.replaying import asked
from relaymilter.audit.replay.tally import Tally
from relaymilter.config.model import PolicySettings
from relaymilter.config.wiring import wired
from relaymilter.lookups import waiting
from relaymilter.maillog.transaction import Transaction
from relaymilter.observe.printable import printable_text
from relaymilter.policy.guard.standing import FINE
from relaymilter.policy.ports import Change, Hash, Ledger, LookupFailed, Past

T = TypeVar("T")
_LOGIN = "login "


@dataclass(slots=True)
class Learned:
    """What was, and what was not."""

    recipients: int = 0
    logins: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    """Logins of which the ledger knew something before."""
    strange: Tally = field(default_factory=Tally)
    """Recipients by login that are not learned: a limit, or what looks like theft."""

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        yield f"Recipients learned: {self.recipients}, of logins: {len(self.logins)}"
        if self.known:
            yield f"Logins left as they are, since the ledger knows them: {len(self.known)}"
        if len(self.strange):
            yield "Not learned, since it is over a limit or looks like theft:"
        for row in self.strange:
            yield f"  {row.times:>8}  {row.name}: {row.example}"


class _Learning:
    """A Ledger that writes only what is permitted, of logins that were not known."""

    waits = True

    def __init__(self, ledger: Ledger, learned: Learned) -> None:
        self._ledger = ledger
        self._learned = learned
        self.failure: LookupFailed | None = None
        """The first one. Charges go on without a ledger, but there is nothing to learn then."""

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """As Ledger has it, but for that."""
        if not subject.startswith(_LOGIN):
            return change(Past(None, (None,) * len(asks))).result

        def permitted(past: Past) -> Change[T]:
            changed = change(past)
            return changed if changed.result is FINE else Change(changed.result)

        try:
            if self._is_known(subject, now):
                return change(Past(None, (None,) * len(asks))).result
            result = self._ledger.update(subject, now, asks, permitted)
        except LookupFailed as failure:
            self.failure = self.failure or failure
            raise
        if result is FINE:
            self._learned.logins.add(subject)
            self._learned.recipients += 1
        return result

    def _is_known(self, subject: str, now: int) -> bool:
        if subject in self._learned.logins:
            return False
        if subject not in self._learned.known and self._ledger.read(subject, now) is not None:
            self._learned.known.add(subject)
        return subject in self._learned.known

    def read(self, subject: str, now: int, /) -> bytes | None:
        """As Ledger has it."""
        return self._ledger.read(subject, now)

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it."""
        return self._ledger.subjects(prefix, now)

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        return self._ledger.remembered(subject, now)

    def forget(self, subject: str, /) -> bool:
        """It does not."""
        return False


class Learning:
    """Takes transactions in their order."""

    def __init__(self, settings: PolicySettings) -> None:
        """The settings have a ledger, without which there is nothing to learn."""
        self.learned = Learned()
        self._now = 0.0
        guard = settings.guard or _no_ledger()
        self._ledger = _Learning(guard.ledger, self.learned)
        self._policy = wired(replace(settings, guard=replace(guard, ledger=self._ledger)), clock=lambda: self._now)

    def take(self, transaction: Transaction) -> None:
        """Learn from it, as far as it was accepted, had a login, and would be permitted. Raises LookupFailed."""
        if transaction.login is None:
            return
        self._now, opens = transaction.time, True
        for recipient in transaction.recipients:
            if recipient.accepted:
                with waiting.allowing():
                    decision = self._policy.ruleset.decide(asked(transaction, recipient, opens))
                if self._ledger.failure is not None:
                    raise self._ledger.failure
                opens = opens and not decision.charged
                if decision.rule == "ledger":
                    self.learned.strange.add(printable_text(transaction.login), printable_text(decision.verdict.reason))


def _no_ledger() -> NoReturn:
    raise ValueError("there is no ledger")
