"""`relaymilter probe` finds every opening of a real MTA, and none of one that is closed; nmap's script agrees."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.rig import STRANGER, Mta, MtaSettings, Namespace, Postfix, Sendmail, running
from tests.rig.daemon import ROOT

from .openings import NOT_LOCAL, OPENINGS, Opening
from .test_probes import nmap

STRANGER6 = "2001:db8::7"
NMAP_OPEN = "Server is an open relay ({}/16 tests)"
NMAP_CLOSED = "Server doesn't seem to be an open relay, all tests failed"


def run(namespace: Namespace, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit status, output and errors of `relaymilter probe` in the namespace."""
    command = (sys.executable, "-m", "relaymilter", "probe", "--pause", "0", *words)
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with namespace.popen(*command, cwd=ROOT, **pipes) as process:
        out, err = process.communicate(stdin, timeout=120)
    return process.returncode, out, err


def families_opened(found: dict[str, Any]) -> set[str]:
    """Of a target."""
    return {row["family"] for row in found["families"] if row["held"] < row["tried"]} - {"all"}


def probed(namespace: Namespace, *words: str) -> tuple[int, dict[str, set[str]], dict[str, int]]:
    """The exit status, and by target the families that were open, and how many of nmap's envelopes were."""
    status, out, err = run(namespace, "--json", *words)
    assert err == "", err
    found = json.loads(out)
    assert found["unreachable"] == []
    by_target = {each["target"]: each for each in found["targets"]}
    opened = {name: families_opened(each) for name, each in by_target.items()}
    rows = {name: row for name, each in by_target.items() for row in each["families"] if row["family"] == "nmap"}
    return status, opened, {name: row["tried"] - row["held"] for name, row in rows.items()}


@contextmanager
def opening(namespace: Namespace, folder: Path, which: Opening) -> Iterator[Mta]:
    """Its MTA, running."""
    with running(which.mta(namespace, folder / "mta")) as mta:
        yield mta


BOUND = ("--bind", STRANGER, "--bind", STRANGER6)


def said_by_nmap(count: int) -> str:
    """What nmap says when so many of its tests relay."""
    return NMAP_OPEN.format(count) if count else NMAP_CLOSED


ON_EVERY_SOCKET = [name for name in OPENINGS if "IPv6" not in name and "587" not in name]


@pytest.mark.parametrize("name", ON_EVERY_SOCKET)
def test_finds_an_opening(namespace: Namespace, folder: Path, name: str) -> None:
    """It finds the opening, in the families that belong to it and in no other; nmap counts as many of its own."""
    which = OPENINGS[name]
    with opening(namespace, folder, which) as mta:
        status, opened, counted = probed(namespace, mta.address, "--domain", which.domain, *BOUND)
        said = nmap(namespace, mta)
    target = f"{mta.address}:25"
    assert opened[target] == which.families
    assert status == bool(which.families)
    assert said == said_by_nmap(counted[target])


def test_finds_what_is_open_over_ipv6(namespace: Namespace, folder: Path) -> None:
    """A server that is open over IPv6 alone is found by its IPv6 address, and not by the other."""
    with opening(namespace, folder, OPENINGS["postfix over IPv6"]) as mta:
        status, opened, counted = probed(namespace, mta.address, f"[{mta.address6}]", *BOUND)
        said = nmap(namespace, mta)
    assert status == 1
    assert opened == {f"{mta.address}:25": set(), f"[{mta.address6}]:25": OPENINGS["postfix over IPv6"].families}
    assert said == said_by_nmap(counted[f"{mta.address}:25"])


def test_finds_what_is_open_on_another_port(namespace: Namespace, folder: Path) -> None:
    """A server that is open on port 587 alone is found there, and not on 25."""
    with opening(namespace, folder, OPENINGS["postfix on port 587"]) as mta:
        status, opened, counted = probed(namespace, mta.address, "--port", "25", "--port", "587", *BOUND)
        said = nmap(namespace, mta)
    assert status == 1
    assert opened == {f"{mta.address}:25": set(), f"{mta.address}:587": OPENINGS["postfix on port 587"].families}
    assert said == said_by_nmap(counted[f"{mta.address}:25"])


def test_an_open_mta_that_relaymilter_closes(namespace: Namespace, mta: Mta) -> None:
    """An open Postfix and an open Sendmail, closed by relaymilter, are closed on all four sockets."""
    words = (mta.address, f"[{mta.address6}]", "--port", "25", "--port", "587", *BOUND)
    status, opened, counted = probed(namespace, *words)
    assert (status, len(opened)) == (0, 4)
    assert set().union(*opened.values()) == set()
    assert nmap(namespace, mta) == said_by_nmap(counted[f"{mta.address}:25"])


def test_starttls_and_login(namespace: Namespace, mta: Mta, folder: Path) -> None:
    """With a login, over STARTTLS, what a stranger is refused gets through: it is who asks that counts."""
    (folder / "password").write_text("secret\n")
    tls = ("--starttls", "--no-verify", "--family", "plain", *BOUND)
    assert probed(namespace, mta.address, *tls)[0] == 0
    login = ("--login", "bob", "--password-file", str(folder / "password"))
    assert probed(namespace, mta.address, *tls, *login)[0] == 1
    (folder / "password").write_text("wrong\n")
    status, out, _ = run(namespace, mta.address, *tls, *login)
    assert status == 69
    assert "535 5.7" in out


@pytest.mark.parametrize("mechanism", ["login", "cram-md5"])
def test_other_mechanisms(namespace: Namespace, folder: Path, mechanism: str) -> None:
    """A server that offers no PLAIN is logged into by LOGIN or CRAM-MD5."""
    (folder / "password").write_text("secret\n")
    extra = f"{NOT_LOCAL}smtpd_sasl_mechanism_filter = {mechanism}\nsmtpd_relay_restrictions = {_LOGINS}\n"
    with running(Postfix(namespace, folder / "mta", MtaSettings(extra=extra))) as mta:
        words = ("--login", "bob", "--password-file", str(folder / "password"), "--family", "plain", *BOUND)
        assert probed(namespace, mta.address, *words)[0] == 1


_LOGINS = "permit_sasl_authenticated, reject_unauth_destination"


def test_implicit_tls(namespace: Namespace, folder: Path) -> None:
    """A server that begins with TLS is probed by that, and not without."""
    extra = f"{NOT_LOCAL}smtpd_tls_wrappermode = yes\n"
    with running(Postfix(namespace, folder / "mta", MtaSettings(extra=extra, greets=False))) as mta:
        status, opened, _ = probed(namespace, mta.address, "--implicit-tls", "--no-verify", "--family", "nmap", *BOUND)
        assert (status, opened) == (0, {f"{mta.address}:25": set()})
        assert run(namespace, mta.address, "--timeout", "0.2", *BOUND)[0] == 69


def test_a_server_that_loses_patience(namespace: Namespace, folder: Path) -> None:
    """Postfix with its own limit of errors does not hang up: there is a new connection before."""
    limits = "smtpd_hard_error_limit = 20\n"
    with running(Postfix(namespace, folder / "mta", MtaSettings(extra=NOT_LOCAL + limits))) as mta:
        assert probed(namespace, mta.address, *BOUND)[0] == 0
        assert "too many errors" not in mta.log()


def test_a_server_without_its_milter(namespace: Namespace, folder: Path) -> None:
    """A server that defers everything, since its milter is down, is not called closed: 75."""
    settings = MtaSettings((f"unix:{folder}/none",), extra="soft_bounce = no\n")
    with running(Postfix(namespace, folder / "mta", settings)) as mta:
        status, out, _ = run(namespace, mta.address, "--family", "plain", *BOUND)
    assert status == 75
    assert re.search(r"^plain +8 +8 +8$", out, re.MULTILINE)


def test_progress(namespace: Namespace, open_postfix: Postfix) -> None:
    """On a terminal a bar says how far it is, on standard error."""
    ours, theirs = pty.openpty()
    command = (sys.executable, "-m", "relaymilter", "probe", "--pause", "0", open_postfix.address, "--family", "plain")
    with namespace.popen(*command, *BOUND, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=60)
    with open(ours, "rb", buffering=0) as terminal:
        bar = terminal.read(65536)
    assert b"probing" in bar
    assert b"100%" in bar
    assert b"probing" not in out.encode()


def test_a_certificate_that_is_not_trusted(namespace: Namespace, open_mta: Mta) -> None:
    """The certificate of the server is verified, unless --no-verify."""
    status, out, _ = run(namespace, open_mta.address, "--starttls", *BOUND)
    assert status == 69
    assert f"{open_mta.address}:25: TLS: " in out


def test_xclient(namespace: Namespace, postfix: Postfix, open_sendmail: Sendmail) -> None:
    """By XCLIENT a client on the server itself is a stranger; where the server knows none, nothing is tried."""
    loopback = ("--bind", "127.0.0.1", "--family", "plain")
    assert run(namespace, postfix.address, *loopback)[0] == 1
    for pose in (STRANGER, STRANGER6):
        assert run(namespace, postfix.address, *loopback, "--xclient", pose)[0] == 0
    status, out, _ = run(namespace, open_sendmail.address, "--xclient", STRANGER, *loopback)
    assert status == 69
    assert "the server does not let this client use XCLIENT" in out


def test_a_client_that_may_be_trusted(namespace: Namespace, open_postfix: Postfix) -> None:
    """Without --bind it says that the server may take it for a local client."""
    _, _, err = run(namespace, open_postfix.address, "--family", "plain")
    said = f"{open_postfix.address}:25: it sees this client as {open_postfix.address}, and may trust it"
    assert err == f"relaymilter: warning: {said}: see --bind and --xclient\n"


def test_only_what_is_ours(namespace: Namespace) -> None:
    """A server that is no address of this machine is refused, without a packet, unless --own-host says that it is."""
    status, out, err = run(namespace, "198.51.100.99")
    assert (status, out) == (64, "")
    assert "198.51.100.99:25 is no address of this machine: probe your own servers alone" in err
    status, out, _ = run(namespace, "198.51.100.99", "--own-host")
    assert (status, out) == (69, "198.51.100.99:25: Connection refused\n")


def test_nothing_is_sent(namespace: Namespace, folder: Path) -> None:
    """It stops at RCPT: an open server has nothing to deliver."""
    with running(Sendmail(namespace, folder / "mta", MtaSettings())) as mta:
        assert run(namespace, mta.address, *BOUND)[0] == 1
        mta.smtp().quit()
        assert mta.delivered() == []


@contextmanager
def delivering(namespace: Namespace, folder: Path, keeps: bool) -> Iterator[tuple[Sendmail, Path]]:
    """An open Sendmail that keeps what it delivers in a maildir, or drops it."""
    maildir = folder / "maildir"
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True)
        (maildir / part).chmod(0o777)
    with running(Sendmail(namespace, folder / "mta", MtaSettings())) as mta:
        keep = f"f=$(mktemp {maildir}/new/XXXXXXXX); cat >$f; chmod 644 $f" if keeps else "cat >/dev/null"
        (folder / "mta" / "drop").write_text(f"#!/bin/sh\n{keep}\n")
        yield mta, maildir


def test_delivers_and_watches(namespace: Namespace, folder: Path) -> None:
    """With --deliver marked messages go out, to the mailbox and nobody else, and --watch sees them come."""
    with delivering(namespace, folder, keeps=True) as (mta, maildir):
        words = ("--deliver", "me@third.example", "--watch", str(maildir), "--wait", "60")
        families = ("--family", "plain", "--family", "helo", "--family", "companions")
        status, out, err = run(namespace, mta.address, *words, *families, *BOUND)
    assert (status, err) == (1, "")
    messages = [path.read_text() for path in (maildir / "new").iterdir()]
    assert out.count("its message came through\n") == len(messages) > 5
    assert all("\nX-Relaymilter-Probe: " in message and "To: <me@third.example>\n" in message for message in messages)
    assert set(re.findall(r" to=(\S+),", mta.log())) == {"<me@third.example>"}


def test_what_is_taken_and_dropped(namespace: Namespace, folder: Path) -> None:
    """A server that takes messages and delivers none is not proved to be open: 75."""
    with delivering(namespace, folder, keeps=False) as (mta, maildir):
        words = ("--deliver", "me@third.example", "--watch", str(maildir), "--wait", "0", "--family", "plain")
        status, out, err = run(namespace, mta.address, *words, *BOUND)
    assert (status, err) == (75, "")
    assert "; its message has not come\n" in out
    assert "unseen (plain): HELO" in out


def test_junit(namespace: Namespace, open_postfix: Postfix, folder: Path) -> None:
    """JUnit's XML has a suite for each target, a failure for each family that is open, an error for one not reached."""
    words = (f"{open_postfix.address}:25", f"{open_postfix.address}:26", "--family", "plain", "--family", "route")
    status, out, err = run(namespace, *words, "--junit", *BOUND)
    assert (status, err) == (1, "")
    suites = ElementTree.fromstring(out)
    attributes = [{key: suite.get(key) for key in ("tests", "failures", "errors")} for suite in suites]
    assert attributes == [
        {"tests": "2", "failures": "2", "errors": "0"},
        {"tests": "1", "failures": "0", "errors": "1"},
    ]
    failure = suites.find("testsuite/testcase[@name='plain']/failure")
    assert failure is not None
    assert failure.get("message") == "8 of 8 got through"
    assert "RCPT TO:<victim@example.com>: 250 2.1.5 Ok" in str(failure.text)


def test_table(namespace: Namespace, open_postfix: Postfix) -> None:
    """The table has a line a family, and what got through."""
    status, out, _ = run(namespace, open_postfix.address, "--family", "plain", *BOUND)
    assert status == 1
    lines = out.splitlines()
    assert lines[:2] == [f"{open_postfix.address}:25", "family            tried   held  deferred"]
    assert lines[2] == "plain                 8      0         0  OPEN"
    assert lines[4:6] == [
        "opened (plain): HELO client.example.net, MAIL FROM:<probe@example.net>, RCPT TO:<victim@example.com>",
        "  250 2.1.5 Ok",
    ]
