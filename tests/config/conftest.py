"""Each test has a folder of its own as the current one."""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.policy.conftest  # noqa: F401  its profile of hypothesis is for this folder too


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
