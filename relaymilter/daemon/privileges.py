"""Giving up root, and staying on one core."""

import os

from relaymilter.config.model import Account


def become(account: Account) -> None:
    """Serve as this account from here on, with no way back. Raises OSError; it does nothing where we are it already."""
    if (os.geteuid(), os.getegid()) == (account.uid, account.gid):
        return
    os.initgroups(account.name, account.gid)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


def stay_on_core(number: int) -> None:
    """Keep this process, and every thread it will have, on one of the cores that it may use.

    libmilter's threads take the interpreter's lock from each other with every callback; across cores that costs
    more than everything else a session does.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})
