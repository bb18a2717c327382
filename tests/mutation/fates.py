"""What becomes of mutants: each is tried by the tests that run its line, quickest first, until one notices it."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

import pytest

from tests.mutation.bounded import ARGUMENTS, IN_PROCESS, Bounded
from tests.mutation.forks import UNSWAPPED, Imported, Outcome, Watched, collected, forked, preload, run
from tests.mutation.mutants import Mutant
from tests.mutation.results import ROOT, Results
from tests.mutation.swap import functions_by_file, swapped
from tests.mutation.trace import AT_IMPORT, Trace, trace
from tests.mutation.trees import by_process, tree

REMEMBERED = 30
"""How many tests that have noticed something in a file are tried first on the next mutant of it."""
LONG = 0.5
"""Seconds, from which on a test is asked only of what survives the others."""

FEW = 3
"""Files that are imported first where a mutant is broken at import."""


class Target(NamedTuple):
    """A mutant of a file."""

    path: str
    mutant: Mutant
    name: str
    """As explained.txt has it."""


class Trial:
    """Tries mutants, and remembers what becomes of them, until there is no more time; by long tests only if `long`."""

    def __init__(self, results: Results, until: float, long: bool = False) -> None:
        self.results, self.until, self.long = results, until, long
        self.trace: Trace = trace()
        self.numbers = {name: number for number, name in enumerate(self.trace.tests)}
        self._files = {_file(name) for name in self.trace.tests}
        self._places: dict[str, dict[int, int]] = {}
        """By file, where each test stands."""
        self._noticed: dict[str, list[int]] = defaultdict(list)

    def run(self, targets: Sequence[Target]) -> None:
        """First those for which everything is imported once; then those that must be imported broken."""
        preload(self.trace.modules)
        at_once = [each for each in targets if (tests := self._tests(each)) and AT_IMPORT not in tests]
        if at_once:
            forked(lambda _: self._import_once(at_once), quiet=False)
            self.results.read()
        for target in filter(self._is_open, targets):
            if self.over:
                return
            self._add(target, self._broken_at_import(target) if self._tests(target) else Outcome("survives", -1))
        if self.long:
            self._by_process(targets)

    def _by_process(self, targets: Sequence[Target]) -> None:
        """What this process cannot notice, daemons may."""
        left = [each for each in targets if by_process(each.path) and self._survives(each)]
        with tree() as copy:
            for target in left:
                if self.over:
                    return
                self.results.add(target.mutant.source, copy.fate(target.path, target.mutant.source))

    def _survives(self, target: Target) -> bool:
        fate = self.results.find(target.mutant.source)
        return fate is not None and fate.word == "survives"

    def _is_open(self, target: Target) -> bool:
        fate = self.results.find(target.mutant.source)
        return fate is None or (self.long and fate.word == "doubtful")

    @property
    def over(self) -> bool:
        """There is no more time."""
        return time.monotonic() > self.until

    def _tests(self, target: Target) -> set[int]:
        return self.trace.of(target.path, target.mutant.lines)

    def _order(self, path: str, tests: Iterable[int]) -> list[int]:
        """What noticed something of late, then the file's own, quickest first."""
        if path not in self._places:
            own, seconds = f"/test_{Path(path).stem}.py", self.trace.seconds
            ways = [(own not in name, seconds[n], n) for n, name in enumerate(self.trace.tests)]
            self._places[path] = {way[-1]: place for place, way in enumerate(sorted(ways))}
        place, late = self._places[path], {n: at - REMEMBERED for at, n in enumerate(self._noticed[path])}
        asked = (test for test in tests if (self.trace.seconds[test] > LONG) is self.long)
        return sorted(asked, key=lambda test: late.get(test, place[test]))

    def _import_once(self, targets: Sequence[Target]) -> int:
        def work(items: list[pytest.Item], plugins: pytest.PytestPluginManager) -> None:
            at, functions = {self.numbers[item.nodeid]: item for item in items}, functions_by_file()
            gc.freeze()
            for target in targets:
                if self.over:
                    return
                outcome = self._swapped(target, at, functions.get(str(ROOT / target.path), []), plugins)
                if outcome.word != "unswapped":
                    self._add(target, outcome)

        return int(pytest.main(ARGUMENTS, plugins=[Bounded(), Imported(work)]))

    def _swapped(
        self,
        target: Target,
        at: dict[int, pytest.Item],
        functions: Iterable[FunctionType],
        plugins: pytest.PytestPluginManager,
    ) -> Outcome:
        order = self._order(target.path, self._tests(target))

        def child(begin: Callable[[int], None]) -> int:
            if not swapped(ROOT / target.path, target.mutant.source, functions):
                return UNSWAPPED
            plugins.register(Watched(begin, self.numbers, self.trace.seconds))
            run([at[test] for test in order])
            return 0

        return forked(child)

    def _broken_at_import(self, target: Target) -> Outcome:
        """By the tests of a few files first, since all take a second to import."""
        running = self._order(target.path, self._tests(target) - {AT_IMPORT})
        every = self._order(target.path, range(len(self.trace.tests)))
        order = list(dict.fromkeys([*running, *every]))
        few = list(dict.fromkeys(_file(self.trace.tests[test]) for test in order[:REMEMBERED]))[:FEW]
        own = [file for file in self._files if file.endswith(f"/test_{Path(target.path).stem}.py")]
        outcome = self._collected(target, [*few, *own], order)
        return self._collected(target, IN_PROCESS, order) if outcome.word == "survives" else outcome

    def _collected(self, target: Target, files: Sequence[str], order: Iterable[int]) -> Outcome:
        tests = [self.trace.tests[test] for test in order]
        chosen = tests if files is IN_PROCESS else [test for test in tests if _file(test) in files]

        def child(begin: Callable[[int], None]) -> int:
            watched = Watched(begin, self.numbers, self.trace.seconds)
            return collected(files, target.path, target.mutant.source, chosen, watched)

        return forked(child)

    def _add(self, target: Target, outcome: Outcome) -> None:
        by = self.trace.tests[outcome.by] if outcome.by >= 0 and outcome.word != "survives" else ""
        if by:
            noticed = self._noticed[target.path]
            self._noticed[target.path] = [outcome.by, *(each for each in noticed if each != outcome.by)][:REMEMBERED]
        word = "doubtful" if outcome.word == "survives" and not self.long else outcome.word
        self.results.add(target.mutant.source, word, by)


def _file(test: str) -> str:
    return test.partition("::")[0]
