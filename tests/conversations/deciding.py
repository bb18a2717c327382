"""The side that is the decision alone: Ruleset.decide(), without milter, socket or MTA.

It keeps of a session what a milter has to: the client, and what Postfix tells of it (known.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.milter.replies import Mta, answer
from relaymilter.policy.envelope import NOWHERE, Certificate, Macros, client, request
from relaymilter.policy.ruleset import Ruleset

from .known import Known
from .play import Decision, Heard
from .script import Client, Helo, Login, Macro, Mail, Rcpt, Starttls, Xclient

SWITCHES = ("--dry-run", "--lockdown")


def rules_of(flags: Sequence[str]) -> Ruleset:
    """The rules that these flags of the daemon make."""
    given: dict[str, tuple[str, ...]] = {}
    words = iter(flags)
    for flag in words:
        name = flag.removeprefix("--")
        given[name] = (*given.get(name, ()), "yes" if flag in SWITCHES else next(words))
    return ruleset(read(Flags(given)).settings.policy)


class DecideSide:
    """Plays steps against a rule set."""

    name = "decide"

    def __init__(self, rules: Ruleset, *, dry_run: bool = False) -> None:
        self._rules = rules
        self._dry_run = dry_run
        self.client(Client("unknown"))

    def client(self, step: Client) -> None:
        self._client = NOWHERE if step.address == "unknown" else client(step.address, step.port)
        self._helo = self._sender = b""
        self._known = Known(step.listener)

    def xclient(self, step: Xclient) -> None:
        self.client(Client(step.address))
        self._known.pose(step)

    def helo(self, step: Helo) -> None:
        self._helo = step.name or b""

    def login(self, step: Login) -> None:
        self._known.log_in(step)

    def starttls(self, step: Starttls) -> None:
        self._known.start_tls(step)

    def rset(self) -> None:
        self._sender = b""

    def message(self) -> None:
        self._sender = b""

    def mail(self, step: Mail) -> None:
        self._sender = step.path

    def macro(self, step: Macro) -> None:
        raise AssertionError("the decision is not told of macros")

    def rcpt(self, step: Rcpt, decides: bool) -> tuple[Heard, Decision | None]:
        asked = request(
            self._client,
            step.path,
            login=self._known.login,
            rcpt_addr=step.rcpt_addr,
            helo=self._helo,
            sender=self._sender,
            macros=self._told(),
        )
        decision = self._rules.decide(asked)
        said = answer(decision, asked, Mta.POSTFIX)
        if said is None:
            return Heard(250), Decision(decision.word, decision.rule)
        reply = Heard(said.code, said.status, said.text)
        return Heard(250) if self._dry_run else reply, Decision(decision.word, decision.rule, reply)

    def _told(self) -> Macros:
        known = self._known
        return Macros(known.mechanism, known.listening, Certificate(*known.certificate) if known.certificate else None)

    def close(self) -> None:
        pass

    def unexpected(self) -> list[str]:
        return []
