"""The hostile envelopes: how many, of which kinds, and that none is by right a mailbox of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relaymilter.audit.hostile.corpus import FAMILIES, corpus, names_of
from relaymilter.audit.hostile.envelopes import Names
from relaymilter.policy.address import Path as MailPath
from relaymilter.policy.address import parse

NAMES = Names("joe@third.example", "here.example", "mx.here.example", "198.51.100.25", "root")
NMAP = Path("/usr/share/nmap/scripts/smtp-open-relay.nse")


def test_there_are_hundreds() -> None:
    """There are more than 300 in all, several in each family, and none twice."""
    assert len(corpus(Names())) > 300
    assert all(len(corpus(Names(), [family])) >= 5 for family in FAMILIES)
    assert len(set(corpus(Names()))) == len(corpus(Names()))


def test_they_are_made_of_the_names() -> None:
    """With other names none of the usual ones is left in any."""
    usual = re.compile(rb"example\.(org|com)|192\.0\.2\.|victim|postmaster@(?!third)", re.IGNORECASE)
    said = [(each.recipient, each.sender, each.helo, each.reading, *each.before) for each in corpus(NAMES)]
    assert [words for words in said if any(map(usual.search, words))] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_each_is_hostile(family: str) -> None:
    """Each names the third party, or an address of nobody's, or is a way to write one that nobody could mean."""
    for envelope in corpus(NAMES, [family]):
        path = parse(envelope.recipient)
        ours = isinstance(path, MailPath) and path.plain and path.domain == NAMES.domain
        assert not ours, envelope
        assert envelope.reading == b"joe@third.example"


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_not_misread_is_not_ours(family: str) -> None:
    """What our own parser takes for a mailbox of ours, without routing, is marked as misread."""
    for envelope in corpus(NAMES, [family]):
        path = parse(envelope.recipient)
        if isinstance(path, MailPath) and path.domain in (NAMES.domain, "") and not path.routing:
            assert envelope.misread, envelope


def test_nmap_is_whole() -> None:
    """The family `nmap` has the sixteen of its script smtp-open-relay, as it sends them, in its order."""
    if not NMAP.exists():
        pytest.skip("nmap is missing: run contrib/test")
    table = NMAP.read_text().partition("local tests = {")[2].partition("-- This function")[0]
    wanted = [(_formatted(sender), _formatted(to)) for sender, to in _FROM_TO.findall(table)]
    assert len(wanted) == 16
    made = corpus(Names("relaytest@third.example", host="mx.example.org"), ["nmap"])
    assert [(each.sender.decode(), each.recipient.decode()) for each in made] == wanted


_FROM_TO = re.compile(r'from = (""|string\.format\(.*?\)),\s+to = (string\.format\(.*?\))\n')
_VALUES = {
    "to": "relaytest",
    "from": "antispam",
    "domain": "third.example",
    "srvname": "mx.example.org",
    "ip": "192.0.2.25",
}


def _formatted(lua: str) -> str:
    """What Lua's string.format makes of it, in brackets."""
    if lua == '""':
        return "<>"
    found = re.fullmatch(r'string\.format\("(.*)", ([\w, ]+)\)', lua)
    assert found, lua
    form = found[1].replace('\\"', '"')
    return "<" + form % tuple(_VALUES[word] for word in found[2].split(", ")) + ">"


@pytest.mark.parametrize(
    ("victim", "domain", "said"),
    [
        ("nobody", "", "'nobody' is no plain mailbox"),
        ('"a b"@example.com', "", "is no plain mailbox"),
        ("a%b@example.com", "", "is no plain mailbox"),
        ("a@example.com", "b@c", "is no plain mailbox"),
        ("a@example.com", "example..org", "is no plain mailbox"),
        ("a@Example.org", "example.ORG", "is no third party's: example.ORG is the server's own"),
    ],
)
def test_names_are_checked(victim: str, domain: str, said: str) -> None:
    """A third party that is none, or a domain that is none, is refused: the forms would not be what they seem."""
    with pytest.raises(ValueError, match=re.escape(said)):
        names_of(victim, domain=domain)


def test_a_dialogue_in_one_line() -> None:
    """An envelope is shown as it is said, with nothing in it that drives a terminal."""
    shown = [str(envelope) for envelope in corpus(Names())]
    assert all(line.isascii() and line.isprintable() for line in shown)
    assert (
        "HELO client.example.net, MAIL FROM:<probe@example.net>, RCPT TO:<postmaster@example.org>, "
        "RCPT TO:<victim%example.com@example.org>" in shown
    )
    assert "HELO client.example.net, MAIL FROM:<> AUTH=postmaster+40example.org, RCPT TO:<victim@example.com>" in shown
