"""The rule set: the first rule that permits, restrictions after it, and what is said when none does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relaymilter.policy.envelope import Macros, Need, Request, client, request
from relaymilter.policy.logins import Ways
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.ruleset import Refusals, Ruleset
from relaymilter.policy.verdict import Decision, Defer, NoOpinion, Permit, Reject, Reply, Step, Unknown
from tests.policy.asking import NEIGHBOUR, FailingNames, decide, outcome, relay_rules

DENIED = Reply(554, "5.7.1", "{recipient}: Relay access denied")
BAD_PATH = Reply(501, "5.1.3", "Bad recipient address syntax")
UNCERTAIN = Reply(451, "4.7.1", "Cannot decide on this recipient now, try again later")
NO = Reply(550, "5.7.1", "No")
LATER = Reply(450, "4.7.1", "Later")

REQUEST = request(client("203.0.113.7"), b"<b@else.test>")
GARBLED = request(client("203.0.113.7"), b"<")


def rule(name: str, answer: Permit | NoOpinion | LookupFailed | MustWait) -> RelayRule:
    """A relay rule that always answers this."""

    def ask(_: Request) -> Permit | NoOpinion:
        if isinstance(answer, LookupFailed | MustWait):
            raise answer
        return answer

    return RelayRule(name, ask)


def restriction(name: str, answer: Reject | Defer | NoOpinion | LookupFailed) -> Restriction:
    """A restriction that always answers this."""

    def ask(_: Request) -> Reject | Defer | NoOpinion:
        if isinstance(answer, LookupFailed):
            raise answer
        return answer

    return Restriction(name, ask)


YES = rule("yes", Permit("because"))
SILENT = rule("silent", NoOpinion("nothing"))
DOWN = rule("down", LookupFailed("table: timeout"))
OFF = rule("off", LookupFailed("table: refused"))
SLOW = rule("slow", MustWait("table"))


def never(_: Request) -> NoOpinion:
    """A rule or restriction that must not be asked."""
    raise AssertionError("asked")


def test_no_rules() -> None:
    """With no rules the answer is reject."""
    refused = Reject(DENIED, "no rule permits")
    assert Decision(refused, "no-rule", (Step("no-rule", refused),)) == Ruleset().decide(REQUEST, trail=True)


def test_no_rules_and_no_path() -> None:
    """With no rules a malformed path is told as one."""
    refused = Reject(BAD_PATH, "no closing bracket")
    assert Decision(refused, "bad-path", (Step("bad-path", refused),)) == Ruleset().decide(GARBLED, trail=True)


def test_first_that_permits_ends_the_search() -> None:
    """Rules are asked in order until one permits."""
    rules = (SILENT, YES, RelayRule("never", never))
    trail = (Step("silent", NoOpinion("nothing")), Step("yes", Permit("because")))
    assert Decision(Permit("because"), "yes", trail) == Ruleset(rules).decide(REQUEST, trail=True)


def test_none_permits() -> None:
    """Rules without an opinion reject, and restrictions are not asked."""
    refused = Reject(DENIED, "no rule permits")
    trail = (Step("silent", NoOpinion("nothing")), Step("no-rule", refused))
    assert Decision(refused, "no-rule", trail) == Ruleset((SILENT,), (Restriction("never", never),)).decide(
        REQUEST, trail=True
    )


@pytest.mark.parametrize("asked", [REQUEST, GARBLED], ids=["path", "no path"])
@pytest.mark.parametrize("rules", [(DOWN, SILENT), (SILENT, DOWN), (DOWN, OFF)], ids=["first", "last", "twice"])
def test_failed_lookup_defers(rules: tuple[RelayRule, ...], asked: Request) -> None:
    """Where a look-up failed and nothing permits the answer is 4xx, with the first failure as its reason."""
    decision = Ruleset(rules).decide(asked, trail=True)
    assert (Defer(UNCERTAIN, "table: timeout"), "uncertain") == (decision.verdict, decision.rule)
    assert Step("down", Unknown("table: timeout")) in decision.trail
    assert Step("uncertain", decision.verdict) == decision.trail[-1]
    assert len(rules) + 1 == len(decision.trail)


def test_failed_lookup_is_forgotten_where_another_rule_permits() -> None:
    """A rule after the failure may still permit."""
    trail = (Step("down", Unknown("table: timeout")), Step("yes", Permit("because")))
    assert Decision(Permit("because"), "yes", trail) == Ruleset((DOWN, YES)).decide(REQUEST, trail=True)


def test_what_must_be_waited_for_is_forgotten_where_another_rule_permits() -> None:
    """A rule after the one that must wait may still permit."""
    trail = (Step("slow", Unknown("must be waited for")), Step("yes", Permit("because")))
    assert Decision(Permit("because"), "yes", trail) == Ruleset((SLOW, YES)).decide(REQUEST, trail=True)


@pytest.mark.parametrize(
    "rules", [(SLOW, SILENT), (SLOW, DOWN), (DOWN, SLOW, OFF)], ids=["alone", "before a failure", "amid failures"]
)
def test_what_must_be_waited_for_ends_in_no_answer(rules: tuple[RelayRule, ...]) -> None:
    """Where no rule permits, the answer can only be had by waiting, whatever else failed."""
    with pytest.raises(MustWait):
        Ruleset(rules).decide(REQUEST, trail=True)


def test_restrictions_without_opinion() -> None:
    """A permit that no restriction objects to stands, and the trail tells of all."""
    restrictions = (restriction("one", NoOpinion("fine")), restriction("two", NoOpinion("fine too")))
    trail = (
        Step("yes", Permit("because")),
        Step("one", NoOpinion("fine")),
        Step("two", NoOpinion("fine too")),
    )
    assert Decision(Permit("because"), "yes", trail) == Ruleset((YES,), restrictions).decide(REQUEST, trail=True)


@pytest.mark.parametrize("refusal", [Reject(NO, "bad"), Defer(LATER, "soon")], ids=["reject", "defer"])
def test_restriction_refuses(refusal: Reject | Defer) -> None:
    """The first restriction that refuses decides, and the others are not asked."""
    restrictions = (
        restriction("fine", NoOpinion("fine")),
        restriction("no", refusal),
        Restriction("never", never),
    )
    trail = (Step("yes", Permit("because")), Step("fine", NoOpinion("fine")), Step("no", refusal))
    assert Decision(refusal, "no", trail) == Ruleset((YES,), restrictions).decide(REQUEST, trail=True)


@pytest.mark.parametrize("answer", [Permit("why not"), None, True], ids=["Permit", "None", "True"])
def test_restriction_against_its_type(answer: object) -> None:
    """A restriction that answers what its type forbids ends in an error, which is a 451; it never spares the others."""
    wrong = Restriction("wrong", lambda _: answer)  # type: ignore[arg-type, return-value]
    refusing = restriction("refuses", Reject(Reply(554, "5.7.1", "No"), "always"))
    with pytest.raises(TypeError, match="wrong answered"):
        Ruleset((YES,), (wrong, refusing)).decide(REQUEST, trail=True)


def test_restriction_that_cannot_find_out() -> None:
    """A look-up that fails in a restriction defers at once, whatever would come after it."""
    restrictions = (restriction("down", LookupFailed("dns: timeout")), Restriction("never", never))
    decision = Ruleset((YES,), restrictions).decide(REQUEST, trail=True)
    assert (Defer(UNCERTAIN, "dns: timeout"), "down") == (decision.verdict, decision.rule)
    assert (Step("yes", Permit("because")), Step("down", decision.verdict)) == decision.trail


@pytest.mark.parametrize("answer", [None, True, "permit", Reject(NO, "no"), Step("yes", Permit("because"))], ids=repr)
def test_only_a_permit_permits(answer: object) -> None:
    """A rule that answers beyond its type, which mypy refuses, permits nothing."""
    wrong = RelayRule("wrong", lambda _: answer)  # type: ignore[arg-type,return-value]
    assert outcome(Ruleset((wrong,)).decide(REQUEST, trail=True)) == "reject no-rule"


def test_exception_is_not_swallowed() -> None:
    """An exception other than LookupFailed is the caller's to answer, and no rule after it is asked."""

    def broken(_: Request) -> NoOpinion:
        raise RuntimeError("a bug")

    for ruleset in (Ruleset((RelayRule("broken", broken), YES)), Ruleset((YES,), (Restriction("broken", broken),))):
        with pytest.raises(RuntimeError, match="a bug"):
            ruleset.decide(REQUEST, trail=True)


@pytest.mark.parametrize(
    ("refusals", "kind"),
    [(Refusals(relay_denied=LATER), Defer), (Refusals(relay_denied=NO), Reject)],
    ids=["4xx", "5xx"],
)
def test_words_of_the_administrator(refusals: Refusals, kind: type) -> None:
    """The administrator's reply is used, and its code says whether the refusal is for good."""
    verdict = Ruleset(refusals=refusals).decide(REQUEST, trail=True).verdict
    assert isinstance(verdict, kind)
    assert verdict == kind(refusals.relay_denied, "no rule permits")


def test_uncertain_in_the_words_of_the_administrator() -> None:
    """With a 5xx for what is uncertain a failed look-up rejects, in a rule as in a restriction; it never permits."""
    refusals = Refusals(uncertain=Reply(550, "5.3.0", "Broken"))
    assert outcome(Ruleset((DOWN,), refusals=refusals).decide(REQUEST, trail=True)) == "reject uncertain"
    down = restriction("down", LookupFailed("x"))
    assert outcome(Ruleset((YES,), (down,), refusals).decide(REQUEST, trail=True)) == "reject down"


def test_restrictions_bind_those_we_relay_for() -> None:
    """A restriction is asked whoever was permitted: a local client, a login, or a stranger to a local mailbox."""
    ruleset = Ruleset(relay_rules(), (restriction("no", Reject(NO, "bad")),))
    assert outcome(decide("<b@else.test>", address=NEIGHBOUR, ruleset=ruleset)) == "reject no"
    assert outcome(decide("<b@else.test>", login="joe", ruleset=ruleset)) == "reject no"
    assert outcome(decide("<b@kite.test>", ruleset=ruleset)) == "reject no"
    assert outcome(decide("<b@else.test>", ruleset=ruleset)) == "reject no-rule"


@pytest.mark.parametrize(
    ("recipient", "login", "told"),
    [
        ("<b@kite.test>", None, "defer uncertain"),
        ("<b@else.test>", None, "defer uncertain"),
        ("<b@relay.test>", None, "permit relay-domain"),
        ("<b@else.test>", "joe", "permit authorised-login"),
        ("<b%else.test@kite.test>", None, "reject no-rule"),
        ("<", None, "reject bad-path"),
        ("<postmaster>", None, "permit local-recipient"),
    ],
)
def test_the_table_of_local_domains_is_down(recipient: str, login: str | None, told: str) -> None:
    """What depends on a table that is down is deferred, and nothing else."""
    ruleset = Ruleset(relay_rules(local=FailingNames()))
    assert told == outcome(decide(recipient, login=login, ruleset=ruleset))


def test_decisions_carry_nothing_over() -> None:
    """One rule set decides the same whatever it decided before."""
    before = decide("<b@else.test>")
    assert "permit" == decide("<b@else.test>", login="joe").word == decide("<b@else.test>", address=NEIGHBOUR).word
    assert before == decide("<b@else.test>")
    assert before.word == "reject"


@pytest.mark.parametrize(
    "answer",
    [Reject(NO, "listed"), Defer(LATER, "greylisted"), LookupFailed("table: timeout")],
    ids=["reject", "defer", "look-up failed"],
)
def test_a_restriction_that_only_warns_refuses_nothing(answer: Reject | Defer | LookupFailed) -> None:
    """What it would refuse is told in the decision; those behind it are asked, and may refuse."""
    warns = replace(restriction("warns", answer), warns=True)
    permitted = Ruleset((YES,), (warns, restriction("silent", NoOpinion("")))).decide(REQUEST, trail=True)
    assert ("permit", "yes", ["warns"]) == (permitted.word, permitted.rule, [step.rule for step in permitted.warnings])
    assert [step.rule for step in permitted.trail] == ["yes", "warns", "silent"]
    refused = Ruleset((YES,), (warns, restriction("no", Reject(NO, "listed")))).decide(REQUEST, trail=True)
    assert ("reject", "no", ["warns"]) == (refused.word, refused.rule, [step.rule for step in refused.warnings])


def test_a_restriction_that_only_warns_and_has_no_opinion() -> None:
    """Nothing is told."""
    decision = Ruleset((YES,), (replace(restriction("warns", NoOpinion("")), warns=True),)).decide(REQUEST, trail=True)
    assert ("permit", ()) == (decision.word, decision.warnings)


def test_needs_are_those_of_all_parts() -> None:
    """What any rule or restriction needs to be told is asked for."""
    rules = (YES, replace(SILENT, needs=frozenset({Need.CERTIFICATE})))
    restrictions = (replace(restriction("r", NoOpinion("")), needs=frozenset({Need.HELO})),)
    assert {Need.CERTIFICATE, Need.HELO} == Ruleset(rules, restrictions).needs
    assert Ruleset().needs == frozenset()


def test_a_trail_is_made_only_for_who_reads_it() -> None:
    """Without one the decision is the same."""
    refusing = restriction("no", Reject(NO, "bad"))
    for ruleset in (Ruleset((SILENT,)), Ruleset((SILENT, YES)), Ruleset((YES,), (refusing,)), Ruleset((DOWN,))):
        decision = ruleset.decide(REQUEST, trail=True)
        assert decision.trail
        assert ruleset.decide(REQUEST) == decision._replace(trail=())


class Unreadable:
    """What a reason is about, and nobody may ask for."""

    def __str__(self) -> str:
        raise AssertionError("asked")


def test_no_reason_is_put_together_unless_it_is_read() -> None:
    """Words of answers that nobody reads cost nothing."""
    ruleset = Ruleset((rule("silent", NoOpinion("%s", Unreadable())), rule("yes", Permit("%s", Unreadable()))))
    assert ruleset.decide(REQUEST).rule == "yes"
    with pytest.raises(AssertionError, match="asked"):
        _ = ruleset.decide(REQUEST).verdict.reason


WAYS = Ways(mechanisms=frozenset({"PLAIN"}))


@pytest.mark.parametrize(
    ("mechanism", "seen"), [("PLAIN", "joe"), ("LOGIN", None), (None, None)], ids=["counts", "does not", "not told"]
)
def test_a_login_that_came_another_way_opens_nothing_and_is_bound(mechanism: str | None, seen: str | None) -> None:
    """Neither a rule nor an exemption of a restriction has it, what binds has it; the trail begins with why."""
    logins: list[str | None] = []

    def ask(request: Request) -> NoOpinion:
        logins.append(request.login)
        assert "joe" == request.bound_login
        return NoOpinion("nothing")

    ruleset = Ruleset((RelayRule("asks", ask), YES), (Restriction("asks too", ask),), ways=WAYS)
    decision = ruleset.decide(REQUEST._replace(login="joe", macros=Macros(mechanism)), trail=True)
    assert [seen, seen] == logins
    assert (seen is None) is (decision.trail[0].rule == "login")
    assert ruleset.decide(REQUEST._replace(login="joe", macros=Macros(mechanism))) == decision._replace(trail=())


def test_ways_say_nothing_of_who_has_no_login() -> None:
    """Where there is no login there is nothing that could count."""
    assert ["yes"] == [step.rule for step in Ruleset((YES,), ways=WAYS).decide(REQUEST, trail=True).trail]
