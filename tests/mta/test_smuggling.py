"""What stands behind an end of data that is none (a bare LF), as a smuggler sends it: facts of four MTAs, and ours.

Where an MTA takes it for the end, what follows are commands of the same client, which a milter hears like any others.
"""

from __future__ import annotations

import pytest

from tests.mta.dialogue import begin, refusal
from tests.rig import Mta, Release, Reply

VICTIM = "smuggled@example.com"
SMUGGLED = f"MAIL FROM:<b@example.net>\r\nRCPT TO:<{VICTIM}>\r\nDATA\r\n\r\nx\r\n.\r\n".encode()
ENDS = pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n"], ids=["LF.LF", "CRLF.LF", "LF.CRLF"])

REPLIES = {
    ("postfix", Release.DEBIAN_12): ["250 2.0.0", "250 2.1.0", "250 2.1.5", "354 End d"],
    ("postfix", Release.DEBIAN_13): ["250 2.0.0", "250 2.1.0", "250 2.1.5", "554 5.5.0"],
    ("sendmail", Release.DEBIAN_12): ["421 4.5.0"],
    ("sendmail", Release.DEBIAN_13): ["421 4.5.0"],
}
"""Postfix takes it for the end, by smtpd_forbid_bare_newline=normalize, too; since 3.9 smtpd_forbid_unauth_pipelining
refuses DATA from who has not waited.  Sendmail hangs up: `Bare linefeed (LF) not allowed`."""


def smuggle(mta: Mta, end: bytes) -> list[Reply]:
    """A message to bob, and another one behind this end; the replies, from that to the first message on."""
    replies: list[Reply] = []
    with mta.smtp() as client:
        begin(client)
        assert client.rcpt("<bob@example.org>").code == 250
        assert client.command("DATA").code == 354
        client.write(b"Subject: x\r\n\r\nbody" + end + SMUGGLED)
        try:
            for _ in range(4):
                replies.append(client.read_reply())
        except (EOFError, ConnectionResetError):
            pass
    return replies


@ENDS
def test_what_an_open_mta_makes_of_it(open_mta: Mta, release: Release, end: bytes) -> None:
    """Postfix goes on with the commands behind it, and Debian 13's stops at DATA; Sendmail hangs up."""
    assert [str(reply)[:9] for reply in smuggle(open_mta, end)] == REPLIES[open_mta.name, release]


@ENDS
def test_it_is_decided_like_any_other(mta: Mta, end: bytes) -> None:
    """A smuggled recipient is refused as a stranger's, where the MTA hears of it at all."""
    refused = [str(reply) for reply in smuggle(mta, end) if reply.code == 554]
    assert refused[:1] == ([refusal(VICTIM)] if mta.name == "postfix" else [])
    assert VICTIM not in mta.delivered()


def test_smtputf8(open_mta: Mta) -> None:
    """Postfix offers SMTPUTF8, and Sendmail, as Debian builds it, does not; one that was not offered is refused."""
    with open_mta.smtp() as client:
        offered = any(line[4:] == "SMTPUTF8" for line in client.ehlo().lines)
        assert offered == (open_mta.name == "postfix")
        assert client.mail("<a@example.net> SMTPUTF8").code == (250 if offered else 555)
