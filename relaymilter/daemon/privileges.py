"""What a process has and has not: its standard streams, root, a core."""

import logging
import os
import resource
import sys

from relaymilter.config.account import Account
from relaymilter.daemon.failures import CannotServe

log = logging.getLogger(__name__)


def occupy_standard_streams() -> None:
    """Where 0, 1 or 2 is closed, put /dev/null there: a socket would take its place, and get what is logged."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def become(account: Account) -> None:
    """Serve as this account from here on, with no way back; nothing happens where we are it. Raises CannotServe."""
    if (os.geteuid(), os.getegid()) == (account.uid, account.gid):
        return
    try:
        os.initgroups(account.name, account.gid)
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
    except OSError as error:
        raise CannotServe(f"cannot serve as {account.name}: {error.strerror}", os.EX_NOPERM) from None


def require_root_for(account: Account | None) -> None:
    """Raises CannotServe where we are surely not allowed to serve as this account."""
    if account is not None and os.geteuid() not in (0, account.uid):
        raise CannotServe(f"cannot serve as {account.name}: only root can start it as another user", os.EX_NOPERM)


def raise_file_limit() -> None:
    """Open as many files as we may: every connection is one, and a soft limit of 1024 is common."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stay_on_core(number: int) -> None:
    """Keep this process, and every thread it will have, on one of the cores that it may use.

    libmilter's threads take the interpreter's lock from each other with every callback; across cores that costs
    more than everything else a session does. Where a sandbox forbids it, that is told, and costs no more than time.
    """
    cores = sorted(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, {cores[number % len(cores)]})
    except OSError as error:
        log.warning("a worker cannot be kept on one core: %s; --no-pin does not try", error.strerror)
