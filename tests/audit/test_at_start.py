"""What is logged of the set-up when a daemon has started; tests/cli/test_doctor.py has the whole of it."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from relaymilter.audit import at_start, at_start_program, mtas_here
from relaymilter.config.reader import Flags
from tests.rig.postmap import configured, postfix_commands, why_no_postmap


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Postfix is configured where it usually is, and the log is not set up anew."""
    configured(tmp_path)
    monkeypatch.setattr(mtas_here, "USUAL", {"postfix": tmp_path / "main.cf"})
    monkeypatch.setattr(at_start_program, "log_to", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["-c", json.dumps([{"control": [f"unix:{tmp_path}/control"]}, None])])


def test_where_no_program_of_the_mta_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In a sandbox that has the files of the MTA and not its programs nothing is said."""
    monkeypatch.setattr("relaymilter.tables.postmap._WHERE_ELSE", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with caplog.at_level(logging.DEBUG):
        at_start_program.main()
    assert caplog.messages == []


def test_one_line_for_an_mta(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where they run, one line says how many findings there are, and where to see them."""
    if reason := why_no_postmap():
        pytest.skip(reason)
    with postfix_commands(tmp_path / "commands") as conf, caplog.at_level(logging.INFO):
        (conf / "master.cf").write_text("smtp inet n - y - - smtpd\n")
        at_start_program.main()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("doctor: postfix: 1 by which the relay is open or not protected, ")
    assert caplog.messages[0].endswith("; see relaymilter doctor, with the same flags")


def test_settings_that_have_changed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What is wrong by now with the settings is the daemon's to say, at its next reload."""
    monkeypatch.setattr(sys, "argv", ["-c", json.dumps([{"local-network": ["nonsense"]}, None])])
    at_start_program.main()
    assert caplog.messages == []


def test_no_mta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no MTA is configured no process is started."""
    started: list[object] = []
    monkeypatch.setattr(at_start, "run_aside", lambda *given: started.append(given))
    at_start.examine_aside(Flags({}))
    monkeypatch.setattr(mtas_here, "USUAL", {})
    at_start.examine_aside(Flags({}))
    assert len(started) == 1


def test_start_that_cannot_have_another_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is no room for another process the daemon goes on, and says so."""

    def full(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(at_start, "run_aside", full)
    at_start.examine_aside(Flags({}))
    assert caplog.messages == ["the set-up was not examined: [Errno 11] Resource temporarily unavailable"]
