"""A copy of the project to break, the tests that can notice, and what they say of a mutant."""

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

ROOT = Path(__file__).resolve().parents[2]

IN_PROCESS = ("tests/policy", "tests/milter", "tests/config/test_wiring.py", "tests/conversations/test_decide.py")
"""The quick tests of what decides, whose lines are traced."""
THOROUGH = ("tests/policy/test_exhaustive.py", "tests/policy/test_law_1.py", "tests/policy/test_properties.py")
"""They run everything, and are only asked of what survives the others."""
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

TRACE = """
[run]
dynamic_context = test_function
source = relaymilter
"""


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

    def trace(self) -> dict[str, dict[int, set[str]]]:
        """Which test functions run which line, by file; tests that fail as it is are an error."""
        (self.folder / "trace.ini").write_text(TRACE)
        run = ("coverage", "run", "--rcfile=trace.ini", "--data-file=traced", "-m", "pytest", "-q", *IN_PROCESS)
        ignored = [f"--ignore={path}" for path in THOROUGH]
        subprocess.run([sys.executable, "-m", *run, *ignored], cwd=self.folder, env=self.environment, check=True)
        return _traced(self.folder)

    @contextmanager
    def broken(self, path: str, source: str) -> Iterator[None]:
        """Meanwhile the file is this."""
        whole = (self.folder / path).read_text()
        (self.folder / path).write_text(source)
        yield
        (self.folder / path).write_text(whole)

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


def _traced(folder: Path) -> dict[str, dict[int, set[str]]]:
    from coverage import CoverageData  # only here, and only where mutants are made

    data = CoverageData(str(folder / "traced"))
    data.read()
    found = {}
    for path in data.measured_files():
        lines = data.contexts_by_lineno(path)
        found[str(Path(path).relative_to(folder))] = {line: set(filter(None, each)) for line, each in lines.items()}
    return found


def node(context: str, folder: Path) -> str:
    """`tests.policy.test_relay.test_x` as pytest names it."""
    module, _, function = context.rpartition(".")
    path = module.replace(".", "/") + ".py"
    return f"{path}::{function}" if (folder / path).exists() else ""


@contextmanager
def tree() -> Iterator[Tree]:
    """One, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="relaymilter-mutants-") as folder:
        yield Tree(Path(folder))
