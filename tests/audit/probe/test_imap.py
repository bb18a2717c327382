"""Marked messages are found on a real IMAP server, and what keeps them from being found is said in words."""

from __future__ import annotations

import errno
import os
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from relaymilter.audit.probe.imap import in_imap
from tests.rig.daemon import ROOT
from tests.servers.dovecot import PASSWORD, USER, Dovecot, shared


def mark(number: int) -> str:
    """Of a message, one for each test."""
    return f"0123456789abcdef-{number}"


def message(number: int) -> bytes:
    """A marked one."""
    return f"Subject: x\nX-Relaymilter-Probe: {mark(number)}\n\nhello\n".encode()


def url(scheme: str, folder: str = "", user: str = USER) -> str:
    """Of the server."""
    port = shared().tls if scheme == "imaps" else shared().starttls
    return f"{scheme}://{quote(user, safe='')}@127.0.0.1:{port}{'/' if folder else ''}{quote(folder)}"


def trusting() -> ssl.SSLContext:
    """Who trusts the server's certificate."""
    return ssl.create_default_context(cafile=str(shared().authority))


@pytest.fixture(scope="module")
def server() -> Dovecot:
    """The server, with the messages of these tests, each folder with its own."""
    server = shared()
    for number, folder in enumerate(("", "My Folder", "Entw&APw-rfe", "R&-D", "&JjpkOycM-.Sub"), 1):
        server.deliver(f"{number}.host", message(number), folder)
    server.deliver("bounce", b"Subject: returned mail\n\nX-Relaymilter-Probe: 0123456789abcdef-99\n")
    return server


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
@pytest.mark.parametrize(
    ("folder", "number"),
    [("", 1), ("INBOX", 1), ("My Folder", 2), ("Entwürfe", 3), ("R&D", 4), ("☺搻✌/Sub", 5)],
)
def test_found(server: Dovecot, scheme: str, folder: str, number: int) -> None:
    """With TLS from the first byte and by STARTTLS, in a folder of any name; a bounce is none; all stay unread."""
    assert in_imap(url(scheme, folder), PASSWORD, trusting())() == {mark(number)}
    assert {each.name for each in (server.folder / "mail").rglob("*.host") if each.parent.name in ("new", "cur")} == {
        f"{number}.host" for number in range(1, 6)
    }


def test_many(server: Dovecot) -> None:
    """As many as a folder holds, though one command could not name them all."""
    for number in range(1000, 2700):
        server.deliver(str(number), message(number), "Many")
    assert in_imap(url("imaps", "Many"), PASSWORD, trusting())() == {mark(number) for number in range(1000, 2700)}


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
@pytest.mark.parametrize(
    ("folder", "user", "password", "said"),
    [
        ("Nowhere", USER, PASSWORD, "IMAP: Nowhere: Mailbox doesn't exist: Nowhere"),
        ("", USER, "wrong", "IMAP: [AUTHENTICATIONFAILED] Authentication failed."),
        ("", "frëmd@third.example", "fälsch", "IMAP: [AUTHENTICATIONFAILED] Authentication failed."),
    ],
    ids=["no such folder", "wrong password", "not ASCII"],
)
@pytest.mark.usefixtures("server")
def test_refused(scheme: str, folder: str, user: str, password: str, said: str) -> None:
    """What the server says is said, without the marks of Python."""
    with pytest.raises(OSError, match="IMAP") as error:
        in_imap(url(scheme, folder, user), password, trusting())()
    assert error.value.strerror is not None
    assert error.value.strerror.startswith(said)


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
@pytest.mark.usefixtures("server")
def test_a_certificate_that_is_not_trusted(scheme: str) -> None:
    """The password is given to nobody whose certificate is not trusted."""
    with pytest.raises(ssl.SSLCertVerificationError):
        in_imap(url(scheme), PASSWORD, ssl.create_default_context())()


@pytest.mark.usefixtures("server")
def test_nothing_is_sent_that_cannot_be_watched(tmp_path: Path) -> None:
    """The command says so at once, before it connects to the server that is to be probed."""
    (tmp_path / "password").write_text("wrong\n")
    words = ("--deliver", USER, "--watch", url("imap"), "--watch-password-file", str(tmp_path / "password"))
    command = (sys.executable, "-m", "relaymilter", "probe", "127.0.0.1:1", *words, "--no-verify")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (os.EX_UNAVAILABLE, "")
    assert done.stderr.startswith("relaymilter: --watch: ")
    assert "Authentication failed" in done.stderr


def test_nobody_there() -> None:
    """A port on which nobody listens is an error of the system's."""
    with pytest.raises(OSError, match="refused") as error:
        in_imap("imap://a@127.0.0.1:1", PASSWORD, trusting())()
    assert error.value.errno == errno.ECONNREFUSED
