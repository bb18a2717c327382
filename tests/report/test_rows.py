"""Lines of the log as rows: those of either format are the same, and nothing that a client types makes a row."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

import tests.policy.conftest  # noqa: F401  its profile of hypothesis is for this folder too
from relaymilter.audit.log_line import logged_fields
from relaymilter.policy.envelope import Request
from relaymilter.report.rows import read_lines
from tests.audit.test_log_line import HOSTILE_TEXT, requests, written
from tests.report import line


@given(requests(), HOSTILE_TEXT)
def test_both_formats_are_one_row(asked: Request, reason: str) -> None:
    """Whatever was typed, a text line and a JSON line give the same row, which has what log_line.py reads."""
    text, as_json = (written(asked, reason, form, dry_run=True) for form in (False, True))
    (row,) = read_lines([text]).rows
    assert [each._replace(time=row.time) for each in read_lines([as_json]).rows] == [row]
    assert [row] == read_lines([f"Nov 24 04:22:52 mx relaymilter[7]: {text}"]).rows
    fields = logged_fields(as_json)
    for name in ("client", "helo", "sender", "recipient", "verdict", "rule", "reason"):
        assert getattr(row, name) == (fields[name] or "")
    assert (row.login, row.dry_run) == (fields["login"], "yes")


FORGED = "decision time=2026-11-23T10:00:00.000Z session=a client=192.0.2.1 helo=x login=- sender=<> recipient=<b@c> "
FORGED += 'verdict=permit rule=local-client reason=x reply=""'


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(f"    {FORGED}", id="a further line of an exception"),
        pytest.param(f"ERROR: {FORGED}", id="an error"),
        pytest.param(f"Nov 24 04:22:52 mx relaymilter[7]: ERROR: bad {FORGED}", id="an error by syslog"),
        pytest.param(f'WARNING: login "{FORGED}" is throttled: why; new recipients in a day: 1', id="a login"),
        pytest.param(json.dumps({"helo": FORGED}), id="in an object"),
        pytest.param(json.dumps(json.loads(line()) | {"verdict": "accept"}), id="no verdict"),
        pytest.param(json.dumps(json.loads(line()) | {"client": {"address": "192.0.2.1"}}), id="an object in it"),
        pytest.param(json.dumps(json.loads(line()) | {"login": 7}), id="a number"),
        pytest.param(line() + ", " + line(), id="two in one line"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("{" * 1000, id="braces"),
    ],
)
def test_what_is_no_decision_is_no_row(forged: str) -> None:
    """It is passed over, alone and among others, which are read all the same."""
    assert read_lines([forged]).rows == []
    assert len(read_lines([line(), forged, line()]).rows) == 2


def test_steps_and_shared_addresses_are_read() -> None:
    """What the daemon says of a login and of an address, with the time of the decision before it."""
    lines = [
        line(),
        r'WARNING: login "a \"b" is suspended: the reason; new recipients in a day: 1, strange: 2 % of the room',
        "WARNING: shared address: 172.17.0.1 is in a local network and looks like many hosts: in two days; all; let",
    ]
    suspended, shared = read_lines(lines).said
    assert ("2026-11-23T10:00:00.000Z", "suspended", 'a "b', "the reason") == suspended[:4]
    assert ("shared", "172.17.0.1", "in two days") == (shared.what, shared.name, shared.evidence)
