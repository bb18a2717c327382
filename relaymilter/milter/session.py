"""One SMTP connection as a milter sees it: the client, its greeting, the sender, and a decision per recipient.

Written once; a runtime (libmilter.py, loop.py) only drives it. Nothing that decides carries over from one recipient to
the next: the login comes with each RCPT. It never raises: what goes wrong while deciding is answered as uncertain.
"""

import itertools
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from relaymilter.milter.message import GiveBack, Message
from relaymilter.milter.replies import Mta, Words, answer, mta_of, unless_dry
from relaymilter.observe.counts import Counts
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.address import parse
from relaymilter.policy.envelope import NO_MACROS, NOWHERE, Certificate, Client, Macros, Need, Request
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


FindMacro: TypeAlias = Callable[[bytes], bytes | None]
"""The value of a macro as the MTA wrote it, or None."""

_HEX = re.compile(rb"\+([0-9A-F]{2})")
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
        return mta_of(_text(self._version))

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
        asked = (
            came,
            self._login(login) if login else None,
            recipient,
            parse(recipient),
            find(b"{rcpt_addr}"),
            self.helo,
            self.sender,
            self._optional_macros(find) if self.service.needs else NO_MACROS,
            self.message is None or not self.message.charged,
            None,
        )
        return tuple.__new__(Request, asked)  # half the time of Request()

    def _is_client(self, told: bytes) -> bool:
        """Is this {client_addr} the client's? One that is unreadable says nothing; another makes it a stranger."""
        text = _text(told)
        if text is None or text == self.client.text:
            return True
        bare = text[5:] if text[:5].lower() == "ipv6:" else text
        return self.client.address is not None and parse_address(bare) == self.client.address

    def _login(self, given: bytes) -> str | None:
        """{auth_authen} as it was proved: Sendmail gives it in xtext, `a+2Bb`, and no list or map would know it."""
        login = _text(given)
        return _from_xtext(login) if login and "+" in login and self.mta is Mta.SENDMAIL else login

    def _optional_macros(self, find: FindMacro) -> Macros:
        needs = self.service.needs
        return Macros(
            mechanism=_text(find(b"{auth_type}")) or None if Need.MECHANISM in needs else None,
            listener=_listener(find) if Need.LISTENER in needs else (),
            certificate=self._certificate(find) if Need.CERTIFICATE in needs else None,
            tls=_tls(find) if Need.TLS in needs else None,
        )

    def _certificate(self, find: FindMacro) -> Certificate | None:
        """Postfix names only certificates that it has verified; of others {verify} alone tells."""
        subject, issuer = _text(find(b"{cert_subject}")), _text(find(b"{cert_issuer}"))
        verified = self.mta is Mta.POSTFIX or find(b"{verify}") == b"OK"
        if not (subject and issuer and verified):
            return None
        return Certificate(subject, issuer, _text(find(b"{cert_fp}")) or "")

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


def _text(value: bytes | None) -> str | None:
    """A macro that is trusted for what it says: one that is not UTF-8 is absent."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _listener(find: FindMacro) -> tuple[str, ...]:
    """Name, address and port; the address as Postfix gives it: Sendmail's are IPv6:2001:db8:0:0:0:0:0:25."""
    address = _text(find(b"{daemon_addr}")) or ""
    parsed = parse_address(address.removeprefix("IPv6:"))
    shown = str(parsed) if parsed else address
    return tuple(filter(None, (_text(find(b"{daemon_name}")), shown, _text(find(b"{daemon_port}")))))


def _tls(find: FindMacro) -> str | None:
    """Version and cipher: `TLSv1.3 TLS_AES_256_GCM_SHA384`, alike of both MTAs."""
    version, cipher = _text(find(b"{tls_version}")), _text(find(b"{cipher}"))
    return f"{version} {cipher or ''}" if version else None


def _from_xtext(text: str) -> str | None:
    """RFC 3461 4; None where it is not UTF-8."""
    raw = _HEX.sub(lambda found: bytes((int(found[1], 16),)), text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
