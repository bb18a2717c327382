"""What the daemon asks an MTA for: no more than it needs, and what older MTAs can give."""

from __future__ import annotations

import pytest

from tests.rig import Relaymilter

from . import mta as wire
from .mta import Mta
from .sessions import BOB, DENIED, STRANGER, VICTIM, greeted, rcpt

SILENT = wire.SILENT_CONNECT | wire.SILENT_HELO | wire.SILENT_MAIL
UNSENT = wire.NO_DATA | wire.NO_HEADERS | wire.NO_EOH | wire.NO_BODY | wire.NO_UNKNOWN
SET_MACROS = 0x100


def test_asks_for_what_it_needs(daemon: Relaymilter) -> None:
    """It declines all after RCPT, wants no answer before, may change nothing in a message, and names its macros.

    A name that no MTA knows stands for "none": an empty list means to Postfix what main.cf says.
    """
    with Mta(daemon.milter) as mta:
        wanted = mta.negotiate()
    assert (wanted.version, wanted.actions, wanted.steps) == (6, SET_MACROS, SILENT | UNSENT)
    used = {stage: names for stage, names in wanted.macros.items() if names != "{none}"}
    assert used == {"connect": "v", "rcpt": "{auth_authen} {rcpt_addr} {client_addr}"}
    assert wanted.macros.keys() == {"connect", "helo", "mail", "rcpt", "data", "end"}


def test_without_a_log_it_needs_no_helo(quiet_daemon: Relaymilter) -> None:
    """HELO is for the log alone."""
    with Mta(quiet_daemon.milter) as mta:
        assert mta.negotiate().steps == SILENT | UNSENT | wire.NO_HELO
    with greeted(quiet_daemon) as mta:
        mta.mail()
        assert rcpt(mta, VICTIM) == DENIED
        assert rcpt(mta, BOB) == "continue"


def test_version_2(daemon: Relaymilter) -> None:
    """An MTA that speaks version 2 is answered at every stage, and told the same."""
    with Mta(daemon.milter, version=2) as mta:
        wanted = mta.negotiate()
        assert (wanted.version, wanted.actions, wanted.macros) == (2, 0, {})
        assert wanted.steps == wire.NO_BODY | wire.NO_HEADERS | wire.NO_EOH
        mta.macros("connect", {b"v": b"Postfix 2.3"})
        assert [mta.connect(STRANGER), mta.helo(), mta.mail()] == ["continue"] * 3
        assert rcpt(mta, VICTIM) == DENIED
        assert rcpt(mta, BOB) == "continue"
        assert mta.message() == "continue"
        mta.abort()
        assert mta.mail() == "continue"
        assert rcpt(mta, VICTIM, {b"{auth_authen}": b"alice"}) == "continue"


@pytest.mark.parametrize("steps", [0x7F, 0x3FF, 0xFFF, 0x1FFFFF & ~wire.SILENT_MAIL])
def test_fewer_steps(daemon: Relaymilter, steps: int) -> None:
    """An MTA that offers fewer steps is given what it waits for."""
    with Mta(daemon.milter) as mta:
        assert mta.negotiate(steps=steps).steps == (SILENT | UNSENT) & steps
        mta.macros("connect", {b"v": b"Postfix 3.7.11"})
        came = [mta.connect(STRANGER), mta.helo(), mta.mail()]
        assert came[2] == "continue"
        assert rcpt(mta, VICTIM) == DENIED
        assert rcpt(mta, BOB) == "continue"
        assert mta.message() == "continue"


def test_no_macro_lists(daemon: Relaymilter) -> None:
    """An MTA that takes no list of macros sends those it likes, and a login among them counts."""
    with Mta(daemon.milter) as mta:
        assert mta.negotiate(actions=0).macros == {}
        mta.connect(STRANGER)
        mta.helo()
        mta.macros("mail", {b"{mail_addr}": b"a@example.net", b"{auth_authen}": b"alice"})
        mta.mail()
        assert rcpt(mta, VICTIM) == "continue"


def test_every_stage(daemon: Relaymilter) -> None:
    """An MTA that leaves nothing out is let through at every stage, and no decision depends on it."""
    with Mta(daemon.milter) as mta:
        assert mta.negotiate(steps=0x7).steps == 0
        came = [mta.connect(STRANGER), mta.helo(), mta.ask(b"U", b"HELP\0"), mta.mail(), rcpt(mta, BOB), mta.message()]
        assert came == ["continue"] * 6
        mta.abort()
        mta.mail()
        assert rcpt(mta, VICTIM) == DENIED


def test_quit_nc_without_an_abort(daemon: Relaymilter) -> None:
    """libmilter goes on with the last client then; what the MTA says with the recipient makes it a stranger."""
    with greeted(daemon, "127.0.0.1") as mta:
        mta.mail()
        assert rcpt(mta, VICTIM) == "continue"
        mta.quit_nc()
        mta.connect(STRANGER)
        mta.helo()
        mta.mail()
        assert rcpt(mta, VICTIM, {b"{client_addr}": STRANGER.encode()}) == DENIED


def test_quit_nc(daemon: Relaymilter) -> None:
    """A new client on the same milter connection has nothing of the last one: no address, no login."""
    with greeted(daemon, "127.0.0.1") as mta:
        mta.mail()
        assert rcpt(mta, VICTIM, {b"{auth_authen}": b"alice"}) == "continue"
        mta.abort()
        mta.quit_nc()
        mta.macros("connect", {b"v": b"Postfix 3.7.11"})
        mta.connect(STRANGER)
        mta.helo()
        mta.mail()
        assert rcpt(mta, VICTIM) == DENIED
        assert mta.rcpt(VICTIM) == DENIED
