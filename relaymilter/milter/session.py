"""One SMTP connection as a milter sees it: the client, its greeting, the sender, and a decision per recipient.

Written once; a runtime (libmilter.py, loop.py) only drives it. Nothing that decides carries over from one recipient to
the next: the login comes with each RCPT. It never raises: what goes wrong while deciding is answered as uncertain.
"""

import itertools
import logging
from dataclasses import dataclass

from relaymilter.milter.replies import Mta, Words, answer, mta_of, told
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.envelope import NOWHERE, Client, Request, client, request
from relaymilter.policy.ports import MustWait
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Decision, Step, refuse

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What every session of a worker shares: one snapshot of the policy, and how its decisions are told."""

    ruleset: Ruleset
    decisions: DecisionLog | None
    dry_run: bool = False
    prefix: str = ""
    """Of session ids; different in each worker."""
    lookup_timeout: float = 2.0
    """Seconds for a decision that must wait for a table."""


_numbers = itertools.count(1)


class Session:
    """The callbacks. Text comes as bytes, as the client typed it; a macro that is absent or unreadable is None."""

    __slots__ = ("client", "helo", "mta", "number", "sender", "service")

    def __init__(self, service: Service) -> None:
        self.service = service
        self.number = next(_numbers)
        self.mta = Mta.UNKNOWN
        self.client: Client = NOWHERE
        self.helo = b""
        self.sender = b""

    @property
    def id(self) -> str:
        """Unique among the sessions of all workers that have lived, as good as."""
        return f"{self.service.prefix}{self.number:x}"

    def connect(self, address: str | None, port: int | None, version: str | None) -> None:
        """`address` is None where the MTA tells none, or a family that is not IP; `version` is the macro v."""
        self.client = NOWHERE if address is None else client(address, port)
        self.mta = mta_of(version)

    def hello(self, name: bytes) -> None:
        """HELO or EHLO; it comes again after STARTTLS, and may never come."""
        self.helo = name

    def mail(self, sender: bytes) -> None:
        """A message begins."""
        self.sender = sender

    def abort(self) -> None:
        """The message is over."""
        self.sender = b""

    def asked(self, recipient: bytes, login: str | None, rcpt_addr: bytes | None) -> Request:
        """The request that RCPT makes; `login` is {auth_authen}, `rcpt_addr` {rcpt_addr}, as they came with it."""
        return request(
            self.client, recipient, login=login or None, rcpt_addr=rcpt_addr, helo=self.helo, sender=self.sender
        )

    def decide_at_once(self, asked: Request) -> Decision | None:
        """The decision, or None where it must wait for a table: decide() in a LookupPool makes it then."""
        try:
            return self.service.ruleset.decide(asked)
        except MustWait:
            return None
        except Exception as error:
            return self._broken(error)

    def decide(self, asked: Request) -> Decision:
        """The decision; whatever goes wrong, it is uncertain."""
        try:
            return self.service.ruleset.decide(asked)
        except Exception as error:
            return self._broken(error)

    def _broken(self, error: Exception) -> Decision:
        log.exception("session %s: a recipient could not be decided on", self.id)
        return self.uncertain(f"an internal error: {type(error).__name__}")

    def uncertain(self, reason: str) -> Decision:
        """The decision where none could be made, by our own fault."""
        refusal = refuse(self.service.ruleset.refusals.uncertain, reason)
        return Decision(refusal, "broken", (Step("broken", refusal),))

    def said(self, asked: Request, decision: Decision) -> Words | None:
        """Log the decision, and put it in words for the client; None is CONTINUE."""
        said = answer(decision, asked, self.mta)
        if self.service.decisions is not None:
            reply = "" if said is None else str(said)
            self.service.decisions.record(self.id, asked, decision, reply, self.service.dry_run)
        return told(said, self.service.dry_run)
