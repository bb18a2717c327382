"""Who is given notice: what is refused, and in which words."""

from __future__ import annotations

import pytest

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("notify-command", "notify", "'notify' is no command: give its absolute path"),
        ("notify-command", "", "'' is no command"),
        ("notify-command", "/bin/a 'b", "No closing quotation"),
        ("notify-mail", "a b", "'a b' is no address for mail"),
        ("notify-mail", "-oQ/tmp@example.org", "is no address for mail"),
        ("notify-mail", "a@example..org", "is no address for mail"),
        ("notify-mail", "a@b@example.org", "is no address for mail"),
        ("notify-mail", "a%b@example.org", "is no address for mail"),
        ("notify-mail", "jörg@example.org", "is no address for mail"),
        ("notify-mail", "a@example.org\r\nDATA", "is no address for mail"),
        ("notify-server", "unix:/run/mta", "is no server: give inet:PORT@HOST"),
        ("notify-server", "inet:25@mx.example.org", "is no address"),
    ],
)
def test_refused(key: str, text: str, words: str) -> None:
    """With what to write instead."""
    with pytest.raises(ConfigError) as caught:
        read(Flags({key: (text,)}))
    [problem] = caught.value.problems
    assert problem.startswith(f"--{key}: ")
    assert words in problem


def test_a_command_that_cannot_be_run() -> None:
    """Is warned of: the configuration may be for another machine."""
    [warning] = [line for line in read(Flags({"notify-command": ("/etc/passwd",)})).warnings if "notify" in line]
    assert "--notify-command: /etc/passwd cannot be run here, so nobody will get notice by it" == warning


def test_nobody() -> None:
    """Where neither is given."""
    assert not read(Flags({})).settings.notices.any
    assert read(Flags({"notify-mail": ("root",)})).settings.notices.any
