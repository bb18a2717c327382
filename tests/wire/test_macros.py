"""A login counts for the message with which the MTA sent it, though libmilter keeps macros until others come.

What no MTA does is not here: after a login with MAIL, a MAIL with no macros, or with an empty packet of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.rig import Relaymilter

from .mta import Mta, Reply
from .sessions import DENIED, STRANGER, VICTIM, greeted, rcpt

Macros = Mapping[bytes, bytes]
LOGIN: Macros = {b"{auth_authen}": b"alice", b"{auth_type}": b"PLAIN"}
SENDER: Macros = {b"{mail_addr}": b"a@example.net"}


def _message(mta: Mta, with_mail: Macros | None, with_rcpt: Macros | None) -> object:
    if with_mail is not None:
        mta.macros("mail", with_mail)
    mta.mail()
    return mta.rcpt(VICTIM) if with_rcpt is None else rcpt(mta, VICTIM, with_rcpt)


SECOND = {
    "no login with RCPT": (None, LOGIN, None, {}),
    "no macros at all": (None, LOGIN, None, None),
    "macros with MAIL alone": (None, LOGIN, SENDER, None),
    "an empty login": (None, LOGIN, None, {b"{auth_authen}": b""}),
    "no login with MAIL": ({**SENDER, **LOGIN}, {}, SENDER, {}),
    "no login with MAIL, and nothing with RCPT": ({**SENDER, **LOGIN}, {}, SENDER, None),
    "a login with both, then with neither": (LOGIN, LOGIN, SENDER, {}),
    "a claim with MAIL": ({**SENDER, **LOGIN}, LOGIN, {**SENDER, b"{auth_author}": b"alice"}, {}),
}


@pytest.mark.parametrize("end", ["abort", "message", "nothing"])
@pytest.mark.parametrize("version", [6, 2])
@pytest.mark.parametrize("macros", SECOND.values(), ids=SECOND.keys())
def test_login_of_the_last_message(
    daemon: Relaymilter, macros: tuple[Macros | None, ...], version: int, end: str
) -> None:
    """The login of one message does not serve the next."""
    first_mail, first_rcpt, second_mail, second_rcpt = macros
    with greeted(daemon, version=version) as mta:
        assert _message(mta, first_mail, first_rcpt) == "continue"
        if end == "message":
            assert mta.message() == "continue"
        elif end == "abort":
            mta.abort()
        assert _message(mta, second_mail, second_rcpt) == DENIED


def test_login_of_the_last_recipient(daemon: Relaymilter) -> None:
    """Nor does a login that the MTA gave with one recipient serve the next, if it came with RCPT."""
    with greeted(daemon) as mta:
        mta.mail()
        assert rcpt(mta, VICTIM, LOGIN) == "continue"
        assert rcpt(mta, VICTIM) == DENIED


def test_login_of_another_connection(daemon: Relaymilter) -> None:
    """Sessions side by side do not share a login."""
    with greeted(daemon) as one, greeted(daemon) as other:
        one.mail()
        other.mail()
        assert rcpt(one, VICTIM, LOGIN) == "continue"
        assert rcpt(other, VICTIM) == DENIED
        assert rcpt(one, VICTIM, LOGIN) == "continue"


@pytest.mark.parametrize("stage", ["connect", "helo"])
def test_login_at_another_stage(daemon: Relaymilter, stage: str) -> None:
    """What a client claims, in whatever macro, is no login."""
    claims = {b"{auth_author}": b"alice", b"auth_authen": b"alice", b"{auth_authen": b"alice", b"{AUTH_AUTHEN}": b"a"}
    with Mta(daemon.milter) as mta:
        mta.negotiate()
        for command in ("connect", "helo", "mail"):
            if command == stage:
                mta.macros(command, claims)
            mta.connect(STRANGER) if command == "connect" else mta.helo() if command == "helo" else mta.mail()
        answer = rcpt(mta, VICTIM, {b"{auth_author}": b"alice"})
        assert isinstance(answer, Reply)
        assert answer.code == 554
