"""Processes that a test has started: their children, and how they end."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def children(pid: int) -> list[int]:
    """The ids of the processes that `pid` has started, and that have not been waited for."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in listed.read_text().split()] if listed.exists() else []


def finish(process: subprocess.Popen[str], command: Sequence[str], stdin: str, timeout: float) -> str:
    """Wait for a process whose output is piped; raise CalledProcessError, with the output, if it fails."""
    with process:
        try:
            output, _ = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if process.returncode != 0:
        error = subprocess.CalledProcessError(process.returncode, list(command), output)
        error.add_note(output)
        raise error
    return output
