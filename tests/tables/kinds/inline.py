"""`inline:`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from . import Make, Specimen


@contextmanager
def make(_folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """As Postfix has it, each entry in braces."""
    yield Specimen("inline:{ " + ", ".join(f"{{{key} = {value}}}" for key, value in entries.items()) + " }")


KINDS: dict[str, Make] = {"inline": make}
