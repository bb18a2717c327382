"""The line of the log for a step of a standing."""

from __future__ import annotations

import pytest

from relaymilter.observe.standing import evidence, report
from relaymilter.policy.guard.history import Standing
from relaymilter.policy.guard.standing import Evidence, Judgement


def test_a_step_is_one_line_with_its_evidence(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a login has in it."""
    report("login a b\n", Judgement(Standing.SUSPENDED, "too much that is new", Evidence(15, 97, 25, 26)))
    assert [
        (
            "WARNING",
            'login "a b\\x0a" is suspended: too much that is new; new recipients in a day: 15, strange: 97 % of the '
            "room, networks in an hour: 25, refused in a day: 26",
        )
    ] == [(record.levelname, record.getMessage()) for record in caplog.records]


def test_without_evidence() -> None:
    """There is nothing to say."""
    assert "" == evidence(Judgement(Standing.THROTTLED, "over 5 recipients/day per login"))
