"""Lists of mailboxes and domains: `bob@example.org`, `example.org` or `@example.org`, `.example.org`, `<>`.

They are matched by what a path says, so a path that an MTA might read otherwise is never in a list that allows; for one
that denies, see restrictions.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from relaymilter.policy.address import Malformed, Path
from relaymilter.policy.ports import Names

NULL = "<>"


def words(value: str) -> list[str]:
    """The words of a value, parted by blanks or commas."""
    return value.replace(",", " ").split()


def keys(path: Path) -> Iterator[str]:
    """What may stand in a list for this mailbox, the most specific first; the local part in lower case.

    `bob+tag@example.org`, `bob@example.org`, `@example.org`, `example.org`, `.org`; of a bare name the name.
    """
    local = path.local.lower()
    bare = local.partition("+")[0] or local
    if not path.domain:
        yield from dict.fromkeys((local or NULL, bare or NULL))
        return
    yield from dict.fromkeys((f"{local}@{path.domain}", f"{bare}@{path.domain}"))
    yield "@" + path.domain
    yield path.domain
    dot = -1 if path.domain.startswith("[") else path.domain.find(".")
    while dot >= 0:
        yield path.domain[dot:]
        dot = path.domain.find(".", dot + 1)


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """A list of mailboxes and domains."""

    names: Names

    def match(self, path: Path | Malformed) -> str | None:
        """The entry that holds this plain path, or the null one; None for any other. Raises LookupFailed."""
        if not isinstance(path, Path) or not (path.plain or path == _NULL_PATH):
            return None
        return self.find(path)

    def find(self, path: Path) -> str | None:
        """The entry that holds the mailbox that this path seems to name, or None. Raises LookupFailed."""
        return next((key for key in keys(path) if key in self.names), None)


_NULL_PATH = Path("", "", False)
