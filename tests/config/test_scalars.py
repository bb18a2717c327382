"""Parsers that several subjects have."""

from __future__ import annotations

import pytest

from .written import problems


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("reply", "postfix, sendmail, defer"),
        ("on-error", "defer, reject"),
        ("log-format", "text, json"),
        ("runtime", "loop, libmilter"),
        ("log-decisions", "all, refused, none"),
    ],
)
@pytest.mark.parametrize("text", ["", "x", "POSTFIX", "Text", " all"])
def test_bad_choice(option: str, choices: str, text: str) -> None:
    """A choice is one of its names, in their case."""
    assert [f"--{option}: {text!r} is none of {choices}"] == problems(**{option: text})
