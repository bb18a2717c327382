"""What may follow what in a conversation, so that a file cannot state what no runner would play."""

from __future__ import annotations

from collections.abc import Sequence

from .script import Client, Helo, Login, Macro, Mail, Message, Rcpt, Rset, Starttls, Step, Xclient


def out_of_order(steps: Sequence[Step], runners: frozenset[str]) -> str | None:
    """What is wrong with these steps in this order, or None."""
    if not any(isinstance(step, Rcpt) for step in steps):
        return "no recipient"
    if not isinstance(steps[0], Client | Xclient):
        return "the first step is a client"
    return _unplayable(steps, runners) or _misplaced(steps)


def _unplayable(steps: Sequence[Step], runners: frozenset[str]) -> str | None:
    for step in steps:
        if isinstance(step, Macro) and runners != {"wire"}:
            return "`macro` is for the wire alone: `only wire: why`"
        if isinstance(step, Xclient) and "sendmail" in runners:
            return "Sendmail has no XCLIENT: `not sendmail: why`"
    return None


def _misplaced(steps: Sequence[Step]) -> str | None:
    mail = greeting = False
    for step in steps:
        match step:
            case Client() | Xclient() | Rset() | Message():
                mail = False
            case Starttls():
                mail, greeting = False, True
            case Helo():
                mail = greeting = False
            case Mail() | Login() | Rcpt() if greeting:
                return "after `starttls` comes `helo`"
            case Mail() | Login() if mail:
                return "the message that was begun is neither finished nor reset"
            case Mail():
                mail = True
            case Rcpt() if not mail:
                return "a recipient without `mail`"
    return None
