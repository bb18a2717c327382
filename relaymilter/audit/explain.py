"""One request, decided and laid open."""

import time
from dataclasses import dataclass

from relaymilter.config.model import PolicySettings
from relaymilter.config.wiring import ruleset
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

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        keys = ("rule", "answer", "reason")
        return {
            "verdict": self.verdict,
            "rule": self.rule,
            "reply": self.reply,
            "trail": [dict(zip(keys, step, strict=True)) for step in self.trail],
        }


def explain_request(settings: PolicySettings, request: Request) -> Explanation:
    """What the daemon would decide with these settings, and why."""
    with waiting.allowing(time.monotonic() + settings.lookups.timeout):
        decision = ruleset(settings).decide(request)
    said = answer(decision, request, Mta.POSTFIX)
    return Explanation(
        verdict=decision.word,
        rule=decision.rule,
        reply="" if said is None else str(said),
        trail=tuple((step.rule, step.word, printable_text(step.answer.reason)) for step in decision.trail),
    )
