"""A real Postfix and a real Sendmail that refuse by what the DNS says of clients and senders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta.dialogue import greet, refusal
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, running
from tests.servers.unbound import Unbound

GOOD, LISTED, FORGIVEN, SUSPECT = "203.0.113.20", "203.0.113.21", "203.0.113.22", "203.0.113.23"
NAMELESS, FORGED = "203.0.113.24", "203.0.113.25"
LOCAL = "198.51.100.21"
SIX = "2001:db8::21"
SIX_IN_LIST = "1.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
RECORDS = f"""
sender MX 10 mx.sender
host A 192.0.2.99
null MX 0 .
*.clients A 192.0.2.99
{"".join(f"c{number}.clients A 203.0.113.{number}{chr(10)}" for number in range(20, 25))}
c6.clients AAAA {SIX}
21.113.0.203.bl A 127.0.0.4
22.113.0.203.bl A 127.0.0.4
22.113.0.203.good A 127.0.0.2
23.113.0.203.bl A 127.0.0.99
21.100.51.198.bl A 127.0.0.4
{SIX_IN_LIST}.bl A 127.0.0.2
"""
NAMES = (
    *((f"203.0.113.{number}", f"c{number}.clients.test") for number in (20, 21, 22, 23, 25)),
    (SIX, "c6.clients.test"),
)
FLAGS = (
    *("--local-domain", "example.org", "--local-network", "198.51.100.0/24"),
    *("--dnsbl", "bl.test=127.0.0.[2..11]*2", "--dnsbl", "good.test*-2", "--dnsbl-threshold", "2"),
    *("--sender-domain-exists", "--forward-confirmed"),
)
LATER = "451 4.7.1 Cannot decide on this recipient now, try again later"
TAKEN = ""


@pytest.fixture(scope="module")
def unbound(release_folder: Path) -> Iterator[Unbound]:
    """The name server."""
    with running(Unbound(release_folder / "unbound-reputation", RECORDS, NAMES)) as server:
        yield server


@pytest.fixture(scope="module", params=[(Postfix, "libmilter"), (Sendmail, "loop")], ids=["postfix", "sendmail"])
def judging(
    request: pytest.FixtureRequest, namespace: Namespace, release_folder: Path, unbound: Unbound
) -> Iterator[Mta]:
    """An MTA that asks the DNS, one on each runtime."""
    kind, runtime = request.param
    flags = (*FLAGS, "--dns-server", unbound.server, "--runtime", runtime)
    daemon = Relaymilter(release_folder / f"milter-judging-{kind.name}", *flags)
    settings = MtaSettings((daemon.milter,))
    with running(daemon), running(kind(namespace, release_folder / f"judging-{kind.name}", settings)) as mta:
        yield mta


def said(
    mta: Mta, client: str, sender: str = "<a@sender.test>", recipient: str = "bob@example.org", login: str = ""
) -> str:
    """What this client hears of a recipient, but for what Sendmail puts before; nothing where it is taken."""
    with mta.smtp(client) as smtp:
        greet(smtp, login)
        assert smtp.mail(sender).code == 250
        reply = smtp.rcpt(f"<{recipient}>")
        return TAKEN if reply.code == 250 else str(reply).replace(f" <{recipient}>... ", " ")


def blocked(client: str) -> str:
    """The words of Postfix."""
    return f"554 5.7.1 Service unavailable; Client host [{client}] blocked using bl.test"


def unknown(client: str) -> str:
    """The words for a client whose name is not known."""
    return f"550 5.7.25 Client host rejected: cannot find your hostname, [{client}]"


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        pytest.param(GOOD, TAKEN, id="good"),
        pytest.param(LISTED, blocked(LISTED), id="listed"),
        pytest.param(SIX, blocked(SIX), id="listed, IPv6"),
        pytest.param(FORGIVEN, TAKEN, id="in a list of good clients, too"),
        pytest.param(SUSPECT, TAKEN, id="a reply that does not count"),
        pytest.param(NAMELESS, unknown(NAMELESS), id="no name"),
        pytest.param(FORGED, unknown(FORGED), id="a name that is not its own"),
        pytest.param(LOCAL, TAKEN, id="a local client, listed and without a name"),
    ],
)
def test_client(judging: Mta, client: str, answer: str) -> None:
    """Strangers are refused by lists, and without a name of their own; nobody else is."""
    assert answer == said(judging, client)


def test_login(judging: Mta) -> None:
    """Who has a login is no stranger, and may relay from where strangers are refused."""
    assert TAKEN == said(judging, LISTED, login="bob")
    assert TAKEN == said(judging, NAMELESS, recipient="friend@example.com", login="bob")


@pytest.mark.parametrize("client", [LISTED, NAMELESS, GOOD])
def test_relay_attempt(judging: Mta, client: str) -> None:
    """It is refused in the words of ever, whatever the DNS says."""
    answer = said(judging, client, "<a@gone.test>", "victim@example.com")
    assert refusal("victim@example.com") == answer


NOT_FOUND = "550 5.1.8 <a@gone.test>: Sender address rejected: Domain not found"
NULL_MX = "550 5.7.27 <a@null.test>: Sender address rejected: Domain does not accept mail (nullMX)"


@pytest.mark.parametrize(
    ("sender", "answer"),
    [
        pytest.param("<a@sender.test>", TAKEN, id="MX"),
        pytest.param("<a@host.test>", TAKEN, id="address"),
        pytest.param("<>", TAKEN, id="null"),
        pytest.param("<a@example.org>", TAKEN, id="ours"),
        pytest.param("<a@gone.test>", NOT_FOUND, id="not found"),
        pytest.param("<a@null.test>", NULL_MX, id="null MX"),
        pytest.param("<a@failing.example>", LATER, id="could not find out"),
    ],
)  # fmt: skip
def test_sender(judging: Mta, sender: str, answer: str) -> None:
    """Its domain must be in the DNS."""
    assert answer == said(judging, GOOD, sender)


def test_sender_of_everyone(judging: Mta) -> None:
    """Local clients and logins, too."""
    assert NOT_FOUND == said(judging, LOCAL, "<a@gone.test>")
    assert NOT_FOUND == said(judging, GOOD, "<a@gone.test>", login="bob")


def test_name_server_lost(judging: Mta, unbound: Unbound) -> None:
    """While it is gone answers that are kept serve, strangers that are not known wait, and local clients do not."""
    assert TAKEN == said(judging, GOOD)
    unbound.kill()
    try:
        assert TAKEN == said(judging, GOOD)
        assert LATER == said(judging, "203.0.113.30")
        assert TAKEN == said(judging, LOCAL)
        assert refusal("victim@example.com") == said(judging, "203.0.113.31", recipient="victim@example.com")
    finally:
        unbound.start()


def test_only_warns(namespace: Namespace, unbound: Unbound, folder: Path) -> None:
    """With --warn nobody is refused, and the log says who would have been."""
    warn = tuple(word for name in ("dnsbl", "forward-confirmed", "sender-domain-exists") for word in ("--warn", name))
    daemon = Relaymilter(folder / "milter", *FLAGS, *warn, "--dns-server", unbound.server)
    with running(daemon), running(Postfix(namespace, folder / "mta", MtaSettings((daemon.milter,)))) as mta:
        assert TAKEN == said(mta, LISTED, "<a@gone.test>")
        line = daemon.wait_decision(recipient="<bob@example.org>")
        assert "permit" == line["verdict"]
        assert ["sender-domain-exists", "dnsbl"] == [warning.split()[0].rstrip(":") for warning in line["warnings"]]
