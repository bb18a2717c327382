"""The rule set: relay rules in their order, then restrictions, and what is said when nothing permits.

With no rules at all the answer is reject. A look-up that fails in a relay rule, or must be waited for, is remembered:
another rule may still permit, but if none does the answer is "not now", or MustWait. In a restriction it ends the
search.
"""

from dataclasses import dataclass

from relaymilter.policy.address import Malformed
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.logins import Ways
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.verdict import (
    Counted,
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
    """The relay rules and the restrictions, in the order in which they are asked, and what a refusal says."""

    rules: tuple[RelayRule, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    refusals: Refusals = Refusals()
    ways: Ways = Ways()
    """A login that came by another one opens nothing, and is bound all the same."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the MTA must be asked to tell."""
        rules = (rule.needs for rule in self.rules)
        return self.ways.needs.union(*rules, *(restriction.needs for restriction in self.restrictions))

    def decide(self, request: Request, trail: bool = False) -> Decision:
        """Permit, reject or defer this recipient; with a trail of all that was asked where somebody will read it.

        Raises MustWait where that depends on what must be waited for, and whatever a rule raises beyond LookupFailed.
        """
        steps: list[Step] | None = [] if trail else None
        problem: LookupFailed | MustWait | None = None
        if request.login and (objection := self.ways.objection(request.macros)) is not None:
            request = request._replace(login=None, disregarded=request.login)
            if steps is not None:
                steps.append(Step("login", objection))
        for rule in self.rules:
            answer: Permit | NoOpinion | Unknown
            try:
                answer = rule.ask(request)
            except MustWait as must_wait:
                problem, answer = must_wait, _MUST_WAIT
            except LookupFailed as failure:
                problem, answer = problem or failure, Unknown(str(failure))
            if steps is not None:
                steps.append(Step(rule.name, answer))
            if isinstance(answer, Permit):
                return self._restricted(request, answer, rule.name, steps)
        if isinstance(problem, MustWait):
            raise problem
        name, refusal = self._none_permits(request, problem)
        return _decision(refusal, name, steps)

    def _restricted(self, request: Request, permit: Permit, rule: str, steps: list[Step] | None) -> Decision:
        """What the restrictions leave of a permit."""
        warnings: tuple[Step, ...] = ()
        charged = False
        for restriction in self.restrictions:
            answer = self._ask(restriction, request)
            if not isinstance(answer, NoOpinion):
                if not restriction.warns:
                    return _decision(answer, restriction.name, steps, warnings)
                step = Step(restriction.name, answer)
                warnings += (step,)
                answer = NoOpinion("only warns of %s: %s", step.word, answer.reason)
            charged = charged or isinstance(answer, Counted)
            if steps is not None:
                steps.append(Step(restriction.name, answer))
        return Decision(permit, rule, () if steps is None else tuple(steps), warnings, charged)

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


_MUST_WAIT = Unknown("must be waited for")


def _decision(refusal: Refusal, name: str, steps: list[Step] | None, warnings: tuple[Step, ...] = ()) -> Decision:
    """The refusal by this name, which is also the last step."""
    return Decision(refusal, name, () if steps is None else (*steps, Step(name, refusal)), warnings)
