"""Commands of the private tree, as if they were installed: each in a mount namespace in which the tree lies over /usr.

For servers, and for an MTA's tools (postmap, postconf, makemap). What they write goes where it would go anyway.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from .packages import PRIVATE_USR

_OVER_USR = 'mount -t overlay overlay -o "lowerdir=$1:/usr" /usr && shift && exec "$@"'
_ENTER = ("unshare", "--mount", "sh", "-c", _OVER_USR, "sh", str(PRIVATE_USR))


def private_command(*command: str) -> list[str]:
    """The argument vector that runs a command which sees the private tree over /usr; it keeps its process id."""
    return [*_ENTER, *command]


def wrappers(folder: Path, names: Iterable[str]) -> str:
    """Make a folder of scripts for these commands, and return a PATH that finds them first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        script = folder / name
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        words = shlex.join(private_command("env", path, name))
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return f"{folder}:{os.environ['PATH']}"
