"""The quick tests, which run in this process, and hypothesis bounded there: few examples, the same each time."""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, settings

IN_PROCESS = ("tests/policy", "tests/milter", "tests/config/test_wiring.py", "tests/conversations/test_decide.py")
ARGUMENTS = [
    *("-q", "--no-header", "--no-summary", "--capture=no", "--assert=plain", "--seed=1"),
    *("-p", "no:cacheprovider", "-p", "no:faulthandler", *IN_PROCESS),
]
EXAMPLES = 60
"""Of a property, which else has up to a thousand."""
_OF_TEST = "_hypothesis_internal_use_settings"


class Bounded:
    """A plugin for pytest."""

    def pytest_configure(self) -> None:
        """Nothing may be skipped."""
        os.environ["CI"] = "mutation"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What a mutant is noticed by is not made small."""
        for item in items:
            test = getattr(item, "function", None)
            given = getattr(test, _OF_TEST, None)
            if given is not None:
                examples = min(given.max_examples, EXAMPLES)
                bounded = settings(
                    given,
                    max_examples=examples,
                    phases=(Phase.explicit, Phase.generate),
                    derandomize=True,
                    database=None,
                )
                setattr(test, _OF_TEST, bounded)


def draws(item: pytest.Item) -> bool:
    """It is a property."""
    return hasattr(getattr(item, "function", None), _OF_TEST)
