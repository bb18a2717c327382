"""What a run that was killed has left in /tmp goes with the next one; what a run has in use stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig import lasting_folder, open_folder, remove_abandoned
from tests.rig.daemon import ROOT

MAKE = """
from tests.rig import lasting_folder
folder = lasting_folder("made-by-another")
(folder / "file").touch()
print(folder, flush=True)
input()
"""


@contextmanager
def another_process() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has made a folder, and the folder."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", MAKE], cwd=ROOT, text=True, **pipes) as process:
        try:
            assert process.stdout
            yield process, Path(process.stdout.readline().rstrip("\n"))
        finally:
            process.kill()


def test_abandoned() -> None:
    """Those of a process that was killed are removed; those of one that runs, and our own, are not."""
    with another_process() as (doomed, left), another_process() as (_, used), open_folder() as own:
        doomed.kill()
        doomed.wait(10)
        assert (left / "file").exists()
        remove_abandoned(older_than=-1)
        assert not left.parent.exists()
        assert (used / "file").exists()
        assert own.exists()


def test_young() -> None:
    """One that nobody has locked stays for a while: it may be about to be locked."""
    with another_process() as (doomed, left):
        doomed.kill()
        doomed.wait(10)
        remove_abandoned()
        assert left.exists()
        remove_abandoned(older_than=-1)
        assert not left.parent.exists()


def test_ended() -> None:
    """A process that ends by itself leaves nothing."""
    with another_process() as (process, folder):
        process.communicate("\n", timeout=20)
        assert not folder.parent.exists()


def test_names() -> None:
    """Two folders for the same purpose are two."""
    assert lasting_folder("twice") != lasting_folder("twice")
