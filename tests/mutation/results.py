"""What has become of mutants, kept in a folder that git ignores, so that a run goes on where the last one ended.

A mutant is known by the source of its broken module. That a test notices it holds until the file of this test changes;
that none does, until any test changes. Remove the folder to begin anew, as after a change to other modules.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".mutation"


class Fate(NamedTuple):
    """What has become of a mutant."""

    word: str
    """`noticed`; `endless`: a test had no end, so it is noticed, too; `survives`; `doubtful`: long tests may notice."""
    by: str
    """The test that noticed."""
    tests: str
    """What this was found by: a hash of the test's file, or of all tests."""


class Results:
    """Those of this run and of earlier ones."""

    def __init__(self, folder: Path = FOLDER) -> None:
        folder.mkdir(exist_ok=True)
        self._file = folder / "results"
        self._fates: dict[str, Fate] = {}
        self.read()

    def read(self) -> None:
        """Again, where another process has written."""
        for line in self._file.read_text().splitlines() if self._file.exists() else ():
            key, *fate = json.loads(line)
            self._fates[key] = Fate(*fate)

    def find(self, source: str) -> Fate | None:
        """That of a module with this source, if it still holds."""
        fate = self._fates.get(_hash(source.encode()))
        return fate if fate is not None and fate.tests == tests_hash(fate.by) else None

    def add(self, source: str, word: str, by: str = "") -> None:
        """At once, for whoever goes on."""
        key, fate = _hash(source.encode()), Fate(word, by, tests_hash(by))
        self._fates[key] = fate
        with self._file.open("a") as file:
            file.write(json.dumps([key, *fate]) + "\n")


@cache
def tests_hash(test: str) -> str:
    """Of the file of this test; without one, or with one that is no file, of every test."""
    path = ROOT / test.partition("::")[0]
    return _hash(path.read_bytes()) if test and path.is_file() else tree_hash("tests")


@cache
def tree_hash(*folders: str) -> str:
    """Of all that is in these folders, but for the mutants' own."""
    files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    ours = [path for path in files if path.parent != Path(__file__).parent and "__pycache__" not in path.parts]
    return _hash(b"".join(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() for path in ours))


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()[:24]
