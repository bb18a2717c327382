"""A secret in a file of its own: random octets that nobody but its user may read.

It is made where there is none, whole or not at all, whoever else makes it at the same time.
"""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from relaymilter.files.reading import use

SHORTEST, LONGEST = 16, 64
"""Octets, without the end of a line."""


class NoSecret(ValueError):
    """There is none that would do; in words for its administrator."""


def read_secret(path: Path) -> bytes:
    """What the file holds, without the end of a line. Raises NoSecret, UnsafeFile and FileNotFoundError."""
    use(path)
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(LONGEST + 3).rstrip(b"\r\n")
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise NoSecret(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        raise NoSecret(f"{path}: everyone may read it: chmod o-r {path}, or better, make another")
    if not SHORTEST <= len(secret) <= LONGEST:
        raise NoSecret(f"{path}: has {len(secret)} octets: a key has {SHORTEST} to {LONGEST}")
    return secret


def make_secret(path: Path) -> bytes:
    """The same, of a file that is made if there is none. Raises NoSecret and UnsafeFile."""
    try:
        return read_secret(path)
    except FileNotFoundError:
        pass
    try:
        _make(path)
        return read_secret(path)
    except OSError as error:
        raise NoSecret(f"{path}: there is none, and it cannot be made: {error.strerror}") from None


def _make(path: Path) -> None:
    """For the owner of the folder, if root makes it: that is who will read it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-") as file:  # of mode 0600
        file.write(secrets.token_hex(LONGEST // 2).encode() + b"\n")
        file.flush()
        if os.geteuid() == 0:
            folder = os.stat(path.parent)
            os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
