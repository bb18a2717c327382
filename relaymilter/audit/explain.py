"""One request, decided and laid open."""

import time
from dataclasses import dataclass

from relaymilter.audit.log_line import LoggedDecision
from relaymilter.audit.logins.weighing import weigh
from relaymilter.config.model import PolicySettings
from relaymilter.config.wiring import wired
from relaymilter.lookups import waiting
from relaymilter.milter.replies import Mta, answer
from relaymilter.observe.printable import printable_text
from relaymilter.policy.envelope import Request


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision in words; `trail` has a rule, its answer and its reason for every rule asked."""

    verdict: str
    rule: str
    reply: str
    """As a client of Postfix reads it; empty for a permit."""
    trail: tuple[tuple[str, str, str], ...]
    ledger: tuple[tuple[str, str], ...] = ()
    """What limits and marks say of the login, where there is a ledger."""

    def compared(self, logged: LoggedDecision) -> str:
        """The decision of a line of the log, and whether it differs from this one."""
        then = f"{printable_text(logged.verdict)} by {printable_text(logged.rule)} at {printable_text(logged.time)}"
        if logged.verdict != self.verdict:
            return f"{then}: the verdict differs now"
        return f"{then}: the same verdict now" + (", by another rule" if logged.rule != self.rule else "")

    def as_dict(self, logged: LoggedDecision | None = None) -> dict[str, object]:
        """For JSON; with `logged`, how it was decided then."""
        keys = ("rule", "answer", "reason")
        then: dict[str, object] = {}
        if logged is not None:
            differs = logged.verdict != self.verdict
            then = {"time": logged.time, "verdict": logged.verdict, "rule": logged.rule, "differs": differs}
            then |= {"cut": list(logged.cut)} if logged.cut else {}
        return {
            **({"logged": then} if then else {}),
            "verdict": self.verdict,
            "rule": self.rule,
            "reply": self.reply,
            "trail": [dict(zip(keys, step, strict=True)) for step in self.trail],
            **({"ledger": dict(self.ledger)} if self.ledger else {}),
        }


def explain_request(settings: PolicySettings, request: Request) -> Explanation:
    """What the daemon would decide with these settings, and why; nobody is charged."""
    policy = wired(settings, look_only=True)
    with waiting.allowing(time.monotonic() + settings.lookups.timeout):
        decision = policy.ruleset.decide(request, trail=True)
        weighed = () if policy.charges is None else weigh(policy.charges, request)
    said = answer(decision, request, Mta.POSTFIX)
    return Explanation(
        verdict=decision.word,
        rule=decision.rule,
        reply="" if said is None else str(said),
        ledger=weighed,
        trail=tuple((step.rule, step.word, printable_text(step.answer.reason)) for step in decision.trail),
    )
