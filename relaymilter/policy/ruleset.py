"""The rule set: relay rules in their order, then restrictions, and what is said when nothing permits.

With no rules at all the answer is reject. A look-up that fails in a relay rule, or must be waited for, is remembered:
another rule may still permit, but if none does the answer is "not now", or MustWait. In a restriction it ends the
search.
"""

from dataclasses import dataclass

from relaymilter.policy.address import Malformed
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.verdict import (
    Decision,
    Defer,
    NoOpinion,
    Permit,
    Refusal,
    Reject,
    Reply,
    Step,
    Unknown,
    refuse,
)

RELAY_DENIED = Reply(554, "5.7.1", "{recipient}: Relay access denied")
BAD_PATH = Reply(501, "5.1.3", "Bad recipient address syntax")
UNCERTAIN = Reply(451, "4.7.1", "Cannot decide on this recipient now, try again later")


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a client is told where no rule permits."""

    relay_denied: Reply = RELAY_DENIED
    bad_path: Reply = BAD_PATH
    uncertain: Reply = UNCERTAIN
    """A look-up failed, or we did."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything that decides, in order."""

    rules: tuple[RelayRule, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    refusals: Refusals = Refusals()

    @property
    def needs(self) -> frozenset[Need]:
        """What the MTA must be asked to tell."""
        rules = (rule.needs for rule in self.rules)
        return frozenset().union(*rules, *(restriction.needs for restriction in self.restrictions))

    def decide(self, request: Request) -> Decision:
        """Permit, reject or defer this recipient.

        Raises MustWait where that depends on what must be waited for, and whatever a rule raises beyond LookupFailed.
        """
        trail: list[Step] = []
        problem: LookupFailed | MustWait | None = None
        for rule in self.rules:
            try:
                answer = rule.ask(request)
            except MustWait as must_wait:
                problem = must_wait
                trail.append(Step(rule.name, Unknown("must be waited for")))
                continue
            except LookupFailed as failure:
                problem = problem or failure
                trail.append(Step(rule.name, Unknown(str(failure))))
                continue
            trail.append(Step(rule.name, answer))
            if isinstance(answer, Permit):
                return self._restricted(request, Decision(answer, rule.name, tuple(trail)))
        if isinstance(problem, MustWait):
            raise problem
        return _refused(*self._none_permits(request, problem), tuple(trail))

    def _restricted(self, request: Request, permitted: Decision) -> Decision:
        if not self.restrictions:
            return permitted
        trail = permitted.trail
        warnings: tuple[Step, ...] = ()
        for restriction in self.restrictions:
            answer = self._ask(restriction, request)
            step = Step(restriction.name, answer)
            if restriction.warns and not isinstance(answer, NoOpinion):
                warnings += (step,)
                step = Step(restriction.name, NoOpinion(f"only warns of {step.word}: {answer.reason}"))
            elif not isinstance(answer, NoOpinion):
                return Decision(answer, restriction.name, (*trail, step), warnings)
            trail += (step,)
        return Decision(permitted.verdict, permitted.rule, trail, warnings)

    def _ask(self, restriction: Restriction, request: Request) -> Reject | Defer | NoOpinion:
        try:
            answer = restriction.ask(request)
        except LookupFailed as failure:
            return refuse(self.refusals.uncertain, str(failure))
        # mypy refuses a restriction that says anything else; one that does so all the same must not end the search.
        if not isinstance(answer, Reject | Defer | NoOpinion):
            raise TypeError(f"the restriction {restriction.name} answered {type(answer).__name__}")
        return answer

    def _none_permits(self, request: Request, problem: LookupFailed | None) -> tuple[str, Refusal]:
        if problem is not None:
            return "uncertain", refuse(self.refusals.uncertain, str(problem))
        if isinstance(request.path, Malformed):
            return "bad-path", refuse(self.refusals.bad_path, request.path.reason)
        return "no-rule", refuse(self.refusals.relay_denied, "no rule permits")


def _refused(name: str, refusal: Refusal, trail: tuple[Step, ...]) -> Decision:
    return Decision(refusal, name, (*trail, Step(name, refusal)))
