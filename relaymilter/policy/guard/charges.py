"""What is sent is charged to who sends it, and refused where that is too much: the last restriction that is asked.

Last, because a recipient that another restriction refuses must not be charged. Whoever is over a limit is charged
nothing more. Mailboxes of ours, postmaster among them, and the administrators can always be reached, for nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.guard.counting import count, take_back
from relaymilter.policy.guard.footprint import DAY
from relaymilter.policy.guard.history import Standing, Unit
from relaymilter.policy.guard.limits import Limit, Per, parse_limit
from relaymilter.policy.guard.marks import login_subject, sent, subject
from relaymilter.policy.guard.novelty import LIFETIME, Novelty
from relaymilter.policy.guard.owed import Owed, charge_owed
from relaymilter.policy.guard.releasing import suspend
from relaymilter.policy.guard.standing import FINE, Judgement, Terms, judge
from relaymilter.policy.logins import Fold, bound_of
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.ports import Ledger, LookupFailed, Map, MustWait, may_wait
from relaymilter.policy.recipients import Ours
from relaymilter.policy.rules import Restriction, by_smtp
from relaymilter.policy.verdict import Counted, Defer, NoOpinion, Reject, Reply

OVER_LIMIT = Reply(450, "4.7.1", "{recipient}: Sending limit reached for this account")
SUSPENDED = Reply(550, "5.7.1", "{recipient}: Account suspended for relaying")
"""Neither is what fail2ban takes for an attack: it would lock out a whole office for one login."""

WITHOUT_LEDGER = (Limit(20, Unit.RECIPIENTS, 3600), Limit(20, Unit.RECIPIENTS, 3600, Per.CLIENT))
"""While the ledger does not answer, counted by each process for itself."""
_NO_NOVELTY = Novelty(None, None, None, None)

Charged: TypeAlias = tuple[str, tuple[Limit, ...]]
"""A subject, and what it is held to."""

_OURS = NoOpinion("the recipient is ours")
_ADMINISTRATOR = NoOpinion("the recipient is an administrator")
_WITHIN = Counted(FINE.reason)


@dataclass(frozen=True, slots=True)
class Charges:
    """Who is charged what, where, and when it is too much."""

    ledger: Ledger
    spare: Ledger
    """In memory, for while the other does not answer."""
    key: bytes
    """Of the hashes of addresses: 16 to 64 octets, kept secret."""
    clock: Callable[[], float]
    """Unix time."""
    ours: Ours
    fold: Fold = Fold.EXACT
    terms: Terms = Terms()
    """Of every login that is not named."""
    others: tuple[Limit, ...] = ()
    """Of whoever else is charged."""
    named: Map[tuple[Limit, ...]] | None = None
    """Other limits for some logins, in place of all others, as parse_named() has them."""
    administrators: Mailboxes | None = None
    grant: Callable[[Request], str | None] | None = None
    """The name of the grant by which a request is permitted, or None."""
    notice: Callable[[str, Judgement], None] | None = None
    """Called with the subject, once for each step of a login's standing downward."""
    on_spare: Callable[[], None] | None = None
    """Called for each recipient that is judged without the ledger."""
    owed: Owed = field(default_factory=Owed, compare=False)
    """What the small limits let pass, until the ledger is told."""

    @property
    def counts_messages(self) -> bool:
        """Messages may be charged, and so may have to be given back."""
        return self.named is not None or any(
            limit.unit is Unit.MESSAGES for limit in (*self.terms.limits, *self.others)
        )

    def terms_of(self, login: str) -> Terms:
        """What this login is held to. Raises LookupFailed and MustWait."""
        limits = None if self.named is None else bound_of(login, self.named)
        if limits is None:
            return self.terms
        novelty = self.terms.novelty
        new = next((None for limit in limits if limit.unit is Unit.NEW), novelty.new)
        return Terms(limits, novelty._replace(new=new) if limits else _NO_NOVELTY)

    def judge(self, request: Request) -> Judgement:
        """Charge one recipient that is permitted and not ours, or say why not. Raises LookupFailed and MustWait.

        While the ledger fails, the small limits count that are kept in memory.
        """
        now = int(self.clock())
        others, login = self._others(request), self._login(request)
        try:
            judgement = self._charge(request, others, login, now)
        except LookupFailed as failure:
            if self.on_spare is not None:
                self.on_spare()
            spare = _subjects(request, self.fold, None, WITHOUT_LEDGER)
            judgement = _count(self.spare, spare, request.opens, now)
            if judgement is FINE and login is not None:
                self.owed.add(login[0], now)
            return judgement._replace(reason=f"{judgement.reason}, without the ledger: {failure}")
        if judgement.standing is Standing.SUSPENDED and login is not None:
            self.spare.update(login[0], now, (), suspend(now, now + DAY))
        return judgement

    def give_back(self, request: Request, then: float) -> None:
        """A message was not sent after all, whose first recipient was permitted just before `then`.

        Only messages are given back: what was said to RCPT was said. Raises LookupFailed and MustWait.
        """
        now, login = int(then), self._login(request)
        held = [(name, limits, 0) for name, limits in self._others(request)]
        if login is not None:
            held.append((login[0], login[1].limits, LIFETIME))
        for name, limits, lifetime in held:
            messages = tuple(limit for limit in limits if limit.unit is Unit.MESSAGES)
            if messages:
                self.ledger.update(name, now, (), take_back(messages, True, now, lifetime))

    def _charge(self, request: Request, others: list[Charged], login: tuple[str, Terms] | None, now: int) -> Judgement:
        """The login last: what the others are charged can be given back without a trace."""
        judgement = _count(self.ledger, others, request.opens, now)
        if judgement is not FINE or login is None:
            return judgement
        name, terms = login
        recipient = sent(request, self.key)
        try:
            self._charge_owed(name, terms, now)
            judgement = self.ledger.update(name, now, recipient.asks, judge(terms, recipient, request.opens, now))
        except MustWait:  # the same recipient is asked for again, in a thread that may wait
            _take_back(self.ledger, others, request.opens, now)
            raise
        if judgement is not FINE:
            _take_back(self.ledger, others, request.opens, now)
        if judgement.evidence is not None and self.notice is not None:
            self.notice(name, judgement)
        return judgement

    def _charge_owed(self, name: str, terms: Terms, now: int) -> None:
        """Before anything else is judged by that record."""
        debt = self.owed.take(name)
        if not debt:
            return
        try:
            self.ledger.update(name, now, (), charge_owed(terms.limits, debt, now))
        except (LookupFailed, MustWait):
            self.owed.put_back(name, debt)
            raise

    def _login(self, request: Request) -> tuple[str, Terms] | None:
        login = request.bound_login
        return None if not login else (login_subject(login, self.fold), self.terms_of(login))

    def _others(self, request: Request) -> list[Charged]:
        """Who is charged beside the login."""
        if not self.others:
            return []
        grant = None if self.grant is None else self.grant(request)
        return _subjects(request, self.fold, grant, self.others)


def defer_over_limit(charges: Charges) -> Restriction:
    """The login, or whoever else is charged, has sent too much, or what looks stolen; or it is suspended."""

    def ask(request: Request) -> Reject | Defer | NoOpinion:
        if charges.ours.holds(request):
            return _OURS
        if charges.administrators is not None and charges.administrators.match(request.path) is not None:
            return _ADMINISTRATOR
        judgement = charges.judge(request)
        if judgement.standing is Standing.GOOD:
            return _WITHIN if judgement is FINE else NoOpinion("%s", judgement.reason)
        if judgement.standing is Standing.SUSPENDED:
            return Reject(SUSPENDED, judgement.reason)
        return Defer(OVER_LIMIT, judgement.reason)

    waits = may_wait(charges.ours, charges.administrators, charges.named, charges.ledger)
    return Restriction("ledger", by_smtp(ask), frozenset({Need.HELO, Need.MECHANISM, Need.TLS}), waits)


@lru_cache(4096)
def parse_named(value: str) -> tuple[Limit, ...]:
    """The limits of a login as a table has them: `6000 recipients/day, 500 new-recipients/day`; none: `unlimited`.

    Raises ValueError.
    """
    if value.strip() == "unlimited":
        return ()
    limits = tuple(parse_limit(text) for text in value.split(","))
    if any(limit.per is not Per.LOGIN for limit in limits):
        raise ValueError("the limits of a login can only be per login")
    return limits


def _subjects(request: Request, fold: Fold, grant: str | None, limits: tuple[Limit, ...]) -> list[Charged]:
    limits_of: dict[str, tuple[Limit, ...]] = {}
    for limit in limits:
        name = subject(limit.per, request, fold, grant)
        if name is not None:
            limits_of[name] = (*limits_of.get(name, ()), limit)
    return list(limits_of.items())


def _count(ledger: Ledger, charged: list[Charged], opens: bool, now: int) -> Judgement:
    """One after the other; where one objects, those before it get back what they were charged."""
    for number, (name, limits) in enumerate(charged):
        try:
            judgement = ledger.update(name, now, (), count(limits, opens, now))
        except MustWait:
            _take_back(ledger, charged[:number], opens, now)
            raise
        if judgement is not FINE:
            _take_back(ledger, charged[:number], opens, now)
            return judgement
    return FINE


def _take_back(ledger: Ledger, charged: list[Charged], opens: bool, now: int) -> None:
    for name, limits in charged:
        ledger.update(name, now, (), take_back(limits, opens, now))
