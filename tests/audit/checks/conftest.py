"""A daemon for all tests of `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import Release, open_folder, running, why_unusable
from tests.rig.postmap import postfix_commands

from .examined import Sound, sound_daemon


@pytest.fixture(scope="package")
def sound() -> Iterator[Sound]:
    """It runs."""
    with open_folder() as folder:
        found = sound_daemon(folder)
        with running(found.daemon):
            yield found


@pytest.fixture
def _commands(release: Release, tmp_path: Path) -> Iterator[None]:
    """postconf and postmap of this release."""
    if reason := why_unusable():
        pytest.skip(reason)
    with postfix_commands(tmp_path / "commands", release):
        yield
