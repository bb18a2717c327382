"""Each mutant in a process of its own, forked where all that it needs is imported but for what is broken.

Where nothing that is broken is run at import, that is everything, tests included. Else the module and the tests are
imported in the fork. A test without an end is one that takes a multiple of the processor's time, or of the time, that
it took when it was measured.
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from types import CodeType
from typing import Any, NamedTuple

import pytest

from tests.mutation.bounded import ARGUMENTS, IN_PROCESS, Bounded
from tests.mutation.results import ROOT

OF_PROCESSOR = 2.0
"""Seconds, beside twenty times what the test took."""
OF_TIME = 20.0
"""Seconds, beside sixty times what the test took; for one that waits, on a busy machine."""
MEMORY = 3 << 30
"""Bytes that a mutant may have."""
_ENDED = (signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU)


class Outcome(NamedTuple):
    """What a fork came to."""

    word: str
    """As in Fate; `unswapped` where it has to be imported broken."""
    by: int
    """Which of the tests, if it was one."""


def forked(child: Callable[[Callable[[int], None]], int], quiet: bool = True) -> Outcome:
    """What becomes of what the child does, which says before each test which one it is."""
    with mmap.mmap(-1, 4) as shared:
        shared[:4] = struct.pack("i", -1)
        pid = os.fork()
        if pid == 0:
            if quiet:
                _alone()
            status = 1
            try:
                status = child(lambda test: shared.__setitem__(slice(0, 4), struct.pack("i", test)))
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        (by,) = struct.unpack("i", shared[:4])
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in _ENDED:
        return Outcome("endless", by)
    return Outcome({0: "survives", UNSWAPPED: "unswapped"}.get(os.waitstatus_to_exitcode(status), "noticed"), by)


UNSWAPPED = 77


def _alone() -> None:
    """It says nothing, and takes no more than its part."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def bound(seconds: float) -> None:
    """The process ends if what it does now takes many times as long."""
    signal.setitimer(signal.ITIMER_PROF, OF_PROCESSOR + 20 * seconds)
    signal.setitimer(signal.ITIMER_REAL, OF_TIME + 60 * seconds)


class Watched:
    """A plugin for pytest: a test is announced and bounded, and the first that fails ends the process."""

    def __init__(self, begin: Callable[[int], None], numbers: dict[str, int], seconds: Sequence[float]) -> None:
        self.begin, self.numbers, self.seconds = begin, numbers, seconds

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Which one it is."""
        number = self.numbers.get(nodeid, -1)
        self.begin(number)
        bound(self.seconds[number] if number >= 0 else 1.0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """One is enough, and nobody reads what it says."""
        if call.excinfo is not None:
            os._exit(1)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """So is a module that cannot be imported."""
        if report.failed:
            os._exit(1)


def run(items: Sequence[pytest.Item]) -> None:
    """These tests, in this order."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


class Imported:
    """A plugin for pytest: in place of the tests, a function of them that has them all at hand."""

    def __init__(self, work: Callable[[list[pytest.Item], pytest.PytestPluginManager], None]) -> None:
        self.work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """With all tests imported."""
        self.work(session.items, session.config.pluginmanager)
        return True


class Ordered:
    """A plugin for pytest: the tests in this order, and no others."""

    def __init__(self, order: Sequence[str]) -> None:
        self.order = {name: place for place, name in enumerate(order)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """A test that the broken module has done away with is missed by nobody."""
        items[:] = sorted((each for each in items if each.nodeid in self.order), key=lambda i: self.order[i.nodeid])

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """One after the other."""
        run(session.items)
        return True


class _Broken(SourceFileLoader):
    """Loads the module from this source."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec")

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As what stands in sys.meta_path is asked."""
        return spec_from_loader(name, self, origin=self.path) if name == self.name else None


def collected(files: Sequence[str], path: str, source: str, order: Sequence[str], watched: Watched) -> int:
    """Import these files of tests with the module at the path broken, and run the tests in this order."""
    bound(2.0)
    sys.meta_path.insert(0, _Broken(path.removesuffix(".py").replace("/", "."), str(ROOT / path), source))
    arguments = [each for each in ARGUMENTS if each not in IN_PROCESS]
    return int(pytest.main([*arguments, *files], plugins=[Bounded(), watched, Ordered(order)]))


def preload(modules: Sequence[str]) -> None:
    """What is not ours, for whoever is forked from here."""
    for name in modules:
        with suppress(Exception):
            __import__(name)
