"""Every conversation, through the milter wire of a running daemon, on each runtime."""

from __future__ import annotations

from tests.rig import Relaymilter

from .cases import played_by
from .decisions import DecisionTail
from .play import play
from .script import Conversation
from .wire import WireSide


@played_by("wire")
def test_wire(conversation: Conversation, daemon: tuple[Relaymilter, DecisionTail]) -> None:
    """The daemon answers as the conversation states, and logs what it answers."""
    expected, came = play(conversation, WireSide(*daemon))
    assert expected == came
