"""Plays a conversation on one side, and gives back what was expected and what came, as lines to compare.

A side is the decision, the wire or an MTA; it does what a step says and tells of each recipient what the client heard
and what the milter decided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from .script import (
    Client,
    Conversation,
    Decided,
    Helo,
    Login,
    Macro,
    Mail,
    Message,
    Outcome,
    OwnAnswer,
    Rcpt,
    Rset,
    Starttls,
    Step,
    Xclient,
)

USUAL_HELO = Helo(b"client.example.net")


@dataclass(frozen=True, slots=True)
class Heard:
    """The reply to RCPT; 250 where the milter lets the MTA go on."""

    code: int
    status: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the milter says, or logs, that it decided."""

    verdict: str
    rule: str
    reply: Heard | None = None
    """Of a refusal, as it was decided or logged."""


class Side(Protocol):
    """What plays the steps. Every step but RCPT is expected to succeed; one that does not raises AssertionError."""

    name: str

    def client(self, step: Client) -> None: ...
    def xclient(self, step: Xclient) -> None: ...
    def helo(self, step: Helo) -> None: ...
    def login(self, step: Login) -> None: ...
    def starttls(self, step: Starttls) -> None: ...
    def rset(self) -> None: ...
    def message(self) -> None: ...
    def mail(self, step: Mail) -> None: ...
    def macro(self, step: Macro) -> None: ...
    def rcpt(self, step: Rcpt, decides: bool) -> tuple[Heard, Decision | None]:
        """`decides`: whether a decision is expected, and so may be waited for."""
        ...

    def close(self) -> None: ...
    def unexpected(self) -> list[str]:
        """Decisions that no recipient accounts for."""
        ...


def play(conversation: Conversation, side: Side) -> tuple[list[str], list[str]]:
    """Play all of it; what was expected, and what came."""
    expected: list[str] = []
    came: list[str] = []
    try:
        for step in _with_helo(conversation.steps):
            if isinstance(step, Rcpt):
                outcome = step.outcomes[side.name]
                heard, decision = side.rcpt(step, isinstance(outcome, Decided))
                expected.append(f"{step.line}: {outcome}")
                came.append(f"{step.line}: {_came(outcome, heard, decision)}")
            else:
                _perform(step, side)
    finally:
        side.close()
    came += [f"not asked for: {line}" for line in side.unexpected()]
    return expected, came


def _with_helo(steps: tuple[Step, ...]) -> list[Step]:
    """The steps, with the greeting that every connection has unless it says otherwise."""
    played: list[Step] = []
    for step, following in zip(steps, (*steps[1:], None), strict=True):
        played.append(step)
        if isinstance(step, Client | Xclient) and not isinstance(following, Helo):
            played.append(USUAL_HELO)
    return played


def _perform(step: Step, side: Side) -> None:
    match step:
        case Client():
            side.client(step)
        case Xclient():
            side.xclient(step)
        case Helo():
            side.helo(step)
        case Login():
            side.login(step)
        case Mail():
            side.mail(step)
        case Macro():
            side.macro(step)
        case Starttls():
            side.starttls(step)
        case Rset():
            side.rset()
        case Message():
            side.message()


def _came(expected: Outcome, heard: Heard, decision: Decision | None) -> Outcome:
    """The outcome in fact, without what the file does not say."""
    if decision is None:
        wanted = expected.status if isinstance(expected, OwnAnswer) else "any"
        return OwnAnswer(heard.code, heard.status if wanted else "")
    if decision.verdict == "permit":
        permitted = Decided("permit", decision.rule)
        return permitted if heard.code == 250 else replace(permitted, verdict=f"permit, but {heard.code} {heard.text}")
    unsaid = heard.code == 250
    reply = decision.reply if unsaid and decision.reply else heard
    compared = isinstance(expected, Decided) and expected.text is not None
    return Decided(decision.verdict, decision.rule, reply.code, reply.status, reply.text if compared else None, unsaid)
