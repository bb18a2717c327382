"""Parsers of single values that several subjects have: each raises ValueError, in words."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Choice = TypeVar("Choice", bound=str)


def choice(*choices: Choice) -> Callable[[str], Choice]:
    """One of these words."""

    def parse(text: str) -> Choice:
        return one_of(text, choices)

    return parse


def one_of(text: str, choices: Sequence[Choice]) -> Choice:
    """The choice of this name."""
    for each in choices:
        if text == each:
            return each
    raise ValueError(f"{text!r} is none of {', '.join(choices)}")


def whole(what: str, highest: int, unit: str = "") -> Callable[[str], int]:
    """A whole number from 1 to the highest."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 19 and 1 <= int(text) <= highest):
            raise ValueError(f"{text!r} is no {what}: give 1 to {highest}{unit and ' ' + unit}")
        return int(text)

    return parse


def number_of_seconds(text: str) -> float:
    """Any number; whoever asks says which are in range."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number of seconds") from None


def seconds(text: str) -> float:
    """A time from 0 to an hour."""
    value = number_of_seconds(text)
    if not 0 <= value <= 3600:
        raise ValueError(f"{text} is out of range: give 0 to 3600 seconds")
    return value


def absolute(text: str) -> str:
    """An absolute path."""
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f"the path {text!r} is not absolute")
    return text
