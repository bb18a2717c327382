"""What limits and marks say of a login now, with one more recipient: for explain. Nobody is charged."""

from collections.abc import Iterator

from relaymilter.audit.logins.accounts import CAUSES, account
from relaymilter.observe.printable import printable_text
from relaymilter.policy.envelope import Request
from relaymilter.policy.guard.charges import Charges
from relaymilter.policy.guard.history import History, Standing, decode
from relaymilter.policy.guard.marks import login_subject, sent
from relaymilter.policy.guard.novelty import ROOM, Seen, Sent, case
from relaymilter.policy.ports import Change, LookupFailed, Past


def weigh(charges: Charges, request: Request) -> tuple[tuple[str, str], ...]:
    """What is said of, and what is said; nothing without a login."""
    if not request.login:
        return ()
    try:
        return tuple(_weighed(charges, request, request.login))
    except LookupFailed as failure:
        return (("ledger", printable_text(str(failure))),)


def _weighed(charges: Charges, request: Request, login: str) -> Iterator[tuple[str, str]]:
    now, subject, terms = int(charges.clock()), login_subject(login, charges.fold), charges.terms_of(login)
    known = account(charges.ledger, subject, terms, now)
    if known is None:
        yield "standing", "nothing is known of this login"
    else:
        standing = known.stand.standing
        because = "" if standing is Standing.GOOD else f": {CAUSES[known.stand.cause]}"
        yield "standing", f"{standing.name.lower()}{because}"
        for count in known.counts:
            most = "no limit" if count.most is None else f"of {count.most}"
            yield f"{count.unit}/{count.period}", f"{count.total} {most}"
    mark = sent(request, charges.key)
    past = charges.ledger.update(subject, now, mark.asks, Change[Past])
    yield from _marks(past, mark, terms.novelty.strange, request.opens, now)


def _marks(past: Past, mark: Sent, strange: int | None, opens: bool, now: int) -> Iterator[tuple[str, str]]:
    history = History(now) if past.record is None else decode(past.record)
    novelty = case(history, Seen(*past.seen), mark, strange, opens, now)
    yield "recipient", "new" if novelty.new else "known"
    yield "network", novelty.network.name.lower()
    yield "program", "known" if novelty.known_device else "not known"
    if novelty.learning:
        yield "learning", "yes: nothing counts as strange yet"
    else:
        yield "takes", f"{-(-100 * novelty.share // ROOM)} % of {'a day' if novelty.new else 'an hour'}'s strangeness"
