"""Which envelopes may be delivered, and which messages count as come."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.audit.hostile.corpus import corpus
from relaymilter.audit.hostile.envelopes import Names
from relaymilter.audit.hostile.trial import Outcome, Trial
from relaymilter.audit.probe.delivery import in_folder, seen, to_the_mailbox_alone
from relaymilter.audit.probe.imap import in_imap
from relaymilter.audit.probe.smtp_client import tls_context

NAMES = Names("me@third.example")
MARK = "0123456789abcdef-1"


@pytest.mark.parametrize(
    "reaches",
    ["<me@third.example>", "<me%third.example@example.org>", "<third.example!me>", "<@example.org:me@third.example>"],
)
def test_what_reaches_the_mailbox(reaches: str) -> None:
    """A disguise of the mailbox itself is delivered."""
    found = [each.recipient.decode("utf-8", "replace") for each in to_the_mailbox_alone(corpus(NAMES), NAMES)]
    assert reaches in found


@pytest.mark.parametrize(
    "word",
    [
        *(
            "postmaster@third.example",
            "me+tag@",
            "me@sub.third",
            "me@example.org.third",
            "[203.0.113.99]",
            "hop.example",
        ),
        *("postmaster%example.org@third.example", ".me@", "me=", "postmaster@example.org,"),
    ],
)
def test_what_may_reach_others(word: str) -> None:
    """What might reach anybody else is not, though it is tried up to RCPT."""
    assert any(word.encode() in each.recipient for each in corpus(NAMES))
    assert not any(word.encode() in each.recipient for each in to_the_mailbox_alone(corpus(NAMES), NAMES))
    assert not any(each.before for each in to_the_mailbox_alone(corpus(NAMES), NAMES))


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (f"Subject: x\nX-Relaymilter-Probe: {MARK}\n\nhello\n", {MARK}),
        (f"Subject: x\r\nX-RELAYMILTER-PROBE: {MARK}\r\n\r\nhello\r\n", {MARK}),
        (f"Subject: returned mail\n\nX-Relaymilter-Probe: {MARK}\n", set()),
        ("Subject: x\nX-Relaymilter-Probe: another\n\n", set()),
    ],
    ids=["a message", "CR LF", "a bounce of it", "another's"],
)
def test_in_a_folder(tmp_path: Path, message: str, found: set[str]) -> None:
    """A message has come whose header has the mark; one that came back has it in its body."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1.host").write_bytes(message.encode())
    assert in_folder(tmp_path)() == found


def trial(mark: str) -> Trial:
    """Something that was taken."""
    return Trial(corpus(NAMES)[0], Outcome.OPENED, "250 ok", mark)


def test_seen() -> None:
    """What came proves an opening; what was sent and has not come does not; what was not sent is as it was."""
    found = seen([trial(MARK), trial("other"), trial("")], lambda: {MARK, "and another's"}, 0)
    assert [each.outcome for each in found] == [Outcome.OPENED, Outcome.UNSEEN, Outcome.OPENED]
    assert [each.said for each in found] == [
        "250 ok; its message came through",
        "250 ok; its message has not come",
        "250 ok",
    ]


def test_it_waits_until_all_have_come() -> None:
    """It looks again while something is missing."""
    looks = iter([set[str](), {MARK}, {MARK, "other"}])
    found = seen([trial(MARK), trial("other")], lambda: next(looks), 60)
    assert {each.outcome for each in found} == {Outcome.OPENED}
    assert next(looks, None) is None


@pytest.mark.parametrize(
    "url",
    ["pop3s://a@h", "imap://h", "imaps://h/INBOX", "imaps://a:secret@h", "imaps://a@", 'imaps://a@h/x"y', "http://a@h"],
)
def test_a_url_that_is_none(url: str) -> None:
    """Of another protocol, without a user, or with a password in it, an IMAP folder is refused, in words."""
    with pytest.raises(ValueError, match="give imaps://USER@HOST|no name of a folder"):
        in_imap(url, "secret", tls_context(verify=False))
