"""How the daemon runs."""

from __future__ import annotations

import pytest

from .written import problems, settings


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("2", 2.0), ("0.5", 0.5), ("3600", 3600.0)])
def test_stop_timeout(text: str, seconds: float) -> None:
    """A time is in seconds."""
    assert seconds == settings(stop_timeout=text).daemon.stop_timeout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no number of seconds"),
        ("5s", "'5s' is no number of seconds"),
        ("-1", "-1 is out of range: give 0 to 3600 seconds"),
        ("3601", "3601 is out of range: give 0 to 3600 seconds"),
        ("inf", "inf is out of range: give 0 to 3600 seconds"),
        ("nan", "nan is out of range: give 0 to 3600 seconds"),
        ("1e999", "1e999 is out of range: give 0 to 3600 seconds"),
    ],
)
def test_bad_stop_timeout(text: str, message: str) -> None:
    """What is no time, or an unreasonable one, is refused."""
    assert [f"--stop-timeout: {message}"] == problems(stop_timeout=text)


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "1.5", "two", "²", "9" * 30])
def test_bad_workers(text: str) -> None:
    """Workers are counted, and bounded."""
    assert [f"--workers: {text!r} is no number of workers: give 1 to 64"] == problems(workers=text)
