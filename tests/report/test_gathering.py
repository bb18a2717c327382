"""Whole logs: plain, compressed and from standard input they count the same, in one process and in several."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from relaymilter.report import gathering
from relaymilter.report.findings import report
from relaymilter.report.gathering import gather
from relaymilter.report.page import page
from tests.report import day, line, report_of


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return [*day().day(3000)]


def found(names: list[str], processes: int) -> str:
    """The report, as text."""
    summary, sharing = gather(names, processes)
    return json.dumps(report(summary, sharing, lambda _: ()).as_dict())


def test_every_way_counts_the_same(lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one part or in many, by one process or by three, rotated and compressed."""
    whole, first, second = tmp_path / "log", tmp_path / "log.1", tmp_path / "log.2.gz"
    whole.write_text("\n".join(lines))
    first.write_text("\n".join(lines[2000:]) + "\n")
    second.write_bytes(gzip.compress(("\n".join(lines[:2000]) + "\n").encode()))
    alone = found([f"{whole}"], 1)
    monkeypatch.setattr(gathering, "_PART", 100_000)
    assert alone == found([f"{whole}"], 1) == found([f"{whole}"], 3) == found([f"{second}", f"{first}"], 3)
    assert json.loads(alone)["sections"]["thefts"]["rows"] != []


def test_memory_is_bounded_against_any_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are all different fill no table beyond its room, and the report says what it does not know."""
    lines = [
        line(
            client=f"2001:db8:{number:x}::1", login=f"u{number}", recipient=f"<a@{number}.example>", reason=f"{number}"
        )
        for number in range(9000)
    ]
    made = report_of(lines)
    assert made.totals.reject == 9000
    assert "At most" in made.sections[2].columns
    assert any("too low" in note for note in made.notes)
    assert len(json.dumps(made.as_dict())) < 200_000


def test_thefts_have_a_time_line(lines: list[str]) -> None:
    """Throttled, suspended and the last attempt, in this order, with the evidence that the daemon had."""
    grace, nils = report_of(lines).thefts
    assert ("grace", "nils") == (grace.login, nils.login)
    assert ["throttled", "suspended", "last attempt"] == [step.what.partition(":")[0] for step in grace.steps]
    assert "new recipients in a day: 18" in grace.steps[0].what
    assert (18, 62, 280) == (grace.permitted, grace.deferred, grace.rejected)
    assert "" == nils.suspended


def test_a_proxy_in_front_looks_shared() -> None:
    """A local address that greets by the names of many mail exchangers, with senders of as many domains."""
    lines = [
        line(
            client="172.17.0.1", verdict="permit", rule="local-client", helo=f"mx{n}.site{n}.example",
            sender=f"<a@sender{n}.example>",
        )
        for n in range(40)
    ]  # fmt: skip
    shared = next(section for section in report_of(lines).sections if section.key == "shared")
    assert ["172.17.0.1"] == [row[0] for row in shared.rows]
    assert () == next(section for section in report_of(lines[:5]).sections if section.key == "shared").rows


def test_a_limit_that_the_log_names_is_near() -> None:
    """Who reached one, and in which day, is listed without a configuration."""
    sent = [line(login="bob", verdict="permit", rule="authorised-login")] * 60
    over = line(login="bob", verdict="defer", rule="ledger", reason="over 60 recipients/day per login")
    made = report_of([*sent, over])
    near = next(section for section in made.sections if section.key == "near_limits")
    assert [("bob", "60 recipients/day", 60, "2026-11-23", 100)] == [*near.rows]
    assert () == made.thefts


def test_page_is_small_whatever_the_log_has() -> None:
    """As many thefts as there may be, each two days long, and long names everywhere, take no mebibyte."""
    times = [
        f"2026-11-2{1 + day}T{hour:02}:{ten}0:00.000Z" for day in range(2) for hour in range(24) for ten in range(6)
    ]
    fields = {"recipient": f"<a@{'<' * 300}>", "rule": "ledger", "reason": f"x{'&' * 300}"}
    lines = [
        line(login=f"{'<' * 90}{number}", client=f"2001:db8:{number:x}::1", time=time, verdict=verdict, **fields)
        for number in range(40)
        for time in times
        for verdict in ("permit", "reject", "defer")
    ]
    assert len(page(report_of(lines))) < 1 << 20


@pytest.mark.parametrize(
    ("reason", "verdict", "is_theft"),
    [
        ("over 500 recipients/day per login", "defer", False),
        ("over 200 new recipients a day", "defer", False),
        ("over 5 networks an hour", "defer", True),
        ("too much that is new at once in a week", "defer", True),
        ("the account is suspended", "reject", True),
    ],
)
def test_a_plain_limit_is_no_theft(reason: str, verdict: str, is_theft: bool) -> None:
    """What looks like theft is told from it by the reason; and steps at one time are in the order of what they are."""
    found = report_of([line(login="bob", verdict=verdict, rule="ledger", reason=reason)]).thefts
    assert is_theft == bool(found)
    for theft in found:
        assert "last attempt" == theft.steps[-1].what
