"""Narrow trusts in place of a wide network: certificates that may relay, and grants.

A grant is a table: in the configuration file `[[grant]]`, as a flag in TOML's inline form.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from relaymilter.config import entries
from relaymilter.config.entries import Sources
from relaymilter.config.forms import CERTIFICATE, LOGIN, MAILBOX, NETWORK, Form, by_way
from relaymilter.config.option import EntriesOption, Kind, ListOption
from relaymilter.config.problems import Value
from relaymilter.config.sets import NameSet
from relaymilter.config.values import Values
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.grants import Grant
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.ports import Names

KEYS = ("networks", "logins", "certificates", "from", "to", "until", "owner", "note")
SOON_DAYS = 30
"""How long before its last day a grant is warned of."""


def _table(text: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(f"grant = {text}")["grant"]
    except tomllib.TOMLDecodeError:
        table = None
    if not isinstance(table, dict):
        raise ValueError('wants a table of TOML: {networks = ["192.0.2.40"], from = "a@example.org", to = ["local"]}')
    if unknown := table.keys() - set(KEYS):
        raise ValueError(f"no such key: {', '.join(sorted(unknown))}; there are {', '.join(KEYS)}")
    return table


CERTIFICATES = EntriesOption(
    "certificate",
    "A client's certificate that may relay, by subject and issuer as the MTA names them, and by its fingerprint "
    "where the MTA gives one.",
    "SUBJECT|ISSUER[|FINGERPRINT]",
    form=CERTIFICATE,
)
GRANT = ListOption(
    "grant",
    'A narrow trust: {networks = [...], logins = [...], certificates = [...], from = [...], to = ["local", ...], '
    'until = "YYYY-MM-DD", owner = "...", note = "..."}; all that it names must agree.',
    "TABLE",
    kind=Kind.TABLES,
    parse=_table,
)
OPTIONS = (CERTIFICATES, GRANT)


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """Who may relay besides local clients and logins."""

    certificates: NameSet | None
    """None: none."""
    grants: tuple[Grant, ...]


def read(values: Values, fold: Fold) -> TrustSettings:
    """The certificates and the grants; `fold` is how logins are compared."""
    return TrustSettings(values.names(CERTIFICATES), tuple(_grants(values, fold)))


def _grants(values: Values, fold: Fold) -> Iterator[Grant]:
    for number, (table, written) in enumerate(values.each(GRANT), 1):
        try:
            yield _grant(_Table(table, written.place, values.sources), number, fold)
        except ValueError as error:
            values.problems.error(written.place, str(error))


def _grant(table: "_Table", number: int, fold: Fold) -> Grant:
    name = ", ".join(filter(None, (f"grant {number}", table.text("owner"), table.text("note"))))
    to = table.texts("to")
    mailboxes = [text for text in to if text != "local"]
    return Grant(
        name=name,
        until=table.until(name),
        networks=table.networks("networks"),
        logins=table.names("logins", by_way(LOGIN, fold.of)),
        certificates=table.names("certificates", CERTIFICATE),
        senders=Mailboxes(senders) if (senders := table.names("from", MAILBOX)) is not None else None,
        recipients=Mailboxes(table.read_names("to", mailboxes, MAILBOX)) if mailboxes else None,
        to_ours="local" in to,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """The table of a grant. Its methods raise ValueError where a value is of another type than it should be."""

    written: dict[str, Any]
    place: str
    sources: Sources

    def text(self, key: str) -> str:
        value = self.written.get(key, "")
        if not isinstance(value, str):
            raise ValueError(f"{key} wants a string")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.written.get(key, [])
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{key} wants a string or a list of strings")
        if key in self.written and not texts:
            raise ValueError(f"{key} is empty, so that nothing would be granted: leave it out, or name some")
        return texts

    def networks(self, key: str) -> Addresses | None:
        values = self._values(key, self.texts(key))
        return Addresses(entries.networks(values, NETWORK, self.sources).known) if key in self.written else None

    def names(self, key: str, form: Form[str]) -> Names | None:
        return self.read_names(key, self.texts(key), form) if key in self.written else None

    def read_names(self, key: str, texts: list[str], form: Form[str]) -> Names:
        names = entries.names(self._values(key, texts), form, self.sources)
        if names.asked:
            raise ValueError(f"{key}: a grant takes names and tables that can be read, not {names.asked[0].name}")
        return names.known

    def _values(self, key: str, texts: list[str]) -> list[Value]:
        return [Value(text, f"{self.place}: {key}") for text in texts]

    def until(self, grant: str) -> str:
        """The last day; one that has passed, or soon will have, is warned of."""
        value = self.written.get("until")
        if value is None:
            return ""
        try:
            last = date.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"until wants a date, such as 2026-12-31, not {value}") from None
        left = (last - date.today()).days
        if left < 0:
            self.sources.problems.warn(self.place, f"{grant} ended on {last}")
        elif left <= SOON_DAYS:
            when = f"in {left} days" if left else "today"
            self.sources.problems.warn(self.place, f"{grant} ends on {last}, {when}")
        return last.isoformat()
