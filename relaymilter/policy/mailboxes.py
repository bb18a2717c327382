"""Lists of mailboxes and domains: `bob@example.org`, `example.org` or `@example.org`, `.example.org`, `<>`.

A name without a dot, `bob`, is the mailbox of a path without a domain: a domain of one label is written `@localhost`.
Only ASCII letters are folded, of a local part as of a domain. Lists are matched by what a path says; how far that can
be trusted is the caller's to know.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from relaymilter.policy.address import Malformed, Path, parse
from relaymilter.policy.domains import ascii_lower, domain_form
from relaymilter.policy.ports import Names, may_wait

NULL = "<>"
NULL_PATH = Path("", "", False)

_MORE_THAN_A_NAME = re.compile(r"[.@<>\[\]]")


def words(value: str) -> list[str]:
    """The words of a value, parted by blanks or commas."""
    return value.replace(",", " ").split()


def entry_form(entry: str) -> str:
    """An entry as keys() has it, so that it is found; of a mailbox, a domain, a name or `<>`. Raises ValueError."""
    if entry == NULL:
        return entry
    if "@" not in entry[1:]:
        start = entry[:1] if entry.startswith(("@", ".")) else ""
        return start + domain_form(entry[len(start) :])
    path = parse(f"<{entry}>".encode())
    if isinstance(path, Malformed) or path.routing or not path.domain:
        raise ValueError(f"{entry!r} is no mailbox")
    return f"{ascii_lower(path.local)}@{path.domain}"


def keys(path: Path) -> Iterator[str]:
    """What may stand in a list for this mailbox, the most specific first.

    `bob+tag@example.org`, `bob@example.org`, `@example.org`, `example.org`, `.org`; without a domain `bob+tag`, `bob`;
    and nothing for a local part without a domain that could be taken for a domain, or for the null sender.
    """
    local, domain = ascii_lower(path.local), path.domain
    bare = local.partition("+")[0] or local
    if not domain:
        if not _MORE_THAN_A_NAME.search(local):
            yield from dict.fromkeys((local or NULL, bare or NULL))
        return
    yield f"{local}@{domain}"
    if bare != local:
        yield f"{bare}@{domain}"
    yield "@" + domain
    literal = domain.startswith("[")
    if literal or "." in domain:
        yield domain
    dot = -1 if literal else domain.find(".")
    while dot >= 0:
        yield domain[dot:]
        dot = domain.find(".", dot + 1)


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """A list of mailboxes and domains, in entry_form()."""

    names: Names

    @property
    def waits(self) -> bool:
        """Its names may have to be waited for."""
        return may_wait(self.names)

    def match(self, path: Path | Malformed) -> str | None:
        """The entry that holds this path, which must be plain: for lists that allow. Raises LookupFailed."""
        return self.find(path) if isinstance(path, Path) and path.plain else None

    def find(self, path: Path) -> str | None:
        """The entry that holds the mailbox that this path seems to name, or None. Raises LookupFailed."""
        return next((key for key in keys(path) if key in self.names), None)
