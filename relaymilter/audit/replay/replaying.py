"""What we would have decided on the mail of a log: the same rules, by the log's own clock, with a ledger in memory.

Recipients that the MTA refused before any milter is asked are decided on, too, but nobody is charged for them. A ledger
that others use is never touched: what is charged here is forgotten at the end.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from relaymilter.config.model import PolicySettings
from relaymilter.config.wiring import Wired, wired
from relaymilter.ledger.memory import MemoryLedger
from relaymilter.lookups import waiting
from relaymilter.maillog.transaction import Recipient, Transaction
from relaymilter.observe.moment import utc
from relaymilter.observe.printable import printable, printable_text
from relaymilter.policy.envelope import NO_MACROS, Macros, Request, client, request
from relaymilter.policy.ports import MustWait
from relaymilter.policy.verdict import Decision, Defer, Permit

NO_RULE = frozenset({"no-rule", "bad-path", "uncertain"})
"""By these names nothing has permitted; by others a restriction has refused."""
_MOST_OPENED = 10_000
_MOST_ALIKE = 20_000
"""Envelopes of which it is remembered what was decided."""
_client = lru_cache(4096)(client)


class Decided(NamedTuple):
    """One recipient of a log, and what we say to it."""

    transaction: Transaction
    recipient: Recipient
    decision: Decision

    @property
    def permits(self) -> bool:
        """We would take it."""
        return isinstance(self.decision.verdict, Permit)

    def as_dict(self) -> dict[str, str | None]:
        """For JSON; all text as in the decision log."""
        login = self.transaction.login
        return {
            "time": utc(self.transaction.time),
            "client": printable_text(self.transaction.client),
            "login": None if login is None else printable_text(login),
            "sender": printable(self.transaction.sender),
            "recipient": printable(self.recipient.path),
            "log": "accepted" if self.recipient.accepted else "refused",
            "verdict": self.decision.word,
            "rule": self.decision.rule,
            "reason": printable_text(self.decision.verdict.reason),
        }

    def __str__(self) -> str:
        """On one line."""
        of = self.as_dict()
        login = "no login" if of["login"] is None else f"login {of['login']}"
        said = f"{of['verdict']} by {of['rule']}: {of['reason']}"
        return f"{of['time']} {of['client']}, {login}, {of['sender']} to {of['recipient']}: {said}"


class Replay:
    """Decides on transactions in their order."""

    def __init__(self, settings: PolicySettings) -> None:
        if settings.guard is not None:
            settings = replace(settings, guard=replace(settings.guard, ledger=MemoryLedger()))
        self._now = 0.0
        self._timeout = settings.lookups.timeout
        self._policy = wired(settings, clock=self._clock)
        self._looking = wired(settings, look_only=True, clock=self._clock) if settings.guard else self._policy
        self._opened: dict[tuple[str, bytes], None] = {}
        self._memo: dict[tuple[object, ...], Decision] | None = None if settings.guard else {}
        self._quarter = 0
        self._day = ""

    def _clock(self) -> float:
        return self._now

    def decided(self, transaction: Transaction) -> Iterator[Decided]:
        """Of each recipient."""
        self._now = transaction.time
        if self._memo is not None:
            yield from self._alike(self._memo, transaction)
            return
        opens = self._is_new(transaction)
        for recipient in transaction.recipients:
            policy = self._policy if recipient.accepted or recipient.by_milter else self._looking
            decision = self._decide(policy, asked(transaction, recipient, opens))
            if decision.charged and policy is self._policy:
                opens = False
                self._open(transaction)
            yield Decided(transaction, recipient, decision)

    def _alike(self, memo: dict[tuple[object, ...], Decision], transaction: Transaction) -> Iterator[Decided]:
        """Without a ledger the same is said to the same envelope all day; a failed look-up is tried again."""
        self._forget_yesterday(memo)
        told = transaction[1:7]
        for recipient in transaction.recipients:
            key = transaction.asked or (recipient.path, told)
            decision = memo.get(key)
            if decision is None:
                decision = self._decide(self._policy, asked(transaction, recipient, True))
                if not isinstance(decision.verdict, Defer):
                    memo[key] = decision
            yield Decided(transaction, recipient, decision)

    def _forget_yesterday(self, memo: dict[tuple[object, ...], Decision]) -> None:
        """A grant ends with a day; days begin at some quarter of an hour, in every zone."""
        quarter = int(self._now) // 900
        if quarter != self._quarter:
            day = time.strftime("%Y-%m-%d", time.localtime(self._now))
            if day != self._day:
                memo.clear()
            self._quarter, self._day = quarter, day
        if len(memo) > _MOST_ALIKE:
            memo.clear()

    def _decide(self, policy: Wired, request: Request) -> Decision:
        """At once, if it can be; a table or a name server is waited for as long as the daemon would."""
        try:
            return policy.ruleset.decide(request)
        except MustWait:
            with waiting.allowing(time.monotonic() + self._timeout):
                return policy.ruleset.decide(request)

    def _is_new(self, transaction: Transaction) -> bool:
        """No recipient of its message has been charged. Lines of our own log say the session, not the message."""
        return not transaction.session or (transaction.session, transaction.sender) not in self._opened

    def _open(self, transaction: Transaction) -> None:
        if transaction.session:
            self._opened[transaction.session, transaction.sender] = None
            if len(self._opened) > _MOST_OPENED:
                del self._opened[next(iter(self._opened))]


def asked(transaction: Transaction, recipient: Recipient, opens: bool) -> Request:
    """What a milter would be asked. The log has the path as the MTA read it, so that is {rcpt_addr} as well."""
    if transaction.asked is not None:
        return transaction.asked._replace(opens=opens)
    macros = NO_MACROS
    if transaction.mechanism or transaction.tls:
        macros = Macros(mechanism=transaction.mechanism, tls=transaction.tls)
    return request(
        _client(transaction.client),
        recipient.path,
        login=transaction.login,
        rcpt_addr=recipient.path[1:-1],
        helo=transaction.helo,
        sender=transaction.sender,
        macros=macros,
        opens=opens,
    )
