"""What proves a certificate, or the way of a login, counts for the recipient with which the MTA sent it, and no other.

As test_macros.py has it of the login itself; the restrictions that bind a login must hold by the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.rig import Relaymilter, running

from .conftest import POLICY
from .mta import Mta
from .sessions import DENIED, STRANGER, VICTIM, greeted, rcpt

Macros = Mapping[bytes, bytes]
LOGIN: Macros = {b"{auth_authen}": b"alice", b"{auth_type}": b"PLAIN", b"{daemon_name}": b"submission"}
CERTIFICATE: Macros = {b"{cert_subject}": b"printer", b"{cert_issuer}": b"CA"}
GOOD = {"login": LOGIN, "certificate": CERTIFICATE}
LATER = {
    "nothing": {},
    "no mechanism": {b"{auth_authen}": b"alice", b"{daemon_name}": b"submission"},
    "an empty mechanism": {**LOGIN, b"{auth_type}": b""},
    "another mechanism": {**LOGIN, b"{auth_type}": b"LOGIN"},
    "no listener": {b"{auth_authen}": b"alice", b"{auth_type}": b"PLAIN"},
    "another listener": {**LOGIN, b"{daemon_name}": b"SUBMISSION"},
    "a mechanism alone": {b"{auth_type}": b"PLAIN", b"{daemon_name}": b"submission", b"{auth_author}": b"alice"},
    "no subject": {b"{cert_issuer}": b"CA"},
    "no issuer": {b"{cert_subject}": b"printer"},
    "an empty issuer": {**CERTIFICATE, b"{cert_issuer}": b""},
    "another issuer": {**CERTIFICATE, b"{cert_issuer}": b"CA|CA"},
    "both in the subject": {**CERTIFICATE, b"{cert_subject}": b"printer|CA", b"{cert_issuer}": b""},
    "no UTF-8": {**CERTIFICATE, b"{cert_subject}": b"printer\xff"},
}


@pytest.fixture(scope="module")
def daemon(session_folder: Path, runtime: str) -> Iterator[Relaymilter]:
    """A daemon that asks for the way of a login, and takes one certificate."""
    flags = ("--login-mechanism", "PLAIN", "--login-listener", "submission", "--certificate", "printer|CA")
    bound = ("--login-networks", "bob 192.0.2.0/24", "--runtime", runtime)
    with running(Relaymilter(session_folder / f"told-{runtime}", *POLICY, *flags, *bound)) as daemon:
        yield daemon


@pytest.mark.parametrize("first", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_only_with_its_recipient(daemon: Relaymilter, first: Macros, later: Macros) -> None:
    """What came with one recipient serves neither the next one nor the next message."""
    with greeted(daemon) as mta:
        mta.mail()
        assert rcpt(mta, VICTIM, first) == "continue"
        assert rcpt(mta, VICTIM, later) == DENIED
        assert rcpt(mta, VICTIM, first) == "continue"
        assert mta.message() == "continue"
        mta.mail()
        assert rcpt(mta, VICTIM, later) == DENIED


@pytest.mark.parametrize("version", [b"8.17.1", b"", None], ids=["sendmail", "empty", "none"])
def test_certificate_of_no_postfix(daemon: Relaymilter, version: bytes | None) -> None:
    """Where the MTA does not say that it is Postfix, {verify} must be OK, with the same recipient."""
    with Mta(daemon.milter) as mta:
        mta.negotiate()
        if version is not None:
            mta.macros("connect", {b"v": version})
        mta.connect(STRANGER)
        mta.helo()
        mta.mail()
        assert rcpt(mta, VICTIM, {**CERTIFICATE, b"{verify}": b"OK"}) == "continue"
        for verify in ({}, {b"{verify}": b"FAIL"}, {b"{verify}": b"ok"}, {b"{verify}": b""}, {b"{verify}": b"OK "}):
            assert rcpt(mta, VICTIM, CERTIFICATE | verify) == DENIED


def test_bound_in_every_realm(daemon: Relaymilter) -> None:
    """Who is bound without a realm is not freed by one, and xtext is undone before, on Sendmail."""
    with Mta(daemon.milter) as mta:
        mta.negotiate()
        mta.macros("connect", {b"v": b"8.17.1"})
        mta.connect(STRANGER)
        mta.mail()
        for login in (b"bob", b"bob@a.test", b"+62ob", b"bob+40a.test", b"bob@"):
            answer = rcpt(mta, b"<bob@example.org>", {**LOGIN, b"{auth_authen}": login})
            assert str(answer).find("Login not allowed from this address") > 0, login
