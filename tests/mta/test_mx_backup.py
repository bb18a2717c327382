"""A real Postfix and a real Sendmail as the backup MX of two domains, by a real name server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta.dialogue import begin, recipient_reply, refusal, send
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, running
from tests.servers.unbound import Unbound

RECORDS = """
backed MX 10 mx1.backed
backed MX 20 mx2.here
mx1.backed A 198.51.100.25
second MX 5 mx1.backed
second MX 5 mx3.backed
second MX 30 mx2.here
mx3.backed AAAA 2001:db8:2::25
primary MX 10 mx2.here
primary MX 20 mx1.backed
moved MX 10 mx.far
moved MX 20 mx2.here
mx.far A 203.0.113.99
unlisted MX 10 mx1.backed
unlisted MX 20 mx2.here
null MX 0 .
"""
LISTED = ("backed.test", "second.test", "primary.test", "moved.test", "null.test", "gone.test", "failing.example")
FLAGS = (
    *("--local-domain", "example.org", "--mx-name", "mx2.here.test"),
    *(word for domain in LISTED for word in ("--mx-backup", domain)),
    *("--mx-backup-networks", "198.51.100.24/29", "--mx-backup-networks", "2001:db8:2::/64"),
)
LATER = "451 4.7.1 Cannot decide on this recipient now, try again later"


@pytest.fixture(scope="module")
def unbound(release_folder: Path) -> Iterator[Unbound]:
    """The name server."""
    with running(Unbound(release_folder / "unbound", RECORDS)) as server:
        yield server


@pytest.fixture(scope="module", params=[(Postfix, "libmilter"), (Sendmail, "loop")], ids=["postfix", "sendmail"])
def backup(
    request: pytest.FixtureRequest, namespace: Namespace, release_folder: Path, unbound: Unbound
) -> Iterator[Mta]:
    """An MTA that backs up the listed domains, one on each runtime."""
    kind, runtime = request.param
    folder = release_folder / f"backup-{kind.name}"
    flags = (*FLAGS, "--dns-server", unbound.server, "--runtime", runtime)
    daemon = Relaymilter(release_folder / f"milter-{kind.name}", *flags)
    with running(daemon), running(kind(namespace, folder, MtaSettings((daemon.milter,)))) as mta:
        yield mta


@pytest.mark.parametrize("domain", ["backed.test", "second.test"])
def test_backed_up(backup: Mta, domain: str) -> None:
    """A stranger's mail to a domain that is backed up is taken, and sent on."""
    send(backup, f"bob@{domain}")
    backup.wait_delivered(f"bob@{domain}")


@pytest.mark.parametrize("domain", ["primary.test", "moved.test", "null.test", "gone.test", "unlisted.test"])
def test_not_backed_up(backup: Mta, domain: str) -> None:
    """Refused: where we are the best MX, the best one is elsewhere, there is none, or nobody told us to back it up."""
    assert str(recipient_reply(backup, f"bob@{domain}")) == refusal(f"bob@{domain}")


def test_could_not_find_out(backup: Mta) -> None:
    """A domain that the name server knows nothing of now is for later."""
    assert str(recipient_reply(backup, "bob@failing.example")) == LATER


@pytest.mark.parametrize(
    "path",
    [
        "<victim%example.com@backed.test>",
        "<example.com!victim@backed.test>",
        '<"victim@example.com"@backed.test>',
        "<@backed.test:victim@example.com>",
    ],
)
def test_no_way_through(backup: Mta, path: str) -> None:
    """A domain that is backed up is no way to another one."""
    with backup.smtp() as client:
        begin(client)
        assert client.rcpt(path).code // 100 == 5


def test_one_message(backup: Mta) -> None:
    """In one message each recipient is judged by itself, and those whose domain is local without the DNS."""
    with backup.smtp() as client:
        begin(client)
        recipients = ("bob@backed.test", "bob@example.org", "bob@moved.test", "bob@failing.example", "eve@second.test")
        assert [250, 250, 554, 451, 250] == [client.rcpt(f"<{recipient}>").code for recipient in recipients]


def test_name_server_lost(backup: Mta, unbound: Unbound) -> None:
    """While the name server is gone an answer that is kept serves, and what needs none is decided as ever."""
    assert recipient_reply(backup, "bob@backed.test").code == 250
    unbound.kill()
    try:
        assert recipient_reply(backup, "bob@backed.test").code == 250
        assert str(recipient_reply(backup, "bob@unlisted.test")) == refusal("bob@unlisted.test")
        assert recipient_reply(backup, "bob@example.org").code == 250
    finally:
        unbound.start()
