"""Break one place at a time, and list what no test notices: `contrib/test --mutate [--minutes N] [PATH...]`.

Mutants are drawn by a seed that is printed, as many as there is time for. Those that are known to change nothing, or
that are noticed only by tests which take too long here, stand with a reason in explained.txt.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random, randrange
from typing import NamedTuple

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.trees import BY_PROCESS, ROOT, THOROUGH, Tree, node, tree

TARGETS = ("relaymilter/policy", "relaymilter/milter", "relaymilter/daemon", "relaymilter/config/wiring.py")
DAEMON = "relaymilter/daemon/"
"""What is in it runs in processes of its own, which are not traced."""
EXPLAINED = Path(__file__).with_name("explained.txt")
SECONDS = 600.0
"""Longer than the slowest choice of tests takes on a busy machine: that of the daemon, three minutes."""


class Target(NamedTuple):
    """A mutant of a file."""

    path: str
    mutant: Mutant

    def __str__(self) -> str:
        return f"{self.path} {self.mutant.change}"


def explained() -> dict[str, str]:
    """Reasons by mutant: a line, and its reason in the lines below, which are indented."""
    found: dict[str, str] = {}
    last = ""
    for line in EXPLAINED.read_text().splitlines():
        if line.startswith("    "):
            found[last] = f"{found[last]} {line.strip()}".strip()
        elif line and not line.startswith("#"):
            last = line
            found[last] = ""
    return found


def targets(paths: Iterable[str]) -> Iterator[Target]:
    """Every mutant of these files and folders."""
    for path in paths:
        found = ROOT / path
        for file in sorted(found.rglob("*.py")) if found.is_dir() else (found,):
            name = str(file.relative_to(ROOT))
            yield from (Target(name, mutant) for mutant in mutants(file.read_text()))


def tests_of(target: Target, traced: dict[str, dict[int, set[str]]], folder: Path) -> list[str]:
    """Those that run the line, the file's own first; all that run the file if none does, as where it is imported."""
    if target.path.startswith(DAEMON):
        return list(BY_PROCESS[DAEMON])
    lines = traced.get(target.path, {})
    contexts = lines.get(target.mutant.line) or set[str]().union(*lines.values())
    nodes = {node(context, folder) for context in contexts} - {""}
    own = f"test_{Path(target.path).stem}.py"
    begun = next((tests for begin, tests in BY_PROCESS.items() if target.path.startswith(begin)), ())
    return [*sorted(nodes, key=lambda name: (own not in name, name)), *begun]


def fate(copy: Tree, target: Target, traced: dict[str, dict[int, set[str]]]) -> str:
    """What becomes of it: `noticed`, `endless`, which is noticed unless the machine is too slow, or `survives`."""
    policy = target.path.startswith("relaymilter/policy/")
    with copy.broken(target.path, target.mutant.source):
        for chosen in (tests_of(target, traced, copy.folder), THOROUGH if policy else ()):
            noticed = bool(chosen) and copy.notices(chosen, SECONDS)
            if noticed or noticed is None:
                return "noticed" if noticed else "endless"
    return "survives"


def main() -> int:
    """0 if every survivor is explained."""
    parser = argparse.ArgumentParser(prog="contrib/test --mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", default=TARGETS, help="files and folders to break")
    parser.add_argument("--minutes", type=float, default=30, help="how long at most (default: 30)")
    parser.add_argument("--seed", type=int, default=randrange(2**32), help="which mutants come first")
    given = parser.parse_args()
    known, every = explained(), list(targets(given.paths))
    Random(given.seed).shuffle(every)
    say(f"{len(every)} mutants, --seed {given.seed}")
    with tree() as copy:
        traced = {} if all(target.path.startswith(DAEMON) for target in every) else copy.trace()
        until = time.monotonic() + given.minutes * 60
        fates = Counter[str]()
        for target in every:
            if time.monotonic() > until:
                break
            found = fate(copy, target, traced)
            if found == "survives" and str(target) in known:
                found = "explained"
            fates[found] += 1
            if found in ("survives", "endless"):
                say(f"{found}: {target.path}:{target.mutant.line} {target.mutant.change}")
    say(f"{fates.total()} of {len(every)} tried: {dict(fates)}")
    return bool(fates["survives"])


def say(line: str) -> None:
    """At once, wherever it goes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
