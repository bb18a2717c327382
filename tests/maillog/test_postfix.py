"""Lines of Postfix, such as a client, a configuration or chance may make them, and all ways to cut a log in two."""

from __future__ import annotations

import pytest

from relaymilter.maillog.transaction import Recipient, Transaction, Way

from .reading import AT, joined, nonzero

MESSAGE = """\
postfix/smtpd[9]: connect from host.example.net[192.0.2.7]
postfix/smtpd[9]: Anonymous TLS connection established from host.example.net[192.0.2.7]: TLSv1.3 with cipher AES (1/1)
postfix/smtpd[9]: 9AF0820D46F: client=host.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=alice@example.org
postfix/smtpd[9]: 9AF0820D46F: reject: RCPT from host.example.net[192.0.2.7]: 550 5.1.1 <no@example.org>: \
User unknown; from=<a@example.org> to=<no@example.org> proto=ESMTP helo=<laptop>
postfix/cleanup[8]: 9AF0820D46F: message-id=<1@laptop>
postfix/qmgr[7]: 9AF0820D46F: from=<a@example.org>, size=300, nrcpt=2 (queue active)
postfix/smtpd[9]: disconnect from host.example.net[192.0.2.7] ehlo=2 starttls=1 auth=1 mail=1 rcpt=2/3 data=1 quit=1
postfix/smtp[6]: 9AF0820D46F: to=<v@example.com>, relay=mx.example.com[192.0.2.9]:25, delay=1, status=sent (250 ok)
postfix/local[5]: 9AF0820D46F: to=<bob@mx>, orig_to=<all@example.org>, relay=local, delay=1, status=sent (ok)
postfix/qmgr[7]: 9AF0820D46F: removed
"""
ACCEPTED = Transaction(
    AT,
    "192.0.2.7",
    "alice@example.org",
    "PLAIN",
    "TLSv1.3 AES",
    b"laptop",
    b"<a@example.org>",
    (Recipient(b"<v@example.com>", True, Way.ON), Recipient(b"<all@example.org>", True, Way.HERE)),
)
REFUSED = ACCEPTED._replace(
    recipients=(Recipient(b"<no@example.org>", False, Way.UNKNOWN, b"550 5.1.1 <no@example.org>: User unknown"),)
)
LINES = MESSAGE.splitlines(keepends=True)


@pytest.mark.parametrize("cut", range(len(LINES) + 1))
def test_wherever_it_is_cut(cut: int) -> None:
    """A message and a refusal are the same, wherever one part of a log ends and the next one begins."""
    read, gaps = joined("".join(LINES[:cut]), "".join(LINES[cut:]))
    assert {ACCEPTED, REFUSED} == set(read)
    assert {} == nonzero(gaps)


def test_others_between_change_nothing() -> None:
    """Two messages at once, line by line, in two processes, with two queue ids, are two."""
    other = MESSAGE.replace("[9]", "[99]").replace("9AF0820D46F", "4XyZ12345z").replace("alice", "bob")
    mixed = "".join(line for pair in zip(LINES, other.splitlines(keepends=True), strict=True) for line in pair)
    read, _ = joined(mixed)
    login = "bob@example.org"
    assert [REFUSED, REFUSED._replace(login=login), ACCEPTED, ACCEPTED._replace(login=login)] == sorted(
        read, key=lambda each: (each.recipients[0].accepted, each.login)
    )


def test_another_host_and_another_instance_are_others() -> None:
    """The same queue id, of another host or another Postfix on this one, is that of another message."""
    moved = MESSAGE.replace("postfix/", "postfix-out/")
    read, gaps = joined("".join(LINES[:4]) + moved + "".join(LINES[4:]))
    assert [ACCEPTED, ACCEPTED] == [each for each in read if each.recipients[0].accepted]
    assert {} == nonzero(gaps)


def test_submission_is_of_the_same_postfix() -> None:
    """The queue id that postfix/submission/smtpd gives is the one of postfix/qmgr."""
    read, _ = joined(MESSAGE.replace("postfix/smtpd", "postfix/submission/smtpd"))
    assert ACCEPTED in read


def test_a_queue_id_is_used_again() -> None:
    """What comes after `removed` belongs to another message."""
    again = MESSAGE.replace("alice@", "carol@")
    read, _ = joined(MESSAGE + again)
    assert ["alice@example.org", "carol@example.org"] == [each.login for each in read if each.recipients[0].accepted]


REJECT = (
    "postfix/smtpd[9]: NOQUEUE: {what}: RCPT from unknown[2001:db8::7]: 554 5.7.1 <v@example.com>: Relay access "
    "denied; from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>{more}"
)


def rejected(
    what: str = "reject", sender: str = "", to: str = "v@example.com", helo: str = "h", more: str = ""
) -> Transaction:
    """What a line of a refusal tells."""
    read, gaps = joined(REJECT.format(what=what, sender=sender, to=to, helo=helo, more=more))
    assert {} == nonzero(gaps)
    return read[0]


def test_milter_reject() -> None:
    """What a milter refused is marked so: it was asked."""
    assert [True, False] == [rejected(what).recipients[0].by_milter for what in ("milter-reject", "reject")]
    assert "2001:db8::7" == rejected().client


HOSTILE = (
    '"a> to=<b"@example.net',
    '"> proto=ESMTP helo=<x"@example.com',
    '"a>b"@example.net',
    '": client=h[10.0.0.1]"@example.com',
    '"; from=<s> to=<t> proto=ESMTP helo=<h"@example.com',
    '"\\"; from=<s"@example.com',
    '"x>, relay=y"@example.com',
    '"z>: ; from=<s> to=<z> proto=ESMTP"@example.com',
)
"""Paths that imitate what Postfix writes beside them."""


@pytest.mark.parametrize("to", HOSTILE)
@pytest.mark.parametrize("sender", ["", *HOSTILE])
def test_what_a_client_writes_ends_nothing(sender: str, to: str) -> None:
    """What stands in a quoted local part is no part of the line: no refusal hides itself, or names another sender."""
    line = REJECT.replace("<v@example.com>: Relay", "<{to}>: Relay").format(
        what="reject", sender=sender, to=to, helo="h", more=""
    )
    read, gaps = joined(line)
    said = f"554 5.7.1 <{to}>: Relay access denied".encode()
    assert [(f"<{sender}>".encode(), (Recipient(f"<{to}>".encode(), False, Way.UNKNOWN, said),))] == [
        (each.sender, each.recipients) for each in read
    ]
    assert {} == nonzero(gaps)


@pytest.mark.parametrize("helo", [": client=x[10.0.0.1]", "; from=<s> to=<t> proto=ESMTP helo=<h", '"'])
def test_helo_hides_no_refusal(helo: str) -> None:
    """A refusal is one whatever the client calls itself."""
    read = rejected(sender="a@example.net", helo=helo)
    assert ("2001:db8::7", b"<a@example.net>") == (read.client, read.sender)
    assert [b"<v@example.com>"] == [each.path for each in read.recipients]


@pytest.mark.parametrize("to", HOSTILE)
def test_deliveries_of_hostile_paths(to: str) -> None:
    """A delivery names the recipient that the client wrote, whatever that imitates."""
    read, _ = joined(MESSAGE.replace("v@example.com", to))
    assert [f"<{to}>".encode()] == [of.path for each in read for of in each.recipients if of.way is Way.ON]


def test_helo_claims_no_login() -> None:
    """A client gives itself no login by what it says in HELO; Postfix 3.10 writes the real one without brackets."""
    claimed = rejected(helo="h> sasl_method=PLAIN sasl_username=boss@example.org")
    assert (None, None) == (claimed.login, claimed.mechanism)
    proved = rejected(more=" sasl_method=PLAIN sasl_username=alice@example.org")
    assert ("alice@example.org", "PLAIN", b"h") == (proved.login, proved.mechanism, proved.helo)


def test_refused_after_a_login_in_the_same_connection() -> None:
    """Where the line says no login, the one that the connection had before is meant; after the connection, nobody's."""
    begin = "".join(LINES[:3])
    refusal = REJECT.format(what="reject", sender="", to="v@example.com", helo="h", more="").replace(
        "2001:db8::7", "::9"
    )
    read, _ = joined(begin, refusal + "\n" + LINES[6] + LINES[0] + refusal)
    assert ["alice@example.org", None] == [each.login for each in read if each.client == "::9"]


def test_helo_of_header_checks() -> None:
    """What header_checks logs has HELO, at its end; the header, which the client writes, cannot claim another."""
    line = (
        "postfix/cleanup[8]: 9AF0820D46F: info: header Subject: x helo=<boss> from h[192.0.2.7]; from=<a@example.org> "
        "to=<v@example.com> proto=ESMTP helo=<real>\n"
    )
    read, _ = joined("".join(LINES[:3]) + line + "".join(LINES[5:]))
    assert [b"real"] == [each.helo for each in read]


BEGIN, QUEUED, LAST = "".join(LINES[:3]), LINES[5], "".join(LINES[7:])


@pytest.mark.parametrize(
    ("log", "gaps", "recipients"),
    [
        pytest.param(BEGIN, {"no_recipients": 1}, 0, id="given up after RCPT"),
        pytest.param(BEGIN + QUEUED, {"no_recipients": 1}, 0, id="the log ends before a delivery"),
        pytest.param(BEGIN + QUEUED + LINES[7], {"fewer_recipients": 1}, 1, id="the log ends between deliveries"),
        pytest.param(QUEUED + LAST, {"no_beginning": 1}, 0, id="it began before the log"),
        pytest.param(LAST * 3, {"no_beginning": 1}, 0, id="tried again and again"),
        pytest.param(
            "postfix/bounce[4]: 1A: sender non-delivery notification: 9AF0820D46F\n" + QUEUED + LAST,
            {"internal": 1},
            0,
            id="a bounce",
        ),
        pytest.param(
            "postfix/pickup[3]: 9AF0820D46F: uid=0 from=<root>\n" + QUEUED + LAST, {"not_by_smtp": 1}, 0, id="cron"
        ),
        pytest.param(
            BEGIN.replace("org\n", "org, orig_queue_id=1A, orig_client=x[192.0.2.1]\n") + QUEUED + LAST,
            {"filtered": 1},
            0,
            id="from a filter",
        ),
        pytest.param(
            "postfix/smtpd[9]: NOQUEUE: reject: MAIL from h[192.0.2.7]: 550 no; from=<a@b> proto=ESMTP helo=<x>\n"
            "postfix/smtpd[9]: NOQUEUE: reject: CONNECT from h[192.0.2.7]: 554 no; proto=SMTP\n",
            {"unnamed": 2},
            0,
            id="refused before RCPT",
        ),
        pytest.param("relaymilter[2]: decision time=2026-11-24T18:23:07Z session=1\n", {"own_lines": 1}, 0, id="ours"),
    ],
)
def test_what_it_does_not_tell(log: str, gaps: dict[str, int], recipients: int) -> None:
    """Is counted, and nothing is made up for it."""
    read, counted = joined(log)
    assert gaps == nonzero(counted)
    assert recipients == sum(len(each.recipients) for each in read)


def test_deferred_for_days_is_told_once() -> None:
    """A message whose recipients were all tried is given out then; later attempts tell nothing new."""
    deferred = LINES[7].replace("status=sent", "status=deferred")
    read, gaps = joined(BEGIN + QUEUED + deferred + LINES[8], deferred, QUEUED + deferred, LAST)
    assert [(True, Way.UNKNOWN), (True, Way.HERE)] == [of[1:3] for of in read[0].recipients]
    assert (1, {}) == (len(read), nonzero(gaps))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "kernel: [1.2] ]: x",
        "postfix/smtpd[9]: 9AF0820D46F: client=",
        "postfix/smtpd[9]: NOQUEUE: reject: RCPT from",
        "postfix/smtpd[9]: NOQUEUE: reject: ",
        "postfix/smtpd[9]: warning: reject: x",
        "postfix/qmgr[7]: 1A: from=<a",
        "postfix/smtp[7]: 1A: to=<a",
        "postfix/smtpd[9]: Anonymous TLS connection established",
        "postfix/cleanup[9]:  helo=<",
        "sendmail[9]: x: from=, size=",
        "sendmail[9]: AUTH=server, relay=",
        "]: x",
    ],
)
def test_a_line_cut_short_breaks_nothing(line: str) -> None:
    """Whatever stands in a log, the lines after it are read."""
    read, _ = joined(line + "\n" + MESSAGE)
    assert ACCEPTED in read
