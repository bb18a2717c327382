"""Files that decide whose mail is relayed: what everyone may write is refused, for it might open the relay.

That is the file itself, and every folder on the way to it, by way of every symbolic link, unless its sticky bit keeps
others from replacing what is in it.
"""

import stat
from pathlib import Path

from relaymilter.files.way import way


class UnsafeFile(ValueError):
    """Everyone could change what is in this file; in words for its administrator."""


def require_safe(path: Path) -> None:
    """Raises UnsafeFile if everyone may write or replace this file."""
    reason = danger(path)
    if reason is not None:
        raise UnsafeFile(reason)


def danger_of_folder(folder: str) -> str | None:
    """How everyone could put something else in the place of a file in this folder; None if they cannot."""
    reason = danger(Path(folder))
    return (
        None if reason is None else reason.replace("everyone may replace it", "everyone may replace what is there", 1)
    )


def danger(path: Path) -> str | None:
    """How everyone could change what is in this file, and what to do; None if they cannot, or if there is none."""
    try:
        for step, status in way(path):
            if not status.st_mode & stat.S_IWOTH:
                continue
            if stat.S_ISREG(status.st_mode):
                return f"{path}: everyone may write it: chmod o-w {step}"
            if stat.S_ISDIR(status.st_mode) and not status.st_mode & stat.S_ISVTX:
                return f"{path}: everyone may replace it, who may write the folder {step}: chmod o-w {step}"
    except (OSError, ValueError):  # missing, or NUL in the path: whoever reads it says so
        pass
    return None
