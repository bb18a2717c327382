"""`ldap:`, a unit of its own on the server of this process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers import slapd

from . import Make, Specimen

_numbers = itertools.count(1)


def described(folder: Path, **values: str) -> Path:
    """Write the description of a table; `_` in a key stands for `-`."""
    path = folder / f"table{next(_numbers)}.toml"
    path.write_text("".join(f"{key.replace('_', '-')} = '{value}'\n" for key, value in values.items()))
    path.chmod(0o640)
    return path


@contextmanager
def make(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """Entries with the key as cn, which a directory compares without regard to case and to blanks."""
    server = slapd.shared()
    server.start()
    unit = server.add_unit(f"entries{next(_numbers)}", entries)
    login = {"bind_dn": slapd.READER, "password": slapd.PASSWORD}
    path = described(folder, url=server.ldapi, base=unit, filter="(cn={key})", attribute="description", **login)
    try:
        yield Specimen(f"ldap:{path}", server=server)
    finally:
        server.resume()
        server.start()


KINDS: dict[str, Make] = {"ldap": make}
