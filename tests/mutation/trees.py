"""A copy of the project to break, for what only tests notice that start the daemon, and what they say of a mutant."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutation.results import ROOT

BY_PROCESS = {
    "relaymilter/daemon/": ("tests/daemon",),
    "relaymilter/milter/libmilter.py": ("tests/wire/test_parity.py", "tests/conversations/test_wire.py"),
    "relaymilter/milter/": (
        "tests/wire/test_parity.py",
        "tests/wire/test_negotiation.py",
        "tests/wire/test_hostile.py",
    ),
}
"""Tests that start the daemon, by the beginning of the path of what they try."""
SECONDS = 600.0
"""Longer than the slowest choice of tests takes on a busy machine: that of the daemon, three minutes."""


def by_process(path: str) -> list[str]:
    """The tests that start the daemon to see this file at work, the file's own first."""
    chosen = next((tests for begin, tests in BY_PROCESS.items() if path.startswith(begin)), ())
    own = [str(Path(each) / f"test_{Path(path).stem}.py") for each in chosen]
    return [*(each for each in own if (ROOT / each).exists()), *chosen]


class Tree:
    """The copy. A file of it is broken for as long as a mutant lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, names.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self.environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder), "CI": "mutation"}

    @contextmanager
    def broken(self, path: str, source: str) -> Iterator[None]:
        """Meanwhile the file is this."""
        whole = (self.folder / path).read_text()
        (self.folder / path).write_text(source)
        yield
        (self.folder / path).write_text(whole)

    def fate(self, path: str, source: str) -> str:
        """What becomes of this mutant of the file, as Fate has it."""
        with self.broken(path, source):
            noticed = self.notices(by_process(path), SECONDS)
        return "endless" if noticed is None else "noticed" if noticed else "survives"

    def notices(self, tests: Sequence[str], seconds: float) -> bool | None:
        """One of these tests fails; None: there was no end to them in so many seconds."""
        pytest = (sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests)
        with subprocess.Popen(
            pytest,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                return process.wait(seconds) != 0
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return None


@contextmanager
def tree() -> Iterator[Tree]:
    """One, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="relaymilter-mutants-") as folder:
        yield Tree(Path(folder))
