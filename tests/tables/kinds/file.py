"""`file:`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from . import Make, Specimen


@contextmanager
def make(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A list."""
    path = folder / "list"
    path.write_text("".join(f"{key}\n" for key in entries))
    yield Specimen(f"file:{path}", keeps_values=False)


KINDS: dict[str, Make] = {"file": make}
