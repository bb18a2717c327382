"""Verdicts, replies and the words for them."""

from __future__ import annotations

from typing import get_args

import pytest

from relaymilter.policy.verdict import (
    WORDS,
    Answer,
    Counted,
    Decision,
    Defer,
    NoOpinion,
    Permit,
    Reject,
    Reply,
    Step,
    Unknown,
    refuse,
)

DENIED = Reply(554, "5.7.1", "{recipient}: Relay access denied")
LATER = Reply(451, "4.7.1", "Try again later")


@pytest.mark.parametrize(
    ("code", "status"),
    [(400, "4.0.0"), (451, "4.7.1"), (499, "4.9.9"), (500, "5.0.0"), (554, "5.7.1"), (599, "5.9.9")],
)
def test_reply_is_a_refusal(code: int, status: str) -> None:
    """A reply has a code from 400 to 599 and a status of the same class."""
    reply = Reply(code, status, "No")
    assert (code, status, "No") == (reply.code, reply.status, reply.text)


@pytest.mark.parametrize("code", [-554, 0, 55, 200, 250, 354, 399, 600, 5540])
def test_reply_that_is_no_refusal(code: int) -> None:
    """A code outside 400 to 599 cannot be made, so no reply can say 250."""
    with pytest.raises(ValueError, match="is no refusal"):
        Reply(code, f"{str(code)[0]}.7.1", "Yes")


@pytest.mark.parametrize(
    ("code", "status"),
    [(554, "4.7.1"), (451, "5.7.1"), (554, "2.0.0"), (554, ""), (554, "55.7.1"), (451, "-4.7.1"), (554, "x")],
)
def test_reply_of_two_classes(code: int, status: str) -> None:
    """A status of another class than the code's is refused."""
    with pytest.raises(ValueError, match="of different classes"):
        Reply(code, status, "No")


def test_refuse_takes_the_class_of_the_code() -> None:
    """The code alone says whether a refusal is for good."""
    assert Reject(DENIED, "why") == refuse(DENIED, "why")
    assert Defer(LATER, "why") == refuse(LATER, "why")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(400, Defer), (499, Defer), (500, Reject), (599, Reject)],
    ids=["first of 4xx", "last of 4xx", "first of 5xx", "last of 5xx"],
)
def test_refuse_at_the_edges(code: int, kind: type) -> None:
    """4xx is Defer and 5xx is Reject, up to the edge."""
    assert kind is type(refuse(Reply(code, f"{code // 100}.0.0", "No"), ""))


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Permit("why"), "permit"),
        (NoOpinion("why"), "no opinion"),
        (Unknown("why"), "unknown"),
        (Reject(DENIED, "why"), "reject"),
        (Defer(LATER, "why"), "defer"),
    ],
    ids=["permit", "no opinion", "unknown", "reject", "defer"],
)
def test_step_word(answer: Answer, word: str) -> None:
    """A step is told in one word."""
    assert word == Step("some-rule", answer).word


def test_every_answer_has_its_own_word() -> None:
    """No answer is without a word, and no two have the same, but a charge has that of the answer that it is."""
    assert {*get_args(Answer), Counted} == set(WORDS)
    assert WORDS[Counted] == WORDS[NoOpinion]
    assert len(WORDS) - 1 == len(set(WORDS.values()))


@pytest.mark.parametrize(
    ("verdict", "word"),
    [(Permit("why"), "permit"), (Reject(DENIED, "why"), "reject"), (Defer(LATER, "why"), "defer")],
    ids=["permit", "reject", "defer"],
)
def test_decision_word(verdict: Permit | Reject | Defer, word: str) -> None:
    """A decision is told by its verdict, whatever its trail."""
    assert word == Decision(verdict, "some-rule", (Step("other-rule", NoOpinion("")),)).word


@pytest.mark.parametrize(
    ("value", "field"),
    [(DENIED, "code"), (Permit(""), "reason"), (Decision(Permit(""), "", ()), "verdict")],
    ids=["reply", "permit", "decision"],
)
def test_nothing_changes_afterwards(value: object, field: str) -> None:
    """A verdict that was given stays as it is."""
    with pytest.raises(AttributeError):
        setattr(value, field, Permit("changed"))


def test_answers_are_equal_that_say_the_same() -> None:
    """However they are put together; a permit equals no other answer, and answers may stand in sets."""
    assert {Permit("in %s", "x"), Permit("in x")} == {Permit("in x")}
    assert Permit("in x") != NoOpinion("in x")
    assert "NoOpinion('100 % x')" == repr(NoOpinion("100 % x"))
