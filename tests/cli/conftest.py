"""The command, in this process: what it prints, and its exit status."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

import tests.policy.conftest  # noqa: F401  its profile of hypothesis is for this folder too
from relaymilter.cli import main


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def relaymilter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run the command with these words, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, set())

    def run(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["relaymilter", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        status = ended.value.code
        assert isinstance(status, int)
        return Outcome(status, *capsys.readouterr())

    yield run
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
