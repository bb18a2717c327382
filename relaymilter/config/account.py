"""Users and groups of this machine, by name or number."""

import grp
import pwd
import re
from dataclasses import dataclass

_ID = re.compile(r"[0-9]{1,10}")
_NO_ID = 2**32 - 1  # chown(2): leave it as it is


@dataclass(frozen=True, slots=True)
class Account:
    """A user and a group to serve as."""

    name: str
    uid: int
    gid: int


def group_id(name: str) -> int:
    """The id of a group, by name or number."""
    try:
        gid = int(name) if _ID.fullmatch(name) else grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):  # the latter for NUL
        gid = _NO_ID
    if gid >= _NO_ID:
        raise ValueError(f"there is no group {name!r}")
    return gid


def account(text: str) -> Account:
    """`user` or `user:group`."""
    user, _, group = text.partition(":")
    try:
        entry = pwd.getpwuid(int(user)) if _ID.fullmatch(user) else pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise ValueError(f"there is no user {user!r}") from None
    return Account(entry.pw_name, entry.pw_uid, group_id(group) if group else entry.pw_gid)
