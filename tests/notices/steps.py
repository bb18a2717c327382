"""Steps to give notice of."""

from __future__ import annotations

from relaymilter.notices.step import Notice, Step

NOON = 1_800_000_000


def step(login: str = "alice", standing: str = "suspended") -> Step:
    """Of this login."""
    return Step(NOON, "mx", login, standing, "too much that is new at once in a day", {"recipients": 15, "refused": 7})


def notice(*logins: str, more: int = 0) -> Notice:
    """Of these."""
    return Notice(tuple(map(step, logins)), more)
