"""Hypothesis for this folder: no deadline, since the machine is shared; what CI draws anew, and what it does not.

In CI most properties see the same examples each time, so that nothing but a commit changes what they say. Those of the
modules below see others in each run, by the --seed that the head of the run names.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import seed, settings

DRAWN_ANEW = ("test_properties.py", "test_law_1.py")

settings.register_profile("relaymilter", deadline=None)
settings.register_profile("relaymilter-ci", settings.get_profile("relaymilter"), derandomize=True, database=None)
settings.load_profile("relaymilter-ci" if os.environ.get("CI") else "relaymilter")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A seed of its own goes before derandomize."""
    for item in items:
        function = getattr(item, "function", None)
        if item.path.name in DRAWN_ANEW and hasattr(function, "hypothesis"):
            seed(config.getoption("--seed"))(function)
