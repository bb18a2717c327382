"""The decision log: one line a decision, as text or JSON, each field made harmless.

Written by hand, not through logging or a JSON encoder, which cost more than the decision: every value is printable
ASCII already, and what is left to do is quoting. The line has what explain wants, by the same names.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as json_string
from typing import TypeAlias

from relaymilter.observe.printable import LIMIT, printable, printable_text, quoted
from relaymilter.policy.envelope import NO_MACROS, Macros, Request
from relaymilter.policy.verdict import WORDS, Decision, Permit, Step

Write: TypeAlias = Callable[[str], None]
"""Takes one line, without its end."""

FIELDS = (
    *("time", "session", "client", "helo", "login", "sender", "recipient"),
    *("verdict", "rule", "reason", "reply"),
)
"""Of every line, in their order; some lines have more behind them."""

_JSON = "{" + ", ".join(f'"{name}": %s' for name in FIELDS)
_TEXT = "decision " + " ".join(f"{name}=%s" for name in FIELDS)


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """Writes one line for each decision that is wanted."""

    write: Write
    as_json: bool = False
    permits: bool = True
    """False: only refusals are logged."""
    trail: bool = False
    clock: Callable[[], float] = time.time
    batches: bool = False
    """`write` takes several lines at once, parted by line feeds."""

    def record(self, session: str, request: Request, decision: Decision, reply: str, dry_run: bool) -> None:
        """`reply` is what the client heard, or would have in a dry run; empty for a permit."""
        verdict = decision.verdict
        if not self.permits and isinstance(verdict, Permit):
            return
        began = self.timestamp(), session
        line = _usual(self.as_json, began, request, decision, reply)
        if line is None:
            line = self._line(began, request, decision, reply)
        self.write(line + self.rest(request, decision, dry_run))

    def _line(self, began: tuple[str, str], request: Request, decision: Decision, reply: str) -> str:
        values = (
            *began,
            printable_text(request.client.text),
            printable(request.helo),
            None if request.login is None else printable_text(request.login),
            printable(request.sender),
            printable(request.recipient),
            decision.word,
            decision.rule,
            printable_text(decision.verdict.reason),
            reply,
        )
        if self.as_json:
            return _JSON % tuple(["null" if value is None else json_string(value) for value in values])
        return _TEXT % tuple(["-" if value is None else quoted(value) for value in values])

    def rest(self, request: Request, decision: Decision, dry_run: bool) -> str:
        """What only some lines have, and the end of the line."""
        plain = request.rcpt_addr is None or getattr(request.path, "plain", False)
        if plain and not (dry_run or self.trail or decision.warnings or request.macros is not NO_MACROS):
            return "}" if self.as_json else ""
        more: dict[str, str | bool | list[str]] = {}
        if dry_run:
            more["dry_run"] = True
        if not plain and request.rcpt_addr is not None:
            more["rcpt_addr"] = printable(request.rcpt_addr)
        more |= _macros(request.macros)
        if decision.warnings:
            more["warnings"] = [_step(step) for step in decision.warnings]
        if self.trail:
            more["trail"] = [_step(step) for step in decision.trail]
        if self.as_json:
            return "".join(f', "{name}": {_json(value)}' for name, value in more.items()) + "}"
        return "".join(f" {name}={_text(value)}" for name, value in more.items())

    def timestamp(self) -> str:
        """RFC 3339, UTC, milliseconds."""
        now = self.clock()
        return f"{_second(int(now))}.{int(now * 1000) % 1000:03d}Z"


def _usual(as_json: bool, began: tuple[str, str], request: Request, decision: Decision, reply: str) -> str | None:
    """The line where nothing typed needs an escape, as is usual: one look at all of it together. None elsewhere."""
    client, login, reason = request.client.text, request.login, decision.verdict.reason
    helo, sender = request.helo.decode("latin-1"), request.sender.decode("latin-1")
    recipient = request.recipient.decode("latin-1")
    typed = f"{client}{helo}{login}{sender}{recipient}{reason}{reply}"
    if not (typed.isascii() and typed.isprintable()) or '"' in typed or "\\" in typed or len(typed) > LIMIT:
        return None
    word = WORDS[type(decision.verdict)]
    if as_json:
        proved = "null" if login is None else f'"{login}"'
        return (
            f'{{"time": "{began[0]}", "session": "{began[1]}", "client": "{client}", "helo": "{helo}", '
            f'"login": {proved}, "sender": "{sender}", "recipient": "{recipient}", "verdict": "{word}", '
            f'"rule": "{decision.rule}", "reason": "{reason}", "reply": "{reply}"'
        )
    return (
        f"decision time={began[0]} session={began[1]} client={quoted(client)} helo={quoted(helo)} "
        f"login={'-' if login is None else quoted(login)} sender={quoted(sender)} recipient={quoted(recipient)} "
        f"verdict={word} rule={decision.rule} reason={quoted(reason)} reply={quoted(reply)}"
    )


def _macros(macros: Macros) -> dict[str, str]:
    """What the MTA said because a rule needs it, by the names of explain's flags; a blank in a listener is `\\x20`."""
    texts = {"mechanism": printable_text(macros.mechanism or "")}
    texts["tls"] = printable_text(macros.tls or "")
    texts["listener"] = " ".join(printable_text(known).replace(" ", "\\x20") for known in macros.listener)
    if macros.certificate is not None:
        names = ("cert_subject", "cert_issuer", "cert_fingerprint")
        texts |= zip(names, map(printable_text, macros.certificate), strict=True)
    return {name: value for name, value in texts.items() if value}


def _step(step: Step) -> str:
    return f"{step.rule}: {step.word}: {printable_text(step.answer.reason)}"


def _json(value: str | bool | list[str]) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(json_string, value)) + "]"
    return json_string(value) if isinstance(value, str) else "true"


def _text(value: str | bool | list[str]) -> str:
    if isinstance(value, list):
        return quoted("; ".join(value))
    return quoted(value) if isinstance(value, str) else "yes"


_last_second = (0, "")


def _second(now: int) -> str:
    """The date and time of a second; the last one is kept, since many decisions share it."""
    global _last_second
    second, text = _last_second
    if second != now:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        _last_second = (now, text)
    return text
