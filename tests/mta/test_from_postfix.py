"""`--mta postfix` alone closes a Postfix that relays for anyone: its own configuration says what is local."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta.dialogue import VICTIM, recipient_reply, refusal
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, running, wait_for
from tests.tables.kinds.postfix import settle

EXTRA = """meta_directory = /usr/share/postfix
relay_domains = relay.example.net
relay_transport = discard:
virtual_mailbox_domains = pcre:{folder}/patterns, texthash:{folder}/domains
virtual_transport = discard:
mynetworks = 0.0.0.0/0 [::]/0
"""


def commands(folder: Path, mta: Mta) -> None:
    """postconf and postmap as this MTA sees them, with its users."""
    for name in ("postconf", "postmap"):
        script = folder / name
        words = shlex.join(mta.command_inside(f"/usr/sbin/{name}"))
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(0o755)


@pytest.fixture(scope="module", params=["libmilter", "loop"])
def closed_by_itself(
    request: pytest.FixtureRequest, namespace: Namespace, release_folder: Path
) -> Iterator[tuple[Postfix, Relaymilter]]:
    """A Postfix with domains of many kinds, and the milter that reads them."""
    folder = release_folder / f"from-postfix-{request.param}"
    folder.mkdir()
    (folder / "patterns").write_text("/^pattern[0-9]+\\.example$/ x\n")
    (folder / "domains").write_text("table.example.net x\n.dot.example.net x\n")
    for name in ("patterns", "domains"):
        settle(folder / name)
    milter = f"unix:{folder}/milter/milter"
    postfix = Postfix(namespace, folder / "postfix", MtaSettings((milter,), extra=EXTRA.format(folder=folder)))
    commands(folder, postfix)
    flags = ("--mta", f"postfix:{postfix.directory}/conf", "--runtime", request.param, "--watch", "0.2")
    daemon = Relaymilter(folder / "milter", *flags, milter=milter, namespace=namespace)
    with running(postfix), pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", str(folder), prepend=":")
        with running(daemon):
            yield postfix, daemon


OURS = (
    "bob@example.org",
    "bob@mx.example.org",
    "x@relay.example.net",
    "x@sub.relay.example.net",
    "x@table.example.net",
    "x@pattern7.example",
    "root@[ADDRESS]",
)
NOT_OURS = (
    VICTIM,
    "bob@sub.example.org",
    "bob@xrelay.example.net",
    "x@sub.table.example.net",
    "x@dot.example.net",
    "x@a.dot.example.net",
    "x@patternx.example",
    "x@sub.pattern7.example",
    "bob%example.com@example.org",
    "root@[192.0.2.254]",
)


def test_strangers(closed_by_itself: tuple[Postfix, Relaymilter]) -> None:
    """A stranger reaches what is Postfix's own, by whichever list, and nothing else."""
    postfix, _ = closed_by_itself
    with postfix.smtp() as client:
        client.ehlo()
        client.mail()
        codes = {name: client.rcpt(f"<{name.replace('ADDRESS', postfix.address)}>").code for name in OURS + NOT_OURS}
    assert codes == dict.fromkeys(OURS, 250) | dict.fromkeys(NOT_OURS, 554)


def test_words(closed_by_itself: tuple[Postfix, Relaymilter]) -> None:
    """A third party is refused in the usual words, and those whom Postfix itself trusts are not."""
    postfix, daemon = closed_by_itself
    assert str(recipient_reply(postfix, VICTIM)) == refusal(VICTIM)
    assert recipient_reply(postfix, VICTIM, "127.0.0.1").code == 250
    assert recipient_reply(postfix, VICTIM, "::1").code == 250
    assert "0.0.0.0/0 is not carried over, but for 127.0.0.0/8" in daemon.log()


def test_domain_that_is_added(closed_by_itself: tuple[Postfix, Relaymilter]) -> None:
    """A domain that is added to main.cf is local soon after, without a word to the milter."""
    postfix, _ = closed_by_itself
    assert recipient_reply(postfix, "x@new.example.net").code == 554
    main_cf = postfix.directory / "conf" / "main.cf"
    main_cf.write_text(main_cf.read_text().replace("relay_domains = ", "relay_domains = new.example.net, "))
    settle(main_cf)
    wait_for(lambda: recipient_reply(postfix, "x@new.example.net").code == 250, "the new domain is known")
    assert str(recipient_reply(postfix, VICTIM)) == refusal(VICTIM)


CLIENTS = ("198.51.100.7", "198.51.100.8", "203.0.113.7", "203.0.113.8", "192.0.2.201", "192.0.2.202")
NETWORKS = "198.51.100.0/24 !198.51.100.7 !203.0.113.0/24 203.0.113.7 texthash:{folder}/addresses"
DOMAINS = "!b.a.test a.test .dot.test !c.test d.c.test c.test texthash:{folder}/relayed pcre:{folder}/patterns"
RECIPIENTS = (
    *("a.test", "b.a.test", "x.a.test", "x.b.a.test", "dot.test", "x.dot.test", "c.test", "d.c.test", "x.d.c.test"),
    *("e.test", "x.e.test", "x.f.test", "p.test", "x.p.test"),
)


def test_what_is_known_of_match_lists(namespace: Namespace, folder: Path) -> None:
    """Without a milter, Postfix takes its lists as tests/mta_config/ has it: the first match decides."""
    (folder / "addresses").write_text("192.0.2.201 x\n192.0.2.0/24 x\n")
    (folder / "relayed").write_text("e.test x\n.f.test x\n")
    (folder / "patterns").write_text("/^p\\.test$/ x\n")
    extra = f"""meta_directory = /usr/share/postfix
relay_transport = discard:
mynetworks = {NETWORKS}
relay_domains = {DOMAINS}
""".format(folder=folder)
    with running(Postfix(namespace, folder / "postfix", MtaSettings(extra=extra))) as postfix:
        local = [client for client in CLIENTS if recipient_reply(postfix, VICTIM, client).code == 250]
        with postfix.smtp() as client:
            client.ehlo()
            client.mail()
            relayed = [domain for domain in RECIPIENTS if client.rcpt(f"<x@{domain}>").code == 250]
    assert local == ["198.51.100.7", "198.51.100.8", "192.0.2.201"]
    assert relayed == ["a.test", "x.a.test", "e.test", "x.e.test", "p.test"]
