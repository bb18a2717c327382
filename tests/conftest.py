"""Fixtures for the whole suite: the MTAs, shared by all tests; and no skips where CI runs.

What they give is said in tests/rig/__init__.py.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from random import randrange
from typing import Any

import pytest

from tests.rig import (
    Mta,
    MtaSettings,
    Namespace,
    Postfix,
    Relaymilter,
    Release,
    Sendmail,
    open_folder,
    remove_abandoned,
    running,
    why_unusable,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of our own."""
    parser.addoption("--fuzz-seconds", type=int, default=6, help="how long each fuzz target runs")
    parser.addoption("--soak-seconds", type=int, default=4, help="how long each soak runs; 1800: a long run")
    parser.addoption("--envelopes", type=int, default=1000, help="how many the MTAs are compared by; 20000: a long run")
    parser.addoption("--sessions", type=int, default=200, help="how many make a log of each MTA; 20000: a long run")
    parser.addoption("--seed", type=int, default=randrange(2**32), help="of what is drawn anew in each run")
    releases = [str(release) for release in Release]
    parser.addoption("--mtas", choices=releases, help="the release whose MTAs are tested; left out: each in turn")


def pytest_report_header(config: pytest.Config) -> str:
    """By what a run can be repeated."""
    return f"--seed {config.getoption('--seed')}: of the envelopes, and of the properties that are drawn anew"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What needs an MTA is tested with those of each release, which the name of the test says."""
    if "release" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--mtas")
        releases = [Release(chosen)] if chosen else list(Release)
        metafunc.parametrize("release", releases, ids=str, indirect=True, scope="session")


def pytest_sessionstart() -> None:
    """What a run that was killed has left is removed; and Ctrl-C ends what tests start, also where a shell ignores it.

    A shell that starts a job in the background has it ignore SIGINT (POSIX, 2.9.3.1), and so would all that it starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    remove_abandoned()


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
def release(request: pytest.FixtureRequest) -> Release:
    """The release of Debian whose MTAs are tested now."""
    found: Release = request.param
    return found


@pytest.fixture(scope="session")
def namespace(release: Release) -> Iterator[Namespace]:
    """The network that all test MTAs of a release share."""
    reason = why_unusable()
    if reason:
        pytest.skip(reason)
    with Namespace(release) as network:
        yield network


@pytest.fixture(scope="session", params=["loop", "libmilter"])
def closing(request: pytest.FixtureRequest) -> str:
    """The runtime of `closed`, each in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def release_folder(release: Release) -> Iterator[Path]:
    """The folder of what lives as long as the tests with this release."""
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def closed_folder(release: Release, closing: str) -> Iterator[Path]:
    """The folder of what lives as long as the tests with this release on this runtime."""
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def closed(closing: str) -> Iterator[Relaymilter]:
    """The relaymilter that closes `postfix` and `sendmail`."""
    flags = ("--local-domain", "example.org", "--runtime", closing)
    with open_folder() as folder, running(Relaymilter(folder / "relaymilter", *flags)) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def postfix(namespace: Namespace, closed_folder: Path, closed: Relaymilter) -> Iterator[Postfix]:
    """A Postfix that would relay for anyone, closed by relaymilter."""
    with running(Postfix(namespace, closed_folder / "postfix", MtaSettings((closed.milter,)))) as mta:
        yield mta


@pytest.fixture(scope="session")
def sendmail(namespace: Namespace, closed_folder: Path, closed: Relaymilter) -> Iterator[Sendmail]:
    """A Sendmail that would relay for anyone, closed by relaymilter."""
    with running(Sendmail(namespace, closed_folder / "sendmail", MtaSettings((closed.milter,)))) as mta:
        yield mta


@pytest.fixture(scope="session")
def open_postfix(namespace: Namespace, release_folder: Path) -> Iterator[Postfix]:
    """A Postfix that relays for anyone."""
    with running(Postfix(namespace, release_folder / "open-postfix", MtaSettings())) as mta:
        yield mta


@pytest.fixture(scope="session")
def open_sendmail(namespace: Namespace, release_folder: Path) -> Iterator[Sendmail]:
    """A Sendmail that relays for anyone."""
    with running(Sendmail(namespace, release_folder / "open-sendmail", MtaSettings())) as mta:
        yield mta


# What a fixture asks for by name is found while pytest runs; of the release it must know before.


@pytest.fixture(params=["postfix", "sendmail"])
def mta(release: Release, closing: str, request: pytest.FixtureRequest) -> Mta:
    """Each closed MTA in turn, by each runtime."""
    found: Mta = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["postfix", "sendmail"])
def open_mta(release: Release, request: pytest.FixtureRequest) -> Mta:
    """Each open MTA in turn."""
    found: Mta = request.getfixturevalue(f"open_{request.param}")
    return found
