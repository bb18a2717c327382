"""A file that is a switch."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from relaymilter.files.presence import Presence


def test_it_is_on_while_the_file_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A change is seen by the next who asks, however soon, and logged once."""
    path = tmp_path / "lockdown"
    there = Presence(str(path), "lockdown")
    assert not there()
    with caplog.at_level(logging.WARNING):
        path.touch()
        assert there()
        assert there()
        path.unlink()
        assert not there()
    assert [f"lockdown: on, {path}", f"lockdown: off, {path}"] == caplog.messages


@pytest.mark.parametrize("path", ["{}/file/below", "{}/" + "x" * 300], ids=["below a file", "a name too long"])
def test_what_cannot_be_told_is_on(tmp_path: Path, path: str) -> None:
    """It closes."""
    (tmp_path / "file").touch()
    assert Presence(path.format(tmp_path), "lockdown")()
