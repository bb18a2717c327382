"""Lines of the decision log as rows, thousands at once: by the JSON module and one expression where a line is usual.

What is unusual goes through audit/log_line.py; what is no decision is looked at for what the daemon says beside them:
a login stands worse than before (observe/standing.py), an address looks shared (observe/shared_addresses.py).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from relaymilter.audit.log_line import logged_fields


class Row(NamedTuple):
    """One decision, as the log has it; nothing here is safe to show."""

    time: str
    client: str
    helo: str
    login: str | None
    sender: str
    recipient: str
    verdict: str
    rule: str
    reason: str
    dry_run: str
    """Empty, or anything."""


class Said(NamedTuple):
    """A step of a login, or an address that looks shared, and the time of the decision before it, if any."""

    time: str
    what: str
    """`throttled`, `suspended` or `shared`."""
    name: str
    reason: str
    evidence: str


@dataclass(slots=True)
class Read:
    """What some lines say."""

    rows: list[Row] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    unread: int = 0
    """Lines that are neither."""


_VALUE = r'("(?:[^"\\]|\\.)*"|[^ "]+)'
_BEGIN = re.compile(r'(?:[^"{=]*?[^ "{=] )?(?=decision time=|\{|WARNING: )')
_OTHER = re.compile("(?:ERROR|INFO|DEBUG|CRITICAL): ")
"""In front of what may be anybody's text: nothing behind it counts."""
_TEXT = re.compile(
    rf"decision time=(\S+) session=\S+ client={_VALUE} helo={_VALUE} login={_VALUE} sender={_VALUE} recipient={_VALUE} "
    rf"verdict=(permit|reject|defer) rule=(\S+) reason={_VALUE} reply=(?:{_VALUE})( dry_run=yes)?(?= |$)"
)
_FIELDS = ("time", "client", "helo", "login", "sender", "recipient", "verdict", "rule", "reason")
_PAIR = re.compile(r'\\([\\"])')
_STEP = re.compile(r'WARNING: login ("(?:[^"\\]|\\.)*"|[^ "]+) is (throttled|suspended): (.*); (new recip.*)$')
_SHARED = re.compile(r"WARNING: shared address: (\S+) is in a local network [a-z ]+: ([^;]*);")
_TIME = re.compile(r'time(?:=|": ")([0-9TZ:.-]{20,30})')
_VERDICTS = frozenset({"permit", "reject", "defer"})
_TEXTS = {str, type(None)}
_NEAR = 200
"""Lines before, among which a decision is looked for that has a time."""


def read_lines(lines: Sequence[str]) -> Read:
    """Every one of them."""
    read = Read()
    usual = [line for line in lines if line[:1] == "{"]
    known = _json_rows(usual)
    if known is None or len(usual) != len(lines):
        for number, line in enumerate(lines):
            if known is None or line[:1] != "{":
                _one(read, lines, number, line)
    if known is not None:
        read.rows += known
    return read


def row(line: str) -> Row | None:
    """Of one line; None where it is no decision."""
    begin = _begin(line)
    if begin is None or line.startswith("WARNING", begin):
        return None
    match = _TEXT.match(line, begin)
    if match is not None:
        time, client, helo, login, sender, recipient, verdict, rule, reason, _, dry_run = match.groups()
        client, helo, sender, recipient, reason = map(_value, (client, helo, sender, recipient, reason))
        known = None if login == "-" else _value(login)
        return Row(time, client, helo, known, sender, recipient, verdict, rule, reason, "yes" if dry_run else "")
    try:
        fields = logged_fields(line[begin:])
    except ValueError:
        return None
    if fields["verdict"] not in _VERDICTS:
        return None
    login = fields["login"]
    first = {name: fields[name] or "" for name in _FIELDS} | {"login": login}
    return Row(**first, dry_run=fields.get("dry_run") or "")  # type: ignore[arg-type]  # all but the login are texts


def said(line: str, time: str) -> Said | None:
    """What the daemon says of itself, in a line that is no decision."""
    begin = _begin(line)
    if begin is None:
        return None
    if (step := _STEP.match(line, begin)) is not None:
        return Said(time, step[2], _value(step[1]), step[3], step[4])
    if (shared := _SHARED.match(line, begin)) is not None:
        return Said(time, "shared", shared[1], "the daemon has warned of it", shared[2])
    return None


def _begin(line: str) -> int | None:
    """Where our words begin, behind what syslog or journald has put there."""
    begin = _BEGIN.match(line)
    return None if begin is None or _OTHER.search(begin[0]) else begin.end()


def _json_rows(lines: Sequence[str]) -> list[Row] | None:
    """All together: None where one of them is not as we write it."""
    try:
        objects = json.loads(f"[{','.join(lines)}]")
        rows = [
            Row(
                o["time"] or "", o["client"] or "", o["helo"] or "", o["login"], o["sender"] or "",
                o["recipient"] or "", o["verdict"], o["rule"] or "", o["reason"] or "", "yes" if "dry_run" in o else "",
            )
            for o in objects
        ]  # fmt: skip
        types = {*map(type, chain.from_iterable(rows))}
        sound = types <= _TEXTS and {each.verdict for each in rows} <= _VERDICTS
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return rows if sound and len(rows) == len(lines) else None


def _one(read: Read, lines: Sequence[str], number: int, line: str) -> None:
    if (decision := row(line)) is not None:
        read.rows.append(decision)
    elif "WARNING: " in line and (told := said(line, _time_before(lines, number))) is not None:
        read.said.append(told)
    elif line.strip():
        read.unread += 1


def _time_before(lines: Sequence[str], number: int) -> str:
    near = (_TIME.search(lines[before]) for before in range(number - 1, max(-1, number - _NEAR), -1))
    return next((match[1] for match in near if match is not None), "")


def _value(text: str) -> str:
    if text[0] != '"':
        return "" if text == "-" else text
    return _PAIR.sub(lambda pair: '"' if pair[1] == '"' else pair[0], text[1:-1]) if "\\" in text else text[1:-1]
