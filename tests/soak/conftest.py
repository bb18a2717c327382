"""What the soaks measured, at the end of a run."""

from __future__ import annotations

import pytest

SEEN = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Memory, descriptors, threads and waits."""
    for line in config.stash.get(SEEN, []):
        terminalreporter.write_line(line)
