"""The decision log: one line a decision, as text or JSON, each field made harmless.

Written by hand, not through logging, which costs more than the decision. The line has what explain wants, by the same
names.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from relaymilter.observe.printable import printable, quoted
from relaymilter.policy.envelope import Request
from relaymilter.policy.verdict import Decision, Permit

Write: TypeAlias = Callable[[str], None]
"""Takes one line, without its end."""

_encode = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """Writes one line for each decision that is wanted."""

    write: Write
    as_json: bool = False
    permits: bool = True
    """False: only refusals are logged."""
    trail: bool = False
    clock: Callable[[], float] = time.time

    def record(self, session: str, request: Request, decision: Decision, reply: str, dry_run: bool) -> None:
        """`reply` is what the client was told, or would have been in a dry run; empty for a permit."""
        if not self.permits and isinstance(decision.verdict, Permit):
            return
        fields = self.fields(session, request, decision, reply, dry_run)
        if self.as_json:
            self.write(_encode(fields))
        else:
            self.write("decision " + " ".join(f"{key}={_text(value)}" for key, value in fields.items()))

    def fields(
        self, session: str, request: Request, decision: Decision, reply: str, dry_run: bool
    ) -> dict[str, object]:
        """The fields of the line, in their order."""
        fields: dict[str, object] = {
            "time": self.timestamp(),
            "session": session,
            "client": printable(request.client.text.encode("utf-8", "surrogateescape")),
            "helo": printable(request.helo),
            "login": None if request.login is None else printable(request.login.encode("utf-8", "surrogateescape")),
            "sender": printable(request.sender),
            "recipient": printable(request.recipient),
            "verdict": decision.word,
            "rule": decision.rule,
            "reason": printable(decision.verdict.reason.encode("utf-8", "surrogateescape")),
            "reply": reply,
        }
        if dry_run:
            fields["dry_run"] = True
        if request.rcpt_addr is not None and not getattr(request.path, "plain", False):
            fields["rcpt_addr"] = printable(request.rcpt_addr)
        if self.trail:
            fields["trail"] = [
                f"{step.rule}: {step.word}: {printable(step.answer.reason.encode('utf-8', 'surrogateescape'))}"
                for step in decision.trail
            ]
        return fields

    def timestamp(self) -> str:
        """RFC 3339, UTC, milliseconds."""
        now = self.clock()
        return f"{_second(int(now))}.{int(now * 1000) % 1000:03d}Z"


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return quoted("; ".join(value))
    return quoted("yes" if value is True else str(value))


_last_second = (0, "")


def _second(now: int) -> str:
    """The date and time of a second; the last one is kept, since many decisions share it."""
    global _last_second
    second, text = _last_second
    if second != now:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        _last_second = (now, text)
    return text
