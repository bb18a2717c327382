"""A mistake in a conversation file, before it is known in which line."""

from __future__ import annotations

from typing import NoReturn


class Mistake(Exception):
    """What is wrong, and perhaps the line."""


def wrong(what: str) -> NoReturn:
    """Give up on this line."""
    raise Mistake(what)
