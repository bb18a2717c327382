"""Postfix's own commands without an MTA: postmap and postconf of the private tree, and a main.cf for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .packages import PRIVATE_USR, Release

# Users and groups that every Debian has, as those of Postfix are not there.
MAIN_CF = """compatibility_level = 3.6
mail_owner = daemon
setgid_group = tty
meta_directory = {usr}/share/postfix
shlib_directory = {usr}/lib/postfix
"""

# They need nothing of the tree but libraries, so a namespace, which takes longer than they do, is not needed.
SCRIPT = """#!/bin/sh
LD_LIBRARY_PATH={usr}/lib/postfix:$(echo {usr}/lib/*-linux-gnu) exec {usr}/sbin/{name} "$@"
"""

# Those of a release need its C library, too, and the loader of that.
SCRIPT_OF_RELEASE = """#!/bin/sh
libraries=$(echo {usr}/lib/*-linux-gnu)
exec "$libraries"/ld-linux*.so.* --library-path {usr}/lib/postfix:"$libraries" {usr}/sbin/{name} "$@"
"""


def why_no_postmap() -> str:
    """Say in one line why postmap cannot be run here; an empty string means that it can."""
    missing = PRIVATE_USR / "lib/postfix/postfix-lmdb.so"
    return "" if missing.exists() else f"{missing} is missing: run contrib/test"


def configured(folder: Path, main_cf: str = "", release: Release | None = None) -> Path:
    """A folder that is a Postfix's configuration, with these lines; of the machine's release if none is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.cf").write_text(MAIN_CF.format(usr=release.usr if release else PRIVATE_USR) + main_cf)
    # Postfix waits until a file has not changed for more than a second.
    os.utime(folder / "main.cf", (0, 0))
    (folder / "master.cf").touch()
    return folder


def scripts(folder: Path, release: Release | None = None) -> str:
    """A PATH that finds them first."""
    folder.mkdir(parents=True)
    text, usr = (SCRIPT_OF_RELEASE, release.usr) if release else (SCRIPT, PRIVATE_USR)
    for name in ("postmap", "postconf"):
        script = folder / name
        script.write_text(text.format(usr=usr, name=name))
        script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@contextmanager
def postfix_commands(folder: Path, release: Release | None = None) -> Iterator[Path]:
    """postmap and postconf are on PATH, and this is their configuration (MAIL_CONFIG)."""
    before = {name: os.environ.get(name) for name in ("PATH", "MAIL_CONFIG")}
    os.environ["PATH"] = scripts(folder / "bin", release)
    os.environ["MAIL_CONFIG"] = str(configured(folder / "conf", release=release))
    try:
        yield folder / "conf"
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
