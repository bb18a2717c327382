"""What `doctor` makes of the answer of the running daemon."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from relaymilter.audit.checks.inspected import Inspected
from relaymilter.audit.checks.running import dry_run, not_fine, not_running
from relaymilter.audit.doctor import examine
from relaymilter.config.reader import Flags, read

from .examined import words


def seen(answer: dict[str, Any] | None, **flags: str) -> Inspected:
    """An MTA of which nothing is known, and this answer."""
    reading = read(Flags({key: (text,) for key, text in flags.items()}))
    return Inspected("postfix", reading, answer=answer, silence="no relaymilter runs with this control socket")


def test_problems() -> None:
    """What the daemon says is wrong is a warning, word by word."""
    found = [*not_fine(seen({"status": 1, "problems": ["worker 1 is not there", "the last reload was refused: x"]}))]
    assert [finding.reason for finding in found] == ["worker 1 is not there", "the last reload was refused: x"]
    assert words(found) == ["warning daemon relaymilter"] * 2


@pytest.mark.parametrize(("process", "number"), [({"dry_run": True}, 1), ({"pid": 1}, 0), ("nonsense", 0)])
def test_dry_run(process: object, number: int) -> None:
    """A daemon in a dry run protects nobody, whatever our flags are."""
    assert words([*dry_run(seen({"process": process}))]) == ["open dry-run relaymilter: dry-run"] * number


@pytest.mark.parametrize("flags", [{}, {"control": "unix:/none"}], ids=["no control socket", "control socket"])
def test_silent_daemon(tmp_path: Path, flags: dict[str, str]) -> None:
    """One that takes connections and has no control socket runs; one that should have one and is silent does not."""
    with socket.socket(socket.AF_UNIX) as milter:
        milter.bind(str(tmp_path / "s"))
        milter.listen()
        found = words([*not_running(seen(None, socket=f"unix:{tmp_path}/s", **flags))])
    assert found == ["warning not-running relaymilter" if flags else "note not-asked relaymilter"]


def test_nobody_listens(tmp_path: Path) -> None:
    """Where nobody takes connections it does not run."""
    found = [*not_running(seen(None, socket=f"unix:{tmp_path}/s"))]
    assert words(found) == ["warning not-running relaymilter"]
    assert found[0].reason.endswith("no relaymilter runs with this control socket")


def test_strange_answer() -> None:
    """Whatever is in the answer, there is no error."""
    for listeners in (None, 1, ["nonsense", 7, None], {"a": 1}):
        assert examine(seen({"listeners": listeners, "problems": []})) == []
