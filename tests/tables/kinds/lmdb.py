"""`lmdb:`: files of Postfix's postmap, which ends keys and values with a NUL, and of py-lmdb, which does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import lmdb

from tests.rig.private import private_command

from . import Make, Specimen

MAIN_CF = """\
compatibility_level = 3.6
mail_owner = daemon
setgid_group = mail
meta_directory = {0}
shlib_directory = /usr/lib/postfix
"""


def postmap(source: Path, *options: str) -> list[str]:
    """The command that makes SOURCE.lmdb; the folder of `source` becomes Postfix's configuration, too."""
    conf = source.parent
    (conf / "main.cf").write_text(MAIN_CF.format(conf))
    (conf / "dynamicmaps.cf").write_text("lmdb postfix-lmdb.so dict_lmdb_open mkmap_lmdb_open\n")
    os.utime(conf / "main.cf", (0, 0))  # Postfix waits until it has not changed for more than a second
    return private_command("postmap", *options, "-c", str(conf), f"lmdb:{source}")


def write(path: Path, entries: Iterable[tuple[str, str]], end: str = "") -> None:
    """Put these into a file; `end` goes after each key and value."""
    environment = lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 30)
    with environment.begin(write=True) as transaction:
        for key, value in entries:
            transaction.put(f"{key}{end}".encode(), f"{value}{end}".encode())
    environment.close()


@contextmanager
def make(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A map, by the name that Postfix gives it; its source lies beside it, as usual."""
    source = folder / "domains"
    source.write_text("".join(f"{key} {value}\n" for key, value in entries.items()))
    subprocess.run(postmap(source), check=True, timeout=60)
    yield Specimen(f"lmdb:{source}")


@contextmanager
def make_without_nul(folder: Path, entries: Mapping[str, str]) -> Iterator[Specimen]:
    """A file of another program, by its whole name."""
    write(folder / "domains.mdb", entries.items())
    yield Specimen(f"lmdb:{folder}/domains.mdb")


KINDS: dict[str, Make] = {"lmdb of postmap": make, "lmdb without NUL": make_without_nul}
