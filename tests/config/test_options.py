"""The table of options."""

from __future__ import annotations

import re

import pytest

from relaymilter.config.option import AnyOption, Kind
from relaymilter.config.options import GROUPS, OPTIONS


def test_keys_are_unique() -> None:
    """No key is there twice, and no short flag."""
    shorts = [flag for option in OPTIONS.values() for flag in option.short]
    assert sum(len(group.options) for group in GROUPS) == len(OPTIONS)
    assert len(shorts) == len(set(shorts))


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_option(option: AnyOption) -> None:
    """An option has a name, a sentence of help, and a word for its value unless it has none."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", option.key)
    assert option.help.endswith(".")
    assert (option.kind is Kind.SWITCH) == (option.metavar == "")
