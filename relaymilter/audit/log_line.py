"""A line of the decision log, read back to the request that it tells of: what observe/decisions.py writes, and no more.

In a text line a value that has blanks stands in double quotes, a bare `-` is none, and only a quote has got a backslash
by that; every other backslash is printable()'s own. What syslog or journald put in front of the line is passed over.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from relaymilter.observe.decisions import FIELDS
from relaymilter.observe.printable import LIMIT, printable_text, typed
from relaymilter.policy.envelope import NO_MACROS, Certificate, Client, Macros, Request, client, request

Fields: TypeAlias = Mapping[str, str | None]
"""Each value as printable() made it; None for one that is absent."""

_CERTIFICATE = ("cert_subject", "cert_issuer", "cert_fingerprint")
_MORE = ("dry_run", "rcpt_addr", "mechanism", "tls", "listener", *_CERTIFICATE, "warnings", "trail")
_BEGIN = re.compile(r"decision (?=time=)|\{")
_FIELD = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ "]+)(?: |$)')
_PAIR = re.compile(r'\\([\\"])')


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """What was asked, and what was decided then."""

    request: Request
    time: str
    session: str
    verdict: str
    rule: str
    reason: str
    reply: str
    dry_run: bool = False
    warnings: str = ""
    trail: str = ""
    """Steps parted by `; `, as in a text line."""
    cut: tuple[str, ...] = ()
    """Fields that may have been longer than the log shows."""


def logged_decision(line: str) -> LoggedDecision:
    """Of a text or a JSON line. Raises ValueError, in words."""
    fields = logged_fields(line)
    text = {name: fields.get(name) or "" for name in (*FIELDS, *_MORE)}
    return LoggedDecision(
        request=_request(fields),
        time=text["time"],
        session=text["session"],
        verdict=text["verdict"],
        rule=text["rule"],
        reason=text["reason"],
        reply=text["reply"],
        dry_run="dry_run" in fields,
        warnings=text["warnings"],
        trail=text["trail"],
        cut=tuple(name for name, value in text.items() if len(value) == LIMIT and value.endswith("...")),
    )


def logged_fields(line: str) -> Fields:
    """Every field of a text or a JSON line as the log has it. Raises ValueError, in words."""
    begin = _BEGIN.search(line)
    if begin is None:
        raise ValueError("no line of the decision log: it begins with `decision time=`, or is a JSON object")
    rest = line[begin.start() :].strip()
    fields = _json_fields(rest) if rest[0] == "{" else _text_fields(rest.partition(" ")[2])
    _complete(fields)
    return fields


def _complete(fields: Fields) -> None:
    missing = [name for name in FIELDS if name not in fields]
    unknown = [name for name in fields if name not in FIELDS + _MORE]
    if missing or unknown:
        what = f"{missing[0]} is missing" if missing else f"{printable_text(unknown[0])} is no field"
        raise ValueError(f"no line of the decision log: {what}")


def _text_fields(rest: str) -> Fields:
    fields: dict[str, str | None] = {}
    at = 0
    while at < len(rest):
        field = _FIELD.match(rest, at)
        if field is None or field[1] in fields:
            raise ValueError(f"no line of the decision log: no field, or one twice, at {rest[at : at + 40]!r}")
        fields[field[1]] = _value(field[2])
        at = field.end()
    return fields


def _value(text: str) -> str | None:
    if text[0] != '"':
        return None if text == "-" else text
    return _PAIR.sub(lambda pair: '"' if pair[1] == '"' else pair[0], text[1:-1])


def _json_fields(rest: str) -> Fields:
    try:
        return dict(json.loads(rest, object_pairs_hook=_object))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no line of the decision log: {error}") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"{name} stands there twice")
        fields[name] = _json_value(name, value)
    return fields


def _json_value(name: str, value: object) -> str | None:
    if value is True:
        return "yes"
    if isinstance(value, list) and all(isinstance(step, str) for step in value):
        return "; ".join(value)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _request(fields: Fields) -> Request:
    rcpt_addr = fields.get("rcpt_addr")
    return request(
        _client(fields),
        typed(fields["recipient"] or ""),
        login=_text(fields["login"]),
        rcpt_addr=None if rcpt_addr is None else typed(rcpt_addr),
        helo=typed(fields["helo"] or ""),
        sender=typed(fields["sender"] or ""),
        macros=_macros(fields),
    )


def _client(fields: Fields) -> Client:
    """Mail that did not come by SMTP is known by its port, which is not in the log, but the rule that permits it is."""
    came = client(_text(fields["client"]) or "")
    return came._replace(by_smtp=fields["rule"] != "not-by-smtp")


def _macros(fields: Fields) -> Macros:
    listener = tuple(_text(part) or "" for part in (fields.get("listener") or "").split(" ") if part)
    subject, issuer, fingerprint = (_text(fields.get(name)) for name in _CERTIFICATE)
    certificate = Certificate(subject, issuer, fingerprint or "") if subject and issuer else None
    macros = Macros(_text(fields.get("mechanism")), listener, certificate, _text(fields.get("tls")))
    return NO_MACROS if macros == NO_MACROS else macros


def _text(value: str | None) -> str | None:
    return None if value is None else typed(value).decode("utf-8", "surrogateescape")
