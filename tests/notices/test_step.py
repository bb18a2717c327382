"""A step between processes, for a command, and in words."""

from __future__ import annotations

import json

import pytest

from relaymilter.notices.step import document, in_words, packet, parse_packet, step_of, subject_line
from relaymilter.policy.guard.history import Standing
from relaymilter.policy.guard.standing import Evidence, Judgement

from .steps import NOON, notice, step

HOSTILE = 'a\n\x1b[2J\u202e\0é\udcff"\\$(id)%s' + "x" * 300


def test_of_a_judgement() -> None:
    """It has what the judgement has."""
    judgement = Judgement(Standing.THROTTLED, "over 9 recipients/day per login", Evidence(9, 40, 3, 2))
    found = step_of("login a b", judgement, NOON, "mx")
    assert (NOON, "mx", "a b", "throttled", "over 9 recipients/day per login") == found[:5]
    assert {"recipients": 9, "strange": 40, "networks": 3, "refused": 2} == found.evidence


@pytest.mark.parametrize("login", ["alice", HOSTILE, "é" * 287], ids=["usual", "hostile", "long"])
def test_packet(login: str) -> None:
    """It comes out as it went in, and is small."""
    octets = packet(step(login))
    assert step(login) == parse_packet(octets)
    assert len(octets) < 4096


def test_document() -> None:
    """Always of one form, whatever is in a login."""
    found = json.loads(document(notice(HOSTILE, "bob", more=3)))
    assert [HOSTILE, "bob"] == [each["login"] for each in found["steps"]]
    assert {
        "time": "2027-01-15T08:00:00Z",
        "host": "mx",
        "login": "bob",
        "standing": "suspended",
        "reason": "too much that is new at once in a day",
        "evidence": {"recipients": 15, "refused": 7},
    } == found["steps"][1]
    assert 3 == found["more"]
    assert document(notice(HOSTILE)).isascii()


def test_in_words() -> None:
    """One line of ASCII."""
    for text in (in_words(step(HOSTILE)), subject_line(notice(HOSTILE)), subject_line(notice("a", "b", more=7))):
        assert text.isascii()
        assert text.isprintable()
    assert "login alice is suspended" == subject_line(notice("alice"))
    assert "9 steps of logins: suspended" == subject_line(notice("a", "b", more=7))
