"""`--mta sendmail:DIR` alone closes an open Sendmail: what its own configuration says is local stays reachable."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mta.dialogue import VICTIM, begin, recipient_reply, refusal, send
from tests.rig import MtaSettings, Namespace, Relaymilter, Sendmail, open_folder, running, wait_for
from tests.tables.kinds.sendmail import makemap

FEATURES = """\
FEATURE(`use_cw_file')
FEATURE(`access_db', `hash -T<TMPF> RIG_DIR/access')"""
ACCESS = """\
Connect:198.51.100\tRELAY
198.51.100.9\tOK
To:access.example\tRELAY
From:boss@example.org\tRELAY
Connect:good.example.net\tRELAY
"""


@dataclass(frozen=True)
class Pair:
    """A Sendmail, and the relaymilter that is told nothing but where its configuration is."""

    mta: Sendmail
    daemon: Relaymilter


@contextmanager
def _pair(namespace: Namespace, folder: Path, runtime: str) -> Iterator[Pair]:
    directory = folder / "mail"
    directory.mkdir()
    (directory / "local-host-names").write_text("hosted.example\n")
    (directory / "relay-domains").write_text("relay.example\n203.0.113.2\n")
    makemap(directory / "access", ACCESS)
    daemon = Relaymilter(folder / "milter", "--mta", f"sendmail:{directory}", "--runtime", runtime)
    mta = Sendmail(namespace, directory, MtaSettings((daemon.milter,), extra=FEATURES))
    _commands(folder / "programs", mta)
    with running(mta), running(daemon):  # sendmail.cf is made when it starts
        yield Pair(mta, daemon)


def _commands(folder: Path, mta: Sendmail) -> None:
    """makemap and sendmail of this MTA, for relaymilter."""
    folder.mkdir()
    for name, program in (("makemap", "/usr/sbin/makemap"), ("sendmail", mta.program)):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(mta.command_inside(program))} "$@"\n')
        script.chmod(0o755)


@pytest.fixture(scope="module", params=["loop", "libmilter"])
def pair(request: pytest.FixtureRequest, namespace: Namespace) -> Iterator[Pair]:
    """Both, running, on each runtime in turn."""
    with open_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder / "programs"), prepend=":")
        with _pair(namespace, folder, request.param) as made:
            yield made


@pytest.mark.parametrize(
    "recipient",
    [
        pytest.param("bob@example.org", id="local by Cw"),
        pytest.param("bob@mx.example.org", id="the host itself"),
        pytest.param("bob@hosted.example", id="local-host-names"),
        pytest.param("someone@relay.example", id="relay-domains"),
        pytest.param("someone@sub.relay.example", id="below one of relay-domains"),
        pytest.param("someone@access.example", id="access To:"),
        pytest.param("someone@sub.access.example", id="below access To:"),
    ],
)
def test_stranger_reaches_ours(pair: Pair, recipient: str) -> None:
    """A stranger's mail to a local or a relay domain is taken."""
    assert 250 == recipient_reply(pair.mta, recipient).code


@pytest.mark.parametrize(
    "recipient",
    [VICTIM, "bob@sub.example.org", "bob@sub.hosted.example", "a@xrelay.example", "victim%example.com@example.org"],
)
@pytest.mark.parametrize(
    "source",
    [
        pytest.param("203.0.113.7", id="stranger"),
        pytest.param("203.0.113.9", id="named in access"),
        pytest.param("198.51.100.9", id="excluded in access"),
        pytest.param("127.0.0.9", id="loopback"),
        pytest.param("2001:db8::7", id="IPv6"),
    ],
)
def test_third_party_is_refused(pair: Pair, source: str, recipient: str) -> None:
    """Nobody whom Sendmail's configuration does not name by address reaches a third party."""
    assert refusal(recipient) == str(recipient_reply(pair.mta, recipient, source))


@pytest.mark.parametrize("source", ["198.51.100.7", "203.0.113.2", "127.0.0.1", "::1"])
def test_client_relays(pair: Pair, source: str) -> None:
    """A client whose address is in the access map, in relay-domains, or that of the host itself relays."""
    recipient = f"third-{source.replace(':', '-')}@example.com"
    send(pair.mta, recipient, source)
    pair.mta.wait_delivered(recipient)


def test_sender_opens_nothing(pair: Pair) -> None:
    """A sender whom the access map names is as easily forged as any."""
    with pair.mta.smtp() as client:
        client.ehlo()
        assert 250 == client.mail("<boss@example.org>").code
        assert refusal(VICTIM) == str(client.rcpt(f"<{VICTIM}>"))


def test_what_is_not_honoured_is_logged(pair: Pair) -> None:
    """At the start each such entry is named."""
    for entry in ("connect:good.example.net", "from:boss@example.org"):
        assert f"{entry} RELAY is not honoured" in pair.daemon.log()


def test_reload_reads_the_map_again(pair: Pair) -> None:
    """A domain that is added to the access map is relayed for after a reload; what is in flight goes on."""
    with pair.mta.smtp() as client:
        begin(client)
        assert refusal("a@later.example") == str(client.rcpt("<a@later.example>"))
    makemap(pair.mta.directory / "access", ACCESS + "To:later.example\tRELAY\n")
    assert pair.daemon.process is not None
    pair.daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: recipient_reply(pair.mta, "a@later.example").code == 250, "the map is read again")
    assert refusal(VICTIM) == str(recipient_reply(pair.mta, VICTIM))
