"""One SMTP connection as a milter sees it: the client, its greeting, the sender, and a decision per recipient.

Written once; a runtime (libmilter.py, loop.py) only drives it. Nothing that decides carries over from one recipient to
the next: the login comes with each RCPT. It never raises: what goes wrong while deciding is answered as uncertain.
"""

import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from relaymilter.milter.macros import FindMacro, from_xtext, needed, text_of
from relaymilter.milter.message import GiveBack, Message
from relaymilter.milter.replies import Mta, Words, answer, mta_of, unless_dry
from relaymilter.observe.counts import Counts
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.address import parse
from relaymilter.policy.envelope import NO_MACROS, NOWHERE, Client, Need, Request
from relaymilter.policy.guard.charges import Charges
from relaymilter.policy.networks import parse_address
from relaymilter.policy.ports import MustWait
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Decision, Permit, Step, refuse

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What every session of a worker shares: one snapshot of the policy, and how its decisions are logged."""

    ruleset: Ruleset
    decisions: DecisionLog | None
    dry_run: bool = False
    prefix: str = ""
    """Of session ids; different in each worker."""
    lookup_timeout: float = 2.0
    """Seconds for a decision that must wait for a table."""
    needs: frozenset[Need] = frozenset()
    """What the rules need of the MTA's macros beyond the usual."""
    charges: Charges | None = None
    """What logins are charged, where there is a ledger."""
    counts: Counts = field(default_factory=Counts)
    sections: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    """What a report of the worker has beside its counts (reporting.py), by name."""
    trail: bool = field(init=False)
    """Somebody reads what every rule said."""
    needs_helo: bool = field(init=False)
    """HELO is logged, or judged."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "trail", self.decisions is not None and self.decisions.trail)
        object.__setattr__(self, "needs_helo", self.decisions is not None or Need.HELO in self.needs)


_numbers = itertools.count(1)


class Session:
    """The callbacks. Text comes as bytes, as the client typed it; a macro that is absent or unreadable is None."""

    __slots__ = ("_asked_at", "_open", "_version", "client", "helo", "message", "number", "sender", "service")

    def __init__(self, service: Service, give_back: GiveBack | None = None) -> None:
        """`give_back` is needed where messages are charged."""
        self.service = service
        self.message = None if service.charges is None else Message(service.charges.clock, give_back)
        """None where none is charged."""
        self.number = next(_numbers)
        self._version: bytes | None = None
        self.client: Client = NOWHERE
        self.helo = b""
        self.sender = b""
        self._asked_at = 0
        self._open = False

    @property
    def id(self) -> str:
        """Unique among the sessions of all workers that have lived, as good as."""
        return f"{self.service.prefix}{self.number:x}"

    @property
    def mta(self) -> Mta:
        """Which MTA it is; most sessions end before anybody asks."""
        return mta_of(text_of(self._version))

    def connect(self, came: Client, version: bytes | None) -> None:
        """A client; `version` is the macro v."""
        self._open = True
        self.service.counts.opened()
        self.client = came
        self._version = version

    def hello(self, name: bytes) -> None:
        """HELO or EHLO; it comes again after STARTTLS, and may never come."""
        self.helo = name

    def mail(self, sender: bytes) -> None:
        """A message begins."""
        if self.message is not None:
            self.message.dropped()
        self.sender = sender

    def sent(self) -> None:
        """The message is over: its end has come."""
        if self.message is not None:
            self.message.sent()
        self.sender = b""

    def abort(self) -> None:
        """The message is over, and was not sent; also where there is none."""
        if self.message is not None:
            self.message.dropped()
        self.sender = b""

    def close(self) -> None:
        """The connection is over; also where this comes twice."""
        self.abort()
        if self._open:
            self._open = False
            self.service.counts.closed()

    def asked(self, recipient: bytes, find: FindMacro) -> Request:
        """The request that RCPT makes; `find` gives the macros that came with it."""
        came, told, login = self.client, find(b"{client_addr}"), find(b"{auth_authen}")
        if told and told.decode("latin-1") != came.text and not self._is_client(told):
            came = NOWHERE
        return Request(
            client=came,
            login=self._login(login) if login else None,
            recipient=recipient,
            path=parse(recipient),
            rcpt_addr=find(b"{rcpt_addr}"),
            helo=self.helo,
            sender=self.sender,
            macros=needed(find, self.service.needs, self.mta) if self.service.needs else NO_MACROS,
            opens=self.message is None or not self.message.charged,
        )

    def _is_client(self, told: bytes) -> bool:
        """Is this {client_addr} the client's? One that is unreadable says nothing; another makes it a stranger."""
        text = text_of(told)
        if text is None or text == self.client.text:
            return True
        bare = text[5:] if text[:5].lower() == "ipv6:" else text
        return self.client.address is not None and parse_address(bare) == self.client.address

    def _login(self, given: bytes) -> str | None:
        """{auth_authen} as it was proved: Sendmail gives it in xtext, `a+2Bb`, and no list or map would know it."""
        login = text_of(given)
        return from_xtext(login) if login and "+" in login and self.mta is Mta.SENDMAIL else login

    def decide_at_once(self, asked: Request) -> Decision | None:
        """The decision, or None where it must wait for a table: decide() in a LookupPool makes it then."""
        self._asked_at = self.service.counts.asked()
        if self.message is not None and self.message.owed:
            return None
        try:
            return self.service.ruleset.decide(asked, self.service.trail)
        except MustWait:
            return None
        except Exception as error:
            return self._broken(error)

    def decide(self, asked: Request) -> Decision:
        """The decision; whatever goes wrong, it is uncertain."""
        if self.message is not None:
            self.message.settle()
        try:
            return self.service.ruleset.decide(asked, self.service.trail)
        except Exception as error:
            return self._broken(error)

    def _broken(self, error: Exception) -> Decision:
        log.exception("session %s: a recipient could not be decided on", self.id)
        return self.uncertain(f"an internal error: {type(error).__name__}")

    def uncertain(self, reason: str) -> Decision:
        """The decision where none could be made, by our own fault."""
        refusal = refuse(self.service.ruleset.refusals.uncertain, reason)
        return Decision(refusal, "broken", (Step("broken", refusal),))

    def thrown_away(self, asked: Request, decision: Decision) -> None:
        """This decision was made, but nobody hears of it: nor shall the message be charged."""
        if decision.charged and asked.opens and self.message is not None:
            self.message.give_back(asked)

    def reply(self, asked: Request, decision: Decision) -> Words | None:
        """Log the decision, and put it in words for the client; None is CONTINUE."""
        if decision.charged and self.message is not None:
            self.message.permitted(asked)
        said = None if isinstance(decision.verdict, Permit) else answer(decision, asked, self.mta)
        self.service.counts.decided(decision, self._asked_at)
        if self.service.decisions is not None:
            reply = "" if said is None else str(said)
            self.service.decisions.record(self.id, asked, decision, reply, self.service.dry_run)
        return None if said is None else unless_dry(said, self.service.dry_run)
