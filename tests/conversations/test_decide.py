"""Every conversation, through the decision alone."""

from __future__ import annotations

from .cases import played_by
from .deciding import DecideSide, rules_of
from .play import play
from .script import Conversation


@played_by("decide")
def test_decision(conversation: Conversation) -> None:
    """Ruleset.decide() gives the verdict, the rule and the reply that the conversation states."""
    side = DecideSide(rules_of(conversation.policy), dry_run="--dry-run" in conversation.policy)
    expected, came = play(conversation, side)
    assert expected == came
