"""Options that have one value: each parsed by a small function that raises ValueError, in words."""

import grp
import pwd
import re
from collections.abc import Sequence
from typing import TypeVar

from relaymilter.config.model import Account
from relaymilter.policy.ruleset import RELAY_DENIED, UNCERTAIN, Refusals
from relaymilter.policy.verdict import Reply

Choice = TypeVar("Choice", bound=str)

PRESETS = {
    "postfix": RELAY_DENIED,
    "sendmail": Reply(550, "5.7.1", "{recipient}... Relaying denied. Proper authentication required."),
    "defer": Reply(454, "4.7.1", "{recipient}: Relay access denied"),
}
ON_ERROR = {
    "defer": UNCERTAIN,
    "reject": Reply(554, "5.7.1", "Cannot decide on this recipient"),
}
_MAX_TEXT = 178
"""libmilter takes 980 octets for a reply; the rest is for `<recipient>`: 400 characters, each perhaps a `%`."""
_STATUS = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}")
_ID = re.compile(r"[0-9]{1,10}")
_NO_ID = 2**32 - 1  # chown(2): leave it as it is


def one_of(text: str, choices: Sequence[Choice]) -> Choice:
    """The choice of this name."""
    for choice in choices:
        if text == choice:
            return choice
    raise ValueError(f"{text!r} is none of {', '.join(choices)}")


def octal_mode(text: str) -> int:
    """Permissions, such as 0660; a socket that others may write to would let any local user ask for verdicts."""
    if not re.fullmatch(r"0?o?[0-7]{3}", text):
        raise ValueError(f"{text!r} is no mode: give three octal digits, such as 0660")
    return int(text[-3:], 8)


def _number_of_seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number of seconds") from None


def seconds(text: str) -> float:
    """A time from 0 to an hour."""
    value = _number_of_seconds(text)
    if not 0 <= value <= 3600:
        raise ValueError(f"{text} is out of range: give 0 to 3600 seconds")
    return value


def lookup_timeout(text: str) -> float:
    """A time from 0.1 to 9 seconds: Sendmail waits for a milter's answer for 10."""
    value = seconds(text)
    if not 0.1 <= value <= 9:
        raise ValueError(f"{text} is out of range: give 0.1 to 9 seconds")
    return value


def long_time(text: str) -> float:
    """A time from 0 to a week."""
    value = _number_of_seconds(text)
    if not 0 <= value <= 604_800:
        raise ValueError(f"{text} is out of range: give 0 to 604800 seconds, which is a week")
    return value


def watch_interval(text: str) -> float:
    """0, or 0.1 to an hour."""
    value = _number_of_seconds(text)
    if value and not 0.1 <= value <= 3600:
        raise ValueError(f"{text} is out of range: give 0.1 to 3600 seconds, or 0 not to watch")
    return value


def cache_size(text: str) -> int:
    """1 to ten million."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10_000_000):
        raise ValueError(f"{text!r} is no size: give 1 to 10000000 answers")
    return int(text)


def worker_count(text: str) -> int:
    """1 to 64."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 64):
        raise ValueError(f"{text!r} is no number of workers: give 1 to 64")
    return int(text)


def absolute(text: str) -> str:
    """An absolute path."""
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f"the path {text!r} is not absolute")
    return text


def group_id(name: str) -> int:
    """The id of a group, by name or number."""
    try:
        gid = int(name) if _ID.fullmatch(name) else grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):  # the latter for NUL
        gid = _NO_ID
    if gid >= _NO_ID:
        raise ValueError(f"there is no group {name!r}")
    return gid


def account(text: str) -> Account:
    """`user` or `user:group`."""
    user, _, group = text.partition(":")
    try:
        entry = pwd.getpwuid(int(user)) if _ID.fullmatch(user) else pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise ValueError(f"there is no user {user!r}") from None
    return Account(entry.pw_name, entry.pw_uid, group_id(group) if group else entry.pw_gid)


def reply_code(text: str) -> int:
    """An SMTP code that refuses one recipient: not 421, which would end the session."""
    if not re.fullmatch(r"[45][0-9][0-9]", text) or text == "421":
        raise ValueError(f"{text!r} is no code that refuses a recipient: give one of 4xx or 5xx, but not 421")
    return int(text)


def reply_status(text: str) -> str:
    """An enhanced status code of class 4 or 5 (RFC 3463)."""
    if not _STATUS.fullmatch(text):
        raise ValueError(f"{text!r} is no enhanced status that refuses: give 5.7.1, or 4.7.1")
    return text


def reply_text(text: str) -> str:
    """One line of printable ASCII, in which only {recipient} may stand in braces, and once; `%` is two on the wire."""
    ours = text.replace("{recipient}", "", 1)
    if not text or len(ours) + ours.count("%") > _MAX_TEXT or not text.isascii() or not text.isprintable():
        raise ValueError(f"a reply's text is one line of 1 to {_MAX_TEXT} printable ASCII characters; % counts twice")
    if "{" in ours:
        raise ValueError("only {recipient} may stand in braces, and once")
    return text


def relay_denied(preset: str, code: int | None, status: str | None, text: str | None) -> Reply:
    """The refusal, from a preset and what replaces parts of it; a code alone brings its class to the status."""
    base = PRESETS[preset]
    if preset == "defer" and code is not None and code >= 500:
        raise ValueError(f"the code {code} rejects, but the reply is to defer")
    code = code if code is not None else base.code
    return Reply(code, status or f"{code // 100}{base.status[1:]}", text or base.text)


def refusals(denied: Reply, on_error: str) -> Refusals:
    """All that a client can be told."""
    return Refusals(relay_denied=denied, uncertain=ON_ERROR[on_error])
