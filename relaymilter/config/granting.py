"""Reads grants: a table each, in the configuration file as `[[grant]]`, as a flag in TOML's inline form."""

import tomllib
from collections.abc import Iterator
from datetime import date
from typing import Any

from relaymilter.config import entries
from relaymilter.config.entries import Form, Sources
from relaymilter.config.problems import Value
from relaymilter.config.written import CERTIFICATE, MAILBOX, login_list
from relaymilter.policy.grants import Grant
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.ports import Names

KEYS = ("networks", "logins", "certificates", "from", "to", "until", "owner", "note")
SOON_DAYS = 30
"""How long before its last day a grant is warned of."""


def grants(values: list[Value], sources: Sources, fold: Fold) -> Iterator[Grant]:
    """Those that can be read; what is wrong with others goes to problems."""
    for number, value in enumerate(values, 1):
        try:
            yield _grant(_table(value.text), f"grant {number}", value.place, sources, fold)
        except ValueError as error:
            sources.problems.error(value.place, str(error))


def _table(text: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(f"grant = {text}")["grant"]
    except tomllib.TOMLDecodeError:
        table = None
    if not isinstance(table, dict):
        raise ValueError('wants a table of TOML: {networks = ["192.0.2.40"], from = "a@example.org", to = ["local"]}')
    return table


def _grant(table: dict[str, Any], number: str, place: str, sources: Sources, fold: Fold) -> Grant:
    unknown = table.keys() - set(KEYS)
    if unknown:
        raise ValueError(f"no such key: {', '.join(sorted(unknown))}; there are {', '.join(KEYS)}")
    name = ", ".join(filter(None, (number, _text(table, "owner"), _text(table, "note"))))
    until = _until(table.get("until"), name, place, sources)
    to = _texts(table, "to")
    return Grant(
        name=name,
        networks=entries.networks(_values(table, "networks", place), sources).known if "networks" in table else None,
        logins=_names(table, "logins", place, login_list(fold), sources),
        certificates=_names(table, "certificates", place, CERTIFICATE, sources),
        senders=_mailboxes(_names(table, "from", place, MAILBOX, sources)),
        recipients=_mailboxes(_names({"to": mailboxes}, "to", place, MAILBOX, sources))
        if (mailboxes := [text for text in to if text != "local"])
        else None,
        to_ours="local" in to,
        until=until,
    )


def _mailboxes(names: Names | None) -> Mailboxes | None:
    return None if names is None else Mailboxes(names)


def _text(table: dict[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} wants a string")
    return value


def _texts(table: dict[str, Any], key: str) -> list[str]:
    value = table.get(key, [])
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ValueError(f"{key} wants a string or a list of strings")
    if key in table and not found:
        raise ValueError(f"{key} is empty, so that nothing would be granted: leave it out, or name some")
    return found


def _values(table: dict[str, Any], key: str, place: str) -> list[Value]:
    return [Value(text, f"{place}: {key}") for text in _texts(table, key)]


def _names(table: dict[str, Any], key: str, place: str, form: Form[str], sources: Sources) -> Names | None:
    if key not in table:
        return None
    found = entries.names(_values(table, key, place), form, sources)
    if found.asked:
        raise ValueError(f"{key}: a grant takes names and tables that can be read, not {found.asked[0].name}")
    return found.known


def _until(value: object, grant: str, place: str, sources: Sources) -> str:
    """The last day; one that has passed, or soon will have, is warned of."""
    if value is None:
        return ""
    try:
        last = date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"until wants a date, such as 2026-12-31, not {value}") from None
    left = (last - date.today()).days
    if left < 0:
        sources.problems.warn(place, f"{grant} ended on {last}")
    elif left <= SOON_DAYS:
        sources.problems.warn(place, f"{grant} ends on {last}, " + (f"in {left} days" if left else "today"))
    return last.isoformat()
