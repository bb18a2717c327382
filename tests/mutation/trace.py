"""Which tests run which line, and how long each takes: measured once, for as long as neither code nor tests change.

Run as a program, it measures: what is imported must be imported under the eyes of coverage.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.mutation.bounded import ARGUMENTS, Bounded
from tests.mutation.results import FOLDER, ROOT, tree_hash

AT_IMPORT = -1
"""In place of the number of a test: while the tests are imported."""


class Trace(NamedTuple):
    """What was measured."""

    tests: list[str]
    """Their names, as pytest has them."""
    seconds: list[float]
    lines: dict[str, dict[int, list[int]]]
    """By file and line the numbers of the tests that run it."""
    modules: list[str]
    """What they import that is not ours."""

    def of(self, path: str, lines: range) -> set[int]:
        """The tests that run one of these lines."""
        of = self.lines.get(path, {})
        return {test for line in lines for test in of.get(line, ())}


def trace() -> Trace:
    """The one that holds for code and tests as they are; measured if need be, which takes some minutes."""
    file = FOLDER / f"trace-{tree_hash('relaymilter', 'tests')}"
    if not file.exists():
        for old in FOLDER.glob("trace-*"):
            old.unlink()
        subprocess.run([sys.executable, "-m", __name__, str(file)], cwd=ROOT, check=True)
    tests, seconds, lines, modules = json.loads(file.read_text())
    by_line = {path: {int(line): found for line, found in of.items()} for path, of in lines.items()}
    return Trace(tests, seconds, by_line, modules)


class _Measured:
    """Each test is a context of coverage."""

    def __init__(self, coverage: Any) -> None:
        self.coverage = coverage
        self.tests: list[str] = []
        self.seconds: list[float] = []
        self.caches: list[Any] = []

    def pytest_collection_finish(self) -> None:
        """What a function remembers would keep its lines from being run by the next test."""
        caches = (each for each in gc.get_objects() if isinstance(each, _lru_cache_wrapper))
        self.caches = [each for each in caches if each.__module__.startswith("relaymilter.")]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """From its fixtures to their end."""
        for each in self.caches:
            each.cache_clear()
        self.coverage.switch_context(str(len(self.tests)))
        begun = time.monotonic()
        yield
        self.tests.append(item.nodeid)
        self.seconds.append(round(time.monotonic() - begun, 4))
        self.coverage.switch_context("")


def _measure(file: Path) -> int:
    from coverage import Coverage  # only here, and only where mutants are made

    coverage = Coverage(data_file=None, source=[str(ROOT / "relaymilter")], config_file=False)
    coverage.start()
    measured = _Measured(coverage)
    status = pytest.main(ARGUMENTS, plugins=[Bounded(), measured])
    coverage.stop()
    data, found = coverage.get_data(), {}
    for path in data.measured_files():
        lines = defaultdict(list)
        for line, contexts in data.contexts_by_lineno(path).items():
            lines[line] = sorted(int(context or AT_IMPORT) for context in contexts)
        found[str(Path(path).relative_to(ROOT))] = lines
    foreign = [name for name in sys.modules if name.partition(".")[0] not in ("relaymilter", "tests", "__main__")]
    if status == pytest.ExitCode.OK:
        file.write_text(json.dumps([measured.tests, measured.seconds, found, foreign]))
    return status


if __name__ == "__main__":
    sys.exit(_measure(Path(sys.argv[1])))
