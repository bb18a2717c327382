"""Why the daemon cannot serve, each with its exit status (sysexits.h)."""

import errno
import os


class CannotServe(Exception):
    """The daemon cannot start; the text names what cannot be had, and why."""

    status = os.EX_UNAVAILABLE

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        if status is not None:
            self.status = status


class CannotListen(CannotServe):
    """A socket cannot be had."""


class WorkerFailed(CannotServe):
    """A worker ended before it served."""


def status_of(error: OSError, otherwise: int) -> int:
    """The exit status for this error: 77 where a permission is missing."""
    return os.EX_NOPERM if error.errno in (errno.EPERM, errno.EACCES) else otherwise
