"""Limits as administrators write them."""

from __future__ import annotations

import re

import pytest

from relaymilter.policy.guard.history import Unit
from relaymilter.policy.guard.limits import Limit, Per, parse_limit


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("500 recipients/day per login", Limit(500, Unit.RECIPIENTS, 86_400), None),
        ("60 messages/10 minutes per client", Limit(60, Unit.MESSAGES, 600, Per.CLIENT), None),
        ("6  messages/60 seconds  per client", Limit(6, Unit.MESSAGES, 60, Per.CLIENT), "6 messages/minute per client"),
        ("9 recipients/hour", Limit(9, Unit.RECIPIENTS, 3600), "9 recipients/hour per login"),
        ("100000 recipients/week in all", Limit(100_000, Unit.RECIPIENTS, 604_800, Per.ALL), None),
        ("5 recipients/2 weeks per sender-domain", Limit(5, Unit.RECIPIENTS, 1_209_600, Per.SENDER_DOMAIN), None),
        ("0 recipients/second per grant", Limit(0, Unit.RECIPIENTS, 1, Per.GRANT), None),
        ("200 new-recipients/day per login", Limit(200, Unit.NEW, 86_400), None),
    ],
)  # fmt: skip
def test_parses(text: str, limit: Limit, shown: str | None) -> None:
    """And is shown as it is parsed."""
    assert limit == parse_limit(text)
    assert (shown or text) == str(limit)
    assert limit == parse_limit(str(limit))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no limit"),
        ("500/day", "'500/day' is no limit"),
        ("500 /day", "is no limit"),
        ("many recipients/day", "is no limit"),
        ("-1 recipients/day", "is no limit"),
        ("500 mails/day", "'mails' is no unit of a limit"),
        ("500 recipients/fortnight", "'fortnight' is no time of a limit"),
        ("500 recipients/0 days", "is no time of a limit"),
        ("500 recipients/32 days", "is no time of a limit"),
        ("500 recipients/day per user", "'user' is nobody who can have a limit: give one of login, client,"),
        ("500 recipients/day in login", "is no limit"),
        ("5 new-recipients/day per client", "new-recipients are counted per login alone"),
    ],
)
def test_refuses(text: str, words: str) -> None:
    """With what is wrong."""
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_limit(text)
