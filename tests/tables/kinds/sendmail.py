"""`sendmail:`: a list, and a map that the real makemap has made."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rig.private import private_command, wrappers

from . import Make, Specimen


def makemap(path: Path, text: str, kind: str = "hash") -> Path:
    """Make a map of a text, as its administrator does; return the file."""
    # Without -C it wants a sendmail.cf, and without -s no folder below /tmp.
    command = private_command("makemap", "-C", "/dev/null", "-s", kind, str(path))
    subprocess.run(command, input=text, text=True, capture_output=True, check=True, timeout=60)
    return path.with_name(f"{path.name}.db")


@contextmanager
def make_list(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A list, with the comments that Sendmail allows."""
    path = folder / "relay-domains"
    path.write_text("# those that we relay for\n" + "".join(f"{key}  # {key}\n" for key in entries))
    yield Specimen(f"sendmail:{path}", keeps_values=False)


@contextmanager
def make_map(folder: Path, entries: Mapping[str, str], kind: str = "hash") -> Iterator[Specimen]:
    """A map; it is named without its suffix, as sendmail.cf does."""
    path = folder / "access"
    makemap(path, "".join(f"{key}\t{value}\n" for key, value in entries.items()), kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", wrappers(folder / "programs", ["makemap"]))
        yield Specimen(f"sendmail:{path}")


@contextmanager
def make_btree(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A map of the other type."""
    with make_map(folder, entries, "btree") as specimen:
        yield specimen


@contextmanager
def make_source(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """The text that a map is made of."""
    path = folder / "access"
    path.write_text("# who may relay\n\n" + "".join(f"{key}\t{value}\n" for key, value in entries.items()))
    yield Specimen(f"sendmail:{path}")


KINDS: dict[str, Make] = {
    "sendmail": make_list,
    "sendmail-hash": make_map,
    "sendmail-btree": make_btree,
    "sendmail-source": make_source,
}
