"""All that can meet, in every combination: what is decided is what the mission's sentence says, as model.py has it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import combinations, product, starmap

import pytest

from relaymilter.policy import relay
from relaymilter.policy.rules import Restriction
from relaymilter.policy.verdict import Decision, Defer, NoOpinion, Permit, Reject, Reply
from tests.policy.closings import CLOSINGS, DEFER, REJECT, SILENT
from tests.policy.model import (
    CERTIFICATES,
    CLIENTS,
    DOWN,
    LOGINS,
    NO,
    RECIPIENTS,
    SENDERS,
    YES,
    Say,
    Scene,
    closed_by,
    rules,
)
from tests.policy.test_law_1 import EVERY

EXPECTED = {Permit: "permit", Reject: "reject", Defer: "defer"}
ANSWERS = {
    SILENT: NoOpinion("nothing to say"),
    DEFER: Defer(Reply(450, "4.7.1", "Later"), "later"),
    REJECT: Reject(Reply(550, "5.7.1", "No"), "no"),
}
SCENES = tuple(product(CLIENTS.values(), LOGINS.values(), SENDERS.values(), RECIPIENTS.values()))


def verdict(scene: Scene, closed: Iterable[str]) -> str:
    """Whatever opens, the first restriction that is not silent closes; what is not known is never yes, and never no."""
    if scene.opened is not YES:
        return "defer" if scene.opened is DOWN else "reject"
    return next((said for said in closed if said != SILENT), "permit")


def word(decision: Decision) -> str:
    """By the type of the verdict alone."""
    return EXPECTED[type(decision.verdict)]


def say(capsys: pytest.CaptureFixture[str], what: str, cases: int) -> None:
    """In the output of the run, whether or not it is captured."""
    with capsys.disabled():
        sys.stdout.write(f"\nexhaustive: {cases:,} cases of {what} ")


def test_everything_is_there() -> None:
    """Every function that opens, and every restriction, has its place in the model."""
    opening = {name for name in vars(relay) if name.startswith("permit_")}
    assert opening == {f"permit_{rule.name.replace('-', '_')}" for rule in rules()}
    assert list(CLOSINGS) == [closing.make(NO).name for closing in CLOSINGS.values()]
    assert len(EVERY) == len(CLOSINGS)


def test_what_opens(capsys: pytest.CaptureFixture[str]) -> None:
    """Client, login, sender, recipient, certificate and grant, and a restriction in each of its states."""
    cases = 0
    for granted, (said, answer) in product(Say, ANSWERS.items()):
        ruleset = closed_by(Restriction("synthetic", lambda _, answer=answer: answer), granted=granted)
        for scene, certificate in product(SCENES, CERTIFICATES.values()):
            tried = Scene(*scene, certificate, granted)
            assert verdict(tried, (said,)) == word(ruleset.decide(tried.request)), tried
            cases += 1
    assert cases == 3 * 3 * len(SCENES) * len(CERTIFICATES)
    say(capsys, "what opens", cases)


def test_what_closes(capsys: pytest.CaptureFixture[str]) -> None:
    """Every restriction, as its list says yes, no, or is down, on every client, login, sender and recipient."""
    cases = 0
    for (name, closing), said in product(CLOSINGS.items(), Say):
        ruleset = closed_by(closing.make(said))
        for scene in starmap(Scene, SCENES):
            assert verdict(scene, (closing.says(scene, said),)) == word(ruleset.decide(scene.request)), (
                name,
                said,
                scene,
            )
            cases += 1
    assert cases == 3 * len(CLOSINGS) * len(SCENES)
    say(capsys, "what closes", cases)


PERMITTED = tuple(
    scene
    for scene in (
        Scene(CLIENTS[who], LOGINS[proof], SENDERS[sender], RECIPIENTS[to])
        for who in ("in a local network", "elsewhere")
        for proof in ("no login", "authorised")
        for sender in ("null", "foreign")
        for to in ("local", "foreign")
    )
    if scene.opened is YES
)


def test_what_closes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Any two restrictions, in each of their states: the first that is not silent decides, and none opens."""
    cases = 0
    for (first, second), one, other in product(combinations(CLOSINGS.values(), 2), Say, Say):
        ruleset = closed_by(first.make(one), second.make(other))
        for scene in PERMITTED:
            said = (first.says(scene, one), second.says(scene, other))
            assert verdict(scene, said) == word(ruleset.decide(scene.request)), (said, scene)
            cases += 1
    say(capsys, "two restrictions", cases)
