"""The mail that is sent, to the letter; that it arrives is for tests/mta/test_notices.py to say."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from relaymilter.notices.mail import message

from .steps import notice, step


def parsed(octets: bytes) -> EmailMessage:
    """As a mail reader has it."""
    found: object = BytesParser(policy=policy.default).parsebytes(octets)
    assert isinstance(found, EmailMessage)
    return found


def test_message() -> None:
    """It says which login, what became of it, why, and what to do; to nobody who might answer."""
    found = parsed(message("root@example.org", notice("alice")))
    assert "relaymilter: login alice is suspended" == found["Subject"]
    assert ("root@example.org", "relaymilter <root@example.org>") == (found["To"], found["From"])
    assert "auto-generated" == found["Auto-Submitted"]
    text = found.get_content()
    assert (
        "2027-01-15T08:00:00Z mx: login alice is suspended: too much that is new at once in a day (recipients 15, "
        "refused 7)\n" in text.replace("\r\n", "\n")
    )
    assert "relaymilter logins release LOGIN" in text


def test_message_of_a_flood() -> None:
    """All in one, and how many more there were."""
    found = parsed(message("root", notice("a", "b", more=7)))
    assert "relaymilter: 9 steps of logins: suspended" == found["Subject"]
    assert "... and 7 more, which are in the log" in found.get_content()


def test_hostile_logins() -> None:
    """No login makes a header, a line, or one that is too long for SMTP (RFC 5321 4.5.3.1.6)."""
    hostile = "a\r\nBcc: v@example.com\r\n\r\n.\r\n\u202eé\x1b[2J" + "\0" * 300
    octets = message("root", notice(hostile))
    assert octets.isascii()
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    assert b"\nBcc:" not in octets
    assert max(map(len, octets.splitlines())) < 998
    assert step(hostile).login not in octets.decode()
