"""Break one place at a time, and list what no test notices: `contrib/test --mutate [--minutes N] [PATH...]`.

What has become of a mutant is kept in .mutation/, so that runs which end by --minutes come to the end of all in turn.
Those that are known to change nothing, or that are noticed only by what is not run here, stand with a reason in
explained.txt.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.mutation.fates import Target, Trial
from tests.mutation.mutants import mutants
from tests.mutation.results import ROOT, Results

TARGETS = ("relaymilter/policy", "relaymilter/milter", "relaymilter/config/wiring.py", "relaymilter/daemon")
EXPLAINED = Path(__file__).with_name("explained.txt")
WORDS = ("noticed", "endless", "survives", "doubtful", "explained", "untried")


@cache
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
    """Every mutant of these files and folders; of several that read alike, all but the first have a number."""
    for path in paths:
        found = ROOT / path
        for file in sorted(found.rglob("*.py")) if found.is_dir() else (found,):
            name, seen = str(file.relative_to(ROOT)), Counter[str]()
            for mutant in mutants(file.read_text()):
                seen[mutant.change] += 1
                number = f" (number {seen[mutant.change]})" if seen[mutant.change] > 1 else ""
                yield Target(name, mutant, f"{name} {mutant.change}{number}")


def main() -> int:
    """0 if every survivor is explained."""
    parser = argparse.ArgumentParser(prog="contrib/test --mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", default=TARGETS, help="files and folders to break")
    parser.add_argument("--minutes", type=float, default=30, help="how long at most (default: 30)")
    given = parser.parse_args()
    every, results = list(targets(given.paths)), Results()
    until = time.monotonic() + given.minutes * 60
    untried = [target for target in every if results.find(target.mutant.source) is None]
    say(f"{len(every)} mutants, of which {len(untried)} are to be tried")
    if untried:
        Trial(results, until).run(untried)
    doubtful = [each for each in every if word(each, results) == "doubtful"]
    if doubtful and time.monotonic() < until:
        Trial(results, until, long=True).run(doubtful)
    return report(every, results)


def word(target: Target, results: Results) -> str:
    """What has become of it, one of WORDS."""
    fate = results.find(target.mutant.source)
    if fate is None:
        return "untried"
    return "explained" if fate.word in ("survives", "doubtful") and target.name in explained() else fate.word


def report(every: Iterable[Target], results: Results) -> int:
    """What has become of them, and how many of each there are in each folder."""
    counts = defaultdict[str, Counter[str]](Counter)
    for target in every:
        found = word(target, results)
        if found in ("survives", "doubtful", "endless"):
            say(f"{found}: {target.path}:{target.mutant.line} {target.name.partition(' ')[2]}")
        counts[str(Path(target.path).parent)][found] += 1
    for folder, words in counts.items():
        say(f"{folder}: {words.total()} mutants, {', '.join(f'{words[word]} {word}' for word in WORDS)}")
    return any(words["survives"] for words in counts.values())


def say(line: str) -> None:
    """At once, wherever it goes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
