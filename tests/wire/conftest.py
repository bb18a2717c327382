"""A running daemon on each runtime in turn, for what an MTA may send it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import Relaymilter, running

POLICY = ("--local-domain", "example.org", "--relay-domain", "relayed.example")


@pytest.fixture(scope="session", params=["libmilter", "loop"])
def runtime(request: pytest.FixtureRequest) -> str:
    """Each runtime in turn."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def daemon(session_folder: Path, runtime: str) -> Iterator[Relaymilter]:
    """A daemon that logs every decision, as JSON; local is example.org, and this host."""
    with running(Relaymilter(session_folder / f"wire-{runtime}", *POLICY, "--runtime", runtime)) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def text_daemon(session_folder: Path, runtime: str) -> Iterator[Relaymilter]:
    """The same, with a log in text."""
    folder = session_folder / f"text-{runtime}"
    with running(Relaymilter(folder, *POLICY, "--runtime", runtime, "--log-format", "text")) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def quiet_daemon(session_folder: Path, runtime: str) -> Iterator[Relaymilter]:
    """The same, without a log of decisions."""
    folder = session_folder / f"quiet-{runtime}"
    with running(Relaymilter(folder, *POLICY, "--runtime", runtime, "--log-decisions", "none")) as daemon:
        yield daemon
