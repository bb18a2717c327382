"""A moment as it is written."""

from __future__ import annotations

import pytest

from relaymilter.observe.moment import utc


@pytest.mark.parametrize(
    ("moment", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1_800_000_000.9, "2027-01-15T08:00:00Z"), (1e20, "100000000000000000000")],
    ids=["first", "usual", "no calendar has it"],
)
def test_utc(moment: float, text: str) -> None:
    """To the second, whatever the machine's own time is."""
    assert text == utc(moment)
