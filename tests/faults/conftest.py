"""A Postfix whose milter is where each test starts its own, and the table of what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from tests.daemon.process import Daemon
from tests.rig import MtaSettings, Namespace, Postfix, running

from .load import Kind, Load, loading

SEEN = pytest.StashKey[list[str]]()
OURS = ("--local-domain", "example.org", "--socket-mode", "0666")


@dataclass
class Fault:
    """One fault: when it began, and the clients meanwhile. `over` is to be called when its cause is gone."""

    name: str
    load: Load
    began: float = field(default_factory=time.monotonic)

    def over(self) -> None:
        """Wait until all is well again."""
        self.load.settled()

    def verify(self) -> None:
        """Nothing was permitted that should not be, nothing of ours was refused for good."""
        permitted = [code for code in self.load.codes(Kind.TO_OTHERS) if 200 <= code < 300]
        refused = [code for kind in (Kind.TO_US, Kind.FROM_US) for code in self.load.codes(kind) if code >= 500]
        assert (permitted, refused) == ([], [])

    def row(self) -> str:
        """For the table."""
        heard = (self.load.codes(kind, self.began) for kind in Kind)
        counts = (" ".join(f"{code or 'broken'}:{number}" for code, number in sorted(each.items())) for each in heard)
        return f"{self.name:34} {self.load.gap(self.began):5.1f} s  " + "  ".join(f"{each:30}" for each in counts)


class Begin(Protocol):
    """Puts load on, and lets the fault begin; not `settled` where the fault is there from the start."""

    def __call__(self, daemon: Daemon, *, settled: bool = True) -> AbstractContextManager[Fault]: ...


@pytest.fixture(scope="module")
def at(namespace: Namespace, release_folder: Path) -> Path:
    """The folder where the milter's socket is to be."""
    path = release_folder / "faults"
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def attached(namespace: Namespace, at: Path) -> Iterator[Postfix]:
    """The Postfix."""
    with running(Postfix(namespace, at / "postfix", MtaSettings((f"unix:{at}/s",)))) as mta:
        yield mta


@pytest.fixture
def daemon_at(at: Path, request: pytest.FixtureRequest) -> Callable[..., Daemon]:
    """A daemon at the socket that Postfix asks, with a log of its own."""

    def make(*flags: str, **options: object) -> Daemon:
        return Daemon(at, *OURS, *flags, name=f"{request.node.name.replace('/', '-')}.log", **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def begin(attached: Postfix, request: pytest.FixtureRequest) -> Begin:
    """Named as the test is."""

    @contextmanager
    def begun(daemon: Daemon, *, settled: bool = True) -> Iterator[Fault]:
        assert daemon.process.poll() is None
        with loading(attached, settled=settled) as load:
            fault = Fault(request.node.name.removeprefix("test_"), load)
            yield fault
        fault.verify()
        request.config.stash.setdefault(SEEN, []).append(fault.row())

    return begun


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What clients heard from the beginning of each fault on, and the longest time without mail to us."""
    rows = config.stash.get(SEEN, [])
    if rows:
        head = "  ".join(f"{kind.name.lower().replace('_', ' '):30}" for kind in Kind)
        terminalreporter.write_line(f"\n{'fault':34} {'gap':>7}  {head}")
        for row in rows:
            terminalreporter.write_line(row)
