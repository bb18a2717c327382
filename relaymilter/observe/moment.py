"""A moment as it is written: in UTC, to the second (RFC 3339)."""

import time


def utc(moment: float) -> str:
    """`2026-11-24T15:00:00Z`; one that no calendar has as its seconds."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    except (OverflowError, ValueError, OSError):
        return f"{moment:.0f}"
