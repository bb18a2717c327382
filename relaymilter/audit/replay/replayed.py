"""What a replay comes to: mail that would have been lost, relaying that should not have been, what limits touch."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from relaymilter.audit.replay.replaying import NO_RULE, Decided
from relaymilter.audit.replay.tally import Tally
from relaymilter.maillog.transaction import Gaps, Way
from relaymilter.observe.moment import utc
from relaymilter.observe.printable import printable_text
from relaymilter.policy.address import Path, parse

_SHOWN = 10
"""Rows of a table."""
_LEDGER = "ledger"


@dataclass(slots=True)
class Found:
    """Counts of recipients."""

    logged: Counter[tuple[bool, str]] = field(default_factory=Counter)
    """By whether the log says accepted, and our verdict."""
    by_client: Tally = field(default_factory=Tally)
    """Of accepted ones that would be refused; so the next three."""
    by_login: Tally = field(default_factory=Tally)
    by_domain: Tally = field(default_factory=Tally)
    by_rule: Tally = field(default_factory=Tally)
    relayed: Tally = field(default_factory=Tally)
    """By client: sent on to another host, and no rule permits."""
    limits: dict[str, Tally] = field(default_factory=dict)
    """By what the ledger said, then by login."""

    def add(self, decided: Decided) -> None:
        """One recipient."""
        transaction, recipient, decision = decided
        self.logged[recipient.accepted, decision.word] += 1
        if decided.permits:
            return
        if decision.rule == _LEDGER and (recipient.accepted or recipient.by_milter):
            limit = self.limits.setdefault(decision.verdict.reason, Tally())
            limit.add(_login(decided), decided)
        if not recipient.accepted:
            return
        client = printable_text(transaction.client)
        self.by_client.add(client, decided)
        self.by_login.add(_login(decided), decided)
        self.by_domain.add(domain_of(recipient.path) or "(none)", decided)
        self.by_rule.add(decision.rule, decided)
        if recipient.way is Way.ON and decision.rule in NO_RULE:
            self.relayed.add(client, decided)


def domain_of(path: bytes) -> str:
    """In its form; empty where there is none."""
    parsed = parse(path)
    return parsed.domain if isinstance(parsed, Path) else ""


def _login(decided: Decided) -> str:
    login = decided.transaction.login
    return "(none)" if login is None else printable_text(login)


def lines(found: Found, gaps: Gaps, first: float, last: float) -> Iterator[str]:
    """All of it, for a terminal."""
    yield f"From {utc(first)} to {utc(last)}:"
    yield from _verdicts(found)
    yield ""
    lost = sum(found.logged[True, word] for word in ("reject", "defer"))
    if not lost:
        yield "No mail that was accepted would be refused."
    else:
        yield f"Accepted, and would be refused: {lost} recipients"
        for name, tally in (
            ("by rule", found.by_rule),
            ("by client", found.by_client),
            ("by login", found.by_login),
            ("by recipient's domain", found.by_domain),
        ):
            yield from _table(name, tally)
    yield ""
    if len(found.relayed):
        yield "Of these, sent on to other hosts, and no rule permits: relaying, or a network or domain is missing"
        yield from _table("by client", found.relayed)
    else:
        yield "No mail was seen to be relayed for strangers."
    yield from _limits(found)
    yield from untold(gaps)


def _verdicts(found: Found) -> Iterator[str]:
    yield f"  {'the log says':<14}{'permit':>10}{'reject':>10}{'defer':>10}"
    for accepted, word in ((True, "accepted"), (False, "refused")):
        counts = "".join(f"{found.logged[accepted, verdict]:>10}" for verdict in ("permit", "reject", "defer"))
        yield f"  {word:<14}{counts}"


def _table(name: str, tally: Tally) -> Iterator[str]:
    yield f"  {name}:"
    rows = list(tally)
    for row in rows[:_SHOWN]:
        yield f"    {row.times:>8}  {row.name}"
        yield f"              {row.example}"
    rest = sum(row.times for row in rows[_SHOWN:]) + tally.others
    if rest:
        more = f"{len(rows) - _SHOWN} more" if not tally.dropped else "many more"
        yield f"    {rest:>8}  of {more}"


def _limits(found: Found) -> Iterator[str]:
    if found.limits:
        yield ""
        yield "Touched by limits, and by what looks like theft:"
    for reason, tally in sorted(found.limits.items()):
        yield from _table(printable_text(reason), tally)


_UNTOLD = {
    "no_recipients": "messages begun, with no delivery logged: given up, refused at their end, or later than the log",
    "no_beginning": "messages delivered whose client is not in the log: begun before it",
    "fewer_recipients": "messages to more recipients than have a delivery in the log",
    "unnamed": "refusals without a recipient: at CONNECT, HELO, MAIL or DATA",
    "expanded": "recipients that aliases were expanded to; what the client wrote is not logged",
    "not_by_smtp": "messages from programs of the host itself: no milter refuses them",
    "internal": "bounces and other mail of the MTA's own",
    "filtered": "messages back from a content filter, counted when they came first",
    "own_lines": "lines of our own decision log between those of an MTA, passed over: give them in a file of their own",
    "no_login": "messages of a login that is not named in the log",
    "unreadable": "lines that are cut short, or have no time stamp",
}


def untold(gaps: Gaps) -> Iterator[str]:
    """What the log does not tell, where there is any."""
    counted = [(getattr(gaps, name), text) for name, text in _UNTOLD.items() if getattr(gaps, name)]
    if counted:
        yield ""
        yield "What the log does not tell:"
        yield from (f"  {count:>8}  {text}" for count, text in counted)
