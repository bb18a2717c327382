"""Users and groups."""

from __future__ import annotations

import grp
import pwd

import pytest

from relaymilter.config.account import Account

from .written import problems, settings

NOBODY = pwd.getpwnam("nobody")


DAEMON = grp.getgrnam("daemon")


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("nobody", Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid)),
        ("nobody:daemon", Account("nobody", NOBODY.pw_uid, DAEMON.gr_gid)),
        (str(NOBODY.pw_uid), Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid)),
        (f"nobody:{DAEMON.gr_gid}", Account("nobody", NOBODY.pw_uid, DAEMON.gr_gid)),
        ("nobody:", Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid)),
    ],
)
def test_user(text: str, account: Account) -> None:
    """A user brings its own group, unless one is named; both may be numbers."""
    assert account == settings(user=text).daemon.account


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no user ''"),
        ("no-such-user", "there is no user 'no-such-user'"),
        (":daemon", "there is no user ''"),
        ("99999999999999999999", "there is no user '99999999999999999999'"),
        ("²", "there is no user '²'"),
        ("nobody:no-such-group", "there is no group 'no-such-group'"),
        ("nobody:daemon:x", "there is no group 'daemon:x'"),
        ("nobody:4294967295", "there is no group '4294967295'"),
        ("nobody:99999999999999999999", "there is no group '99999999999999999999'"),
    ],
)
def test_bad_user(text: str, message: str) -> None:
    """A user and a group are looked up at once, not when root has been given up."""
    assert [f"--user: {message}"] == problems(user=text)
