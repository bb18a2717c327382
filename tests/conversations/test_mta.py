"""Every conversation, through a real Postfix and a real Sendmail that only the daemon closes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tests.rig import Mta, Postfix, Relaymilter, Sendmail

from .cases import played_by
from .decisions import DecisionTail
from .play import play
from .script import Conversation
from .smtp import SmtpSide

Flags: TypeAlias = tuple[str, ...]
Closed: TypeAlias = tuple[Relaymilter, DecisionTail]
MtaOf: TypeAlias = Callable[[type[Postfix] | type[Sendmail], Flags], Mta]


@played_by("postfix")
def test_postfix(conversation: Conversation, flags: Flags, daemon: Closed, mta_of: MtaOf) -> None:
    """Postfix answers as the conversation states."""
    expected, came = play(conversation, SmtpSide(mta_of(Postfix, flags), daemon[1]))
    assert expected == came


@played_by("sendmail")
def test_sendmail(conversation: Conversation, flags: Flags, daemon: Closed, mta_of: MtaOf) -> None:
    """Sendmail answers as the conversation states."""
    expected, came = play(conversation, SmtpSide(mta_of(Sendmail, flags), daemon[1]))
    assert expected == came
