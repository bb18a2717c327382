"""The pid file: written whole, and removed only by the process that it names."""

import os
from pathlib import Path


def write(path: str) -> None:
    """Replace the file by one with this process's id. Raises OSError."""
    new = Path(f"{path}.new")
    new.write_text(f"{os.getpid()}\n", "ascii")
    new.replace(path)


def remove(path: str) -> None:
    """Remove it, if it names this process."""
    try:
        if Path(path).read_text("ascii").strip() == str(os.getpid()):
            os.unlink(path)
    except (OSError, ValueError):
        pass
