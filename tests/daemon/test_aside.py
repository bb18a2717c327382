"""A process beside the daemon: no child of it, and with nothing of it but the standard streams."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from relaymilter.daemon.aside import run_aside
from tests.rig import wait_for
from tests.rig.processes import children

PROGRAM = """
import json, os, signal, sys
blocked = sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
said = {"parent": os.getppid(), "blocked": blocked, "nice": os.nice(0), "session": os.getsid(0) == os.getpid(),
        "open": [os.readlink(f"/proc/self/fd/{fd}") for fd in range(256) if os.path.exists(f"/proc/self/fd/{fd}")],
        "environment": os.environ.get("X")}
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(said, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""


def test_aside(tmp_path: Path) -> None:
    """It has a parent of its own, no blocked signals, no open file of ours, a lower priority, and its environment."""
    path, ours = tmp_path / "said", set(children(os.getpid()))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        with (tmp_path / "ours").open("w"):
            run_aside([sys.executable, "-c", PROGRAM, str(path)], {"X": "y"})
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    wait_for(path.exists, "it has run")
    said = json.loads(path.read_text())
    assert said.pop("parent") != os.getpid()
    assert said.pop("nice") >= min(os.nice(0) + 10, 19)
    assert str(tmp_path / "ours") not in said.pop("open")
    assert said == {"blocked": [], "session": True, "environment": "y"}
    assert set(children(os.getpid())) <= ours


def test_no_such_program(tmp_path: Path) -> None:
    """One that cannot be started disturbs nobody."""
    ours = set(children(os.getpid()))
    run_aside([str(tmp_path / "none")], {})
    assert set(children(os.getpid())) <= ours
