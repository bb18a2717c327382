"""The reports of decision logs: what is counted, and what a terminal and a browser make of hostile lines."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from types import ModuleType

from relaymilter.report.counting import Summary
from relaymilter.report.findings import Report, report
from relaymilter.report.gathering import count
from relaymilter.report.sharing import Sharing
from tests.rig.daemon import ROOT


def day() -> ModuleType:
    """contrib/pictures/day.py, which makes up a day of decisions."""
    spec = importlib.util.spec_from_file_location("day", ROOT / "contrib" / "pictures" / "day.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line(**fields: str | None) -> str:
    """A decision as the JSON log has it, with these fields."""
    usual: dict[str, str | None] = {
        "time": "2026-11-23T10:00:00.000Z", "session": "8b71ff-1", "client": "192.0.2.7", "helo": "a.example.net",
        "login": None, "sender": "<a@example.net>", "recipient": "<b@example.com>", "verdict": "reject",
        "rule": "no-rule", "reason": "no rule permits", "reply": "554 5.7.1 <b@example.com>: Relay access denied",
    }  # fmt: skip
    return json.dumps(usual | fields)


def summary_of(lines: Iterable[str]) -> Summary:
    """Of these lines, counted in this process."""
    return count("\n".join(lines).encode())


def report_of(lines: Iterable[str]) -> Report:
    """Of these lines, with no limits known."""
    summary, sharing = summary_of(lines), Sharing()
    sharing.see(summary.local)
    return report(summary, sharing, lambda _: ())
