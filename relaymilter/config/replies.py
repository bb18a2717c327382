"""What a client is told where no rule permits, or where nothing could be decided."""

import re

from relaymilter.config.option import Kind, Option
from relaymilter.config.scalars import choice
from relaymilter.config.values import Values
from relaymilter.policy.ruleset import RELAY_DENIED, UNCERTAIN, Refusals
from relaymilter.policy.verdict import Reply

PRESETS = {
    "postfix": RELAY_DENIED,
    "sendmail": Reply(550, "5.7.1", "{recipient}... Relaying denied. Proper authentication required."),
    "defer": Reply(454, "4.7.1", "{recipient}: Relay access denied"),
}
ERRORS = {
    "defer": UNCERTAIN,
    "reject": Reply(554, "5.7.1", "Cannot decide on this recipient"),
}
_MAX_TEXT = 178
"""libmilter takes 980 octets for a reply; the rest is for `<recipient>`: 400 characters, each perhaps a `%`."""
_STATUS = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}")


def parse_code(text: str) -> int:
    """An SMTP code that refuses one recipient: not 421, which would end the session."""
    if not re.fullmatch(r"[45][0-9][0-9]", text) or text == "421":
        raise ValueError(f"{text!r} is no code that refuses a recipient: give one of 4xx or 5xx, but not 421")
    return int(text)


def parse_status(text: str) -> str:
    """An enhanced status code of class 4 or 5 (RFC 3463)."""
    if not _STATUS.fullmatch(text):
        raise ValueError(f"{text!r} is no enhanced status that refuses: give 5.7.1, or 4.7.1")
    return text


def parse_text(text: str) -> str:
    """One line of printable ASCII, in which only {recipient} may stand in braces, and once; `%` is two on the wire."""
    ours = text.replace("{recipient}", "", 1)
    if not text or len(ours) + ours.count("%") > _MAX_TEXT or not text.isascii() or not text.isprintable():
        raise ValueError(f"a reply's text is one line of 1 to {_MAX_TEXT} printable ASCII characters; % counts twice")
    if "{" in ours:
        raise ValueError("only {recipient} may stand in braces, and once")
    return text


REPLY = Option(
    "reply",
    "How a relay attempt is refused: 554 as Postfix says it, 550 as Sendmail does, or 454 (defer).",
    "postfix|sendmail|defer",
    parse=choice(*PRESETS),
    default="postfix",
)
REPLY_CODE = Option(
    "reply-code", "Another SMTP code for that reply, 4xx or 5xx.", "CODE", kind=Kind.NUMBER, parse=parse_code
)
REPLY_STATUS = Option(
    "reply-status", "Another enhanced status for that reply, of the code's class.", "X.Y.Z", parse=parse_status
)
REPLY_TEXT = Option(
    "reply-text", "Another text for that reply; {recipient} stands for the path.", "TEXT", parse=parse_text
)
ON_ERROR = Option(
    "on-error",
    "What a recipient is told that could not be decided on: 451 (defer) or 554 (reject).",
    "defer|reject",
    parse=choice(*ERRORS),
    default="defer",
)
OPTIONS = (REPLY, REPLY_CODE, REPLY_STATUS, REPLY_TEXT, ON_ERROR)


def read(values: Values) -> Refusals:
    """All that a client can be told."""
    return Refusals(relay_denied=_relay_denied(values), uncertain=ERRORS[values.one(ON_ERROR)])


def _relay_denied(values: Values) -> Reply:
    before = len(values.problems.errors)
    preset, code = values.one(REPLY), values.maybe(REPLY_CODE)
    status, text = values.maybe(REPLY_STATUS), values.maybe(REPLY_TEXT)
    if len(values.problems.errors) == before:
        try:
            return relay_denied(preset, code, status, text)
        except ValueError as error:
            values.error(str(error), REPLY_CODE, REPLY_STATUS)
    return PRESETS[preset]


def relay_denied(preset: str, code: int | None, status: str | None, text: str | None) -> Reply:
    """The refusal, from a preset and what replaces parts of it; a code alone brings its class to the status."""
    base = PRESETS[preset]
    if preset == "defer" and code is not None and code >= 500:
        raise ValueError(f"the code {code} rejects, but the reply is to defer")
    code = code if code is not None else base.code
    return Reply(code, status or f"{code // 100}{base.status[1:]}", text or base.text)
