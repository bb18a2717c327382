"""Standing: good, throttled, suspended; and what one more recipient makes of it.

Throttled: what is strange is deferred for a day, what is ordinary goes on; or a plain limit is reached. Suspended: all
that is not ours is refused, until somebody releases the login. What is charged here was sent with the login's password:
nobody without it comes this far, so nobody without it can suspend a login.
"""

from collections.abc import Callable
from typing import NamedTuple

from relaymilter.policy.guard.footprint import DAY, Familiarity
from relaymilter.policy.guard.history import Cause, History, Standing, Unit, decode, encode
from relaymilter.policy.guard.limits import Limit
from relaymilter.policy.guard.novelty import HOUR, LIFETIME, ROOM, Case, Novelty, Seen, Sent, case
from relaymilter.policy.guard.ordinary import ENOUGH, ordinary
from relaymilter.policy.ports import Change, Hash, Past

WEEK = 7 * DAY
MANY_NETWORKS = 5
"""Within an hour."""
TRIAL = 3 * DAY
"""A device is on trial for so long."""
FOREVER = 2**32 - 1
"""Who is suspended is so until somebody releases him, however long he does not try."""


class Terms(NamedTuple):
    """What a login is held to."""

    limits: tuple[Limit, ...] = ()
    novelty: Novelty = Novelty()


class Evidence(NamedTuple):
    """What there is to say of a login when its standing changes."""

    recipients: int
    """New ones of the last day that were permitted."""
    strange: int
    """Per cent of the room for joint novelty that they took."""
    networks: int
    """Of the last hour."""
    refused: int
    """Different recipients refused in the last day."""


class Judgement(NamedTuple):
    """What becomes of one recipient."""

    standing: Standing
    """GOOD: no objection. THROTTLED: not now. SUSPENDED: no."""
    reason: str
    evidence: Evidence | None = None
    """Where this recipient has made the standing worse: once for each step."""


class Objection(NamedTuple):
    """Why a recipient may not be written to now."""

    reason: str
    cause: Cause


FINE = Judgement(Standing.GOOD, "within the limits")
SUSPENDED = Judgement(Standing.SUSPENDED, "the account is suspended")


def judge(terms: Terms, sent: Sent, opens: bool, now: int) -> Callable[[Past], Change[Judgement]]:
    """The change that one recipient makes, for Ledger.update with `sent.asks`; `opens` a message by it."""

    def change(past: Past) -> Change[Judgement]:
        record = ordinary(past, terms.limits, terms.novelty, sent, opens, now)
        return judged(past) if record is None else Change(FINE, record, now + LIFETIME)

    def judged(past: Past) -> Change[Judgement]:
        history = History(now) if past.record is None else decode(past.record)
        if history.standing is Standing.SUSPENDED:
            return Change(SUSPENDED)
        if history.standing is Standing.THROTTLED and not _lasts(history, now):
            history.stand(Standing.GOOD, Cause.NONE, now, 0)
        seen = Seen(*past.seen)
        news = case(history, seen, sent, terms.novelty.strange, opens, now)
        objection = _novel(history, news, sent, terms.novelty, now) or _over(history, news, terms, opens, now)
        if objection is None:
            return _permitted(history, news, terms, sent, opens, seen, now)
        if objection.cause is Cause.NOVELTY:
            return _refused(history, news, sent, terms.novelty, objection, now)
        if history.standing is Standing.THROTTLED:
            return Change(Judgement(Standing.THROTTLED, objection.reason))
        history.stand(Standing.THROTTLED, Cause.LIMIT, now, now + DAY)
        judgement = Judgement(Standing.THROTTLED, objection.reason, evidence(history, now))
        return Change(judgement, encode(history), now + LIFETIME)

    return change


def _lasts(history: History, now: int) -> bool:
    """A throttle is not over, and was not set in a future that a wrong clock saw."""
    return history.since - DAY <= now < history.until


def _over(history: History, news: Case, terms: Terms, opens: bool, now: int) -> Objection | None:
    """The limits that count, whatever is new or not."""
    for limit in terms.limits:
        if _counts(limit, news, opens) and limit.exceeded(history, now):
            return Objection(f"over {limit}", Cause.LIMIT)
    most = terms.novelty.new
    if most is not None and news.new:
        most = max(most, 2 * history.busy_day(Unit.NEW, 3))
        if news.known_device and not news.learning:  # a mail merge goes to as many who are known
            most += min(most, max(0, history.known_lately(now) - history.busy_day(Unit.RECIPIENTS, 3)))
        if history.window(Unit.NEW, DAY).total(now) >= most:
            return Objection(f"over {most} new recipients a day", Cause.LIMIT)
    return None


def _counts(limit: Limit, news: Case, opens: bool) -> bool:
    if limit.unit is Unit.MESSAGES:
        return opens
    return news.new or limit.unit is Unit.RECIPIENTS


def _novel(history: History, news: Case, sent: Sent, novelty: Novelty, now: int) -> Objection | None:
    """Does it look like theft?"""
    if news.share:
        if history.cause is Cause.NOVELTY:
            return Objection("throttled for what looks like theft", Cause.NOVELTY)
        if _strangeness(history, now) + news.share > ROOM:
            return Objection("too much that is new at once in a day", Cause.NOVELTY)
        if not news.known_device and history.window(Unit.STRANGE, WEEK).total(now) + news.share > 2 * ROOM:
            return Objection("too much that is new at once in a week", Cause.NOVELTY)
    if novelty.networks is None or news.network is not Familiarity.NEW:
        return None
    if news.known_device and not (sent.common or news.learning):
        return None
    if history.window(Unit.NETWORKS, HOUR).total(now) < novelty.networks:
        return None
    return Objection(f"over {novelty.networks} networks an hour", Cause.NOVELTY)


def _strangeness(history: History, now: int) -> int:
    """Strangers count for a day, and known recipients for an hour: whoever has them at hand sends at once."""
    return history.window(Unit.STRANGE, DAY).total(now) + history.window(Unit.STRANGE, HOUR).total(now)


def _permitted(
    history: History, news: Case, terms: Terms, sent: Sent, opens: bool, seen: Seen, now: int
) -> Change[Judgement]:
    history.count(now, news.new, normal=not news.share or news.known_device)
    counted = {limit[1:3] for limit in terms.limits if _counts(limit, news, opens)}
    if news.new:
        counted.add((Unit.NEW, DAY))
    elif news.known_device and news.network is Familiarity.NEW:
        counted |= {(Unit.FAMILIAR, HOUR), (Unit.FAMILIAR, DAY)} if news.free else {(Unit.FAMILIAR, HOUR)}
    for unit, seconds in counted:
        history.window(unit, seconds).charge(now)
    if news.share:
        history.window(Unit.STRANGE, DAY if news.new else HOUR).charge(now, news.share)
        if not news.known_device:
            history.window(Unit.STRANGE, WEEK).charge(now, news.share if news.new else news.share // 2)
    history.together = seen.recipient or 0
    _use(history, sent, not news.new, now)
    return Change(FINE, encode(history), now + LIFETIME, _remembered(news, sent, seen, now))


def _use(history: History, sent: Sent, ordinary: bool, now: int) -> None:
    """A network of the login; writing to someone who is known is ordinary."""
    before = history.footprint.use(sent.networks.narrow, now, ordinary)
    history.footprint.use(sent.networks.wide, now, ordinary)
    if not now - HOUR <= before <= now:
        history.window(Unit.NETWORKS, HOUR).charge(now)


def _remembered(news: Case, sent: Sent, seen: Seen, now: int) -> tuple[tuple[Hash, int], ...]:
    """What is not remembered yet, or not for long any more.

    A device is known by ordinary use: at once where the place is known, else after days.
    """
    until = now + LIFETIME
    enough = now + ENOUGH
    remembered = [] if (seen.recipient or 0) >= enough else [(sent.recipient, until)]
    if news.known_device and (seen.program or 0) < enough:
        remembered.append((sent.program, until))
    if (seen.device or 0) >= enough or (news.new and not news.learning):
        return tuple(remembered)
    at_once = news.learning or news.network is not Familiarity.NEW
    if at_once or (seen.trial is not None and seen.trial <= until - TRIAL):
        remembered.append((sent.device, until))
    elif seen.trial is None:
        remembered.append((sent.trial, until))
    return tuple(remembered)


def _refused(
    history: History, news: Case, sent: Sent, novelty: Novelty, objection: Objection, now: int
) -> Change[Judgement]:
    """One who goes on, with ever others, is no owner who tries again."""
    before = history.standing
    if history.cause is not Cause.NOVELTY:
        history.stand(Standing.THROTTLED, Cause.NOVELTY, now, now + DAY)
    if news.new and not news.tried:
        history.window(Unit.REFUSED, DAY).charge(now)
    _use(history, sent, ordinary=False, now=now)
    if novelty.suspend is not None and history.window(Unit.REFUSED, DAY).total(now) >= _patience(
        history, news, novelty.suspend, now
    ):
        history.stand(Standing.SUSPENDED, Cause.NOVELTY, now, 0)
    judgement = Judgement(
        history.standing,
        objection.reason,
        evidence(history, now) if history.standing is not before else None,
    )
    until = FOREVER if history.standing is Standing.SUSPENDED else now + LIFETIME
    return Change(judgement, encode(history), until, ((sent.refused, now + DAY),))


def _patience(history: History, news: Case, suspend: int, now: int) -> int:
    if news.known_device:
        return 4 * suspend
    many = history.window(Unit.NETWORKS, HOUR).total(now) >= MANY_NETWORKS
    return max(1, suspend // 4) if many else suspend


def evidence(history: History, now: int) -> Evidence:
    """What the windows say now."""
    return Evidence(
        history.window(Unit.NEW, DAY).total(now),
        -(-100 * _strangeness(history, now) // ROOM),
        history.window(Unit.NETWORKS, HOUR).total(now),
        history.window(Unit.REFUSED, DAY).total(now),
    )
