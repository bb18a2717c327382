"""Fixtures for the whole suite: the MTAs, shared by all tests; and no skips where CI runs.

What they give is said in tests/rig/__init__.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import (
    Mta,
    MtaSettings,
    Namespace,
    Postfix,
    Relaymilter,
    Sendmail,
    open_folder,
    running,
    why_unusable,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of our own."""
    parser.addoption("--fuzz-seconds", type=int, default=6, help="how long each fuzz target runs")


def _refuse_skip(report: Any) -> None:
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped where CI is set: {report.longrepr}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """In CI a skipped test has failed."""
    outcome = yield
    _refuse_skip(outcome.get_result())  # type: ignore[attr-defined]


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """In CI a skipped module has failed."""
    outcome = yield
    _refuse_skip(outcome.get_result())  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """The folder of everything that lives as long as the session."""
    with open_folder() as path:
        yield path


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that an MTA's own user can enter."""
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def namespace() -> Iterator[Namespace]:
    """The network that all test MTAs share."""
    reason = why_unusable()
    if reason:
        pytest.skip(reason)
    with Namespace() as network:
        yield network


@pytest.fixture(scope="session", params=["loop", "libmilter"])
def closing(request: pytest.FixtureRequest, session_folder: Path) -> Path:
    """A folder for the relaymilter of each runtime in turn, which has its name, and the MTAs that it closes."""
    folder = session_folder / str(request.param)
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture(scope="session")
def closed(closing: Path) -> Iterator[Relaymilter]:
    """The relaymilter that closes `postfix` and `sendmail`."""
    flags = ("--local-domain", "example.org", "--runtime", closing.name)
    with running(Relaymilter(closing / "relaymilter", *flags)) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def postfix(namespace: Namespace, closing: Path, closed: Relaymilter) -> Iterator[Postfix]:
    """A Postfix that would relay for anyone, closed by relaymilter."""
    with running(Postfix(namespace, closing / "postfix", MtaSettings((closed.milter,)))) as mta:
        yield mta


@pytest.fixture(scope="session")
def sendmail(namespace: Namespace, closing: Path, closed: Relaymilter) -> Iterator[Sendmail]:
    """A Sendmail that would relay for anyone, closed by relaymilter."""
    with running(Sendmail(namespace, closing / "sendmail", MtaSettings((closed.milter,)))) as mta:
        yield mta


@pytest.fixture(scope="session")
def open_postfix(namespace: Namespace, session_folder: Path) -> Iterator[Postfix]:
    """A Postfix that relays for anyone."""
    with running(Postfix(namespace, session_folder / "open-postfix", MtaSettings())) as mta:
        yield mta


@pytest.fixture(scope="session")
def open_sendmail(namespace: Namespace, session_folder: Path) -> Iterator[Sendmail]:
    """A Sendmail that relays for anyone."""
    with running(Sendmail(namespace, session_folder / "open-sendmail", MtaSettings())) as mta:
        yield mta


@pytest.fixture(params=["postfix", "sendmail"])
def mta(request: pytest.FixtureRequest, closing: Path) -> Mta:
    """Each closed MTA in turn, by each runtime."""
    found: Mta = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["postfix", "sendmail"])
def open_mta(request: pytest.FixtureRequest) -> Mta:
    """Each open MTA in turn."""
    found: Mta = request.getfixturevalue(f"open_{request.param}")
    return found
