"""From a decision to the words that a client reads, and to what an MTA takes from a milter."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.config.replies import ERRORS, PRESETS, parse_text
from relaymilter.milter.replies import Mta, Words, answer, mta_of, unless_dry, words
from relaymilter.policy.envelope import NOWHERE, Request, request
from relaymilter.policy.ruleset import BAD_PATH, RELAY_DENIED
from relaymilter.policy.verdict import Decision, Permit, Reply, refuse

MAX_WIRE_TEXT = 980
"""Octets of a reply that libmilter takes (MAXREPLYLEN in libmilter/smfi.c)."""
SENDMAIL = "Relaying denied. Proper authentication required."


def of(recipient: bytes, sender: bytes = b"<>", login: str | None = None) -> Request:
    """A request with what a reply may name."""
    return request(NOWHERE, recipient, sender=sender, login=login)


@pytest.mark.parametrize(
    ("version", "mta"),
    [
        ("Postfix 3.7.11", Mta.POSTFIX),
        ("Postfix", Mta.POSTFIX),
        ("8.17.1.9", Mta.SENDMAIL),
        ("8.17.1.9/8.17.1.9/Debian-2", Mta.SENDMAIL),
        ("postfix 3.7", Mta.UNKNOWN),
        ("9.0", Mta.UNKNOWN),
        ("Exim 4.96", Mta.UNKNOWN),
        ("", Mta.UNKNOWN),
        (None, Mta.UNKNOWN),
    ],
)
def test_mta_of(version: str | None, mta: Mta) -> None:
    """The macro v tells the MTA; what is unknown is taken for neither."""
    assert mta is mta_of(version)


@pytest.mark.parametrize(
    ("reply", "mta", "text"),
    [
        (PRESETS["postfix"], Mta.POSTFIX, "<v@e.test>: Relay access denied"),
        (PRESETS["postfix"], Mta.UNKNOWN, "<v@e.test>: Relay access denied"),
        (PRESETS["postfix"], Mta.SENDMAIL, "<v@e.test>: Relay access denied"),
        (PRESETS["sendmail"], Mta.POSTFIX, f"<v@e.test>... {SENDMAIL}"),
        (PRESETS["sendmail"], Mta.UNKNOWN, f"<v@e.test>... {SENDMAIL}"),
        (PRESETS["sendmail"], Mta.SENDMAIL, SENDMAIL),
        (PRESETS["defer"], Mta.POSTFIX, "<v@e.test>: Relay access denied"),
        (PRESETS["defer"], Mta.SENDMAIL, "<v@e.test>: Relay access denied"),
        (Reply(551, "5.7.1", "{recipient}: No"), Mta.SENDMAIL, "<v@e.test>: No"),
        *((Reply(code, f"{code // 100}.7.1", "{recipient}: No"), Mta.SENDMAIL, "No") for code in (450, 550, 553)),
        (Reply(550, "5.7.1", "No {recipient}: No"), Mta.SENDMAIL, "No <v@e.test>: No"),
        (Reply(550, "5.7.1", "No."), Mta.SENDMAIL, "No."),
        (BAD_PATH, Mta.POSTFIX, "Bad recipient address syntax"),
        (ERRORS["defer"], Mta.SENDMAIL, "Cannot decide on this recipient now, try again later"),
    ],
)
def test_words(reply: Reply, mta: Mta, text: str) -> None:
    """The recipient is filled in; at the front it is left off where Sendmail puts it there itself."""
    assert Words(reply.code, reply.status, text) == words(reply, of(b"<v@e.test>"), mta)


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        (b"<v@e.test>", "<v@e.test>"),
        (b"v@e.test", "<v@e.test>"),
        (b"<<v@e.test>>", "<<v@e.test>>"),
        (b"<v@e.test", "<<v@e.test>"),
        (b"<", "<<>"),
        (b"<>", "<>"),
        (b"", "<>"),
        (b"<v\r\n250 Yes@e.test>", "<v\\x0d\\x0a250 Yes@e.test>"),
        (b"<caf\xe9@e.test>", "<caf\\xe9@e.test>"),
        (b"<\x1b[31m@e.test>", "<\\x1b[31m@e.test>"),
        (b"<a\0b@e.test>", "<a\\x00b@e.test>"),
        (b"<b%c@e.test>", "<b%c@e.test>"),
        (b"<{recipient}@e.test>", "<{recipient}@e.test>"),
        (b"<" + b"a" * 500 + b">", "<" + "a" * 397 + "...>"),
    ],
    ids=lambda value: None if isinstance(value, str) else ascii(value[:20]),
)
def test_recipient(recipient: bytes, shown: str) -> None:
    """A recipient is shown in one pair of brackets, harmless, and not too long."""
    assert f"{shown}: Relay access denied" == words(RELAY_DENIED, of(recipient), Mta.POSTFIX).text


def test_percent_is_doubled_on_the_wire_alone() -> None:
    """MTAs read a milter's text as a format; the client and the log see one `%`."""
    said = words(Reply(554, "5.7.1", "100 % no: {recipient}"), of(b"<b%c@e.test>"), Mta.POSTFIX)
    assert said.wire_text == "100 %% no: <b%%c@e.test>"
    assert str(said) == "554 5.7.1 100 % no: <b%c@e.test>"


LONGEST = parse_text("x" * 178 + "{recipient}")
WORST = parse_text("%" * 89 + "{recipient}")
REPLIES = [*PRESETS.values(), *ERRORS.values(), BAD_PATH, Reply(554, "5.7.1", LONGEST), Reply(454, "4.7.1", WORST)]


@given(st.binary(max_size=1100), st.sampled_from(REPLIES), st.sampled_from(Mta))
def test_any_recipient(recipient: bytes, reply: Reply, mta: Mta) -> None:
    """Whatever the recipient, the reply is one line of printable ASCII in which an MTA finds no format."""
    said = words(reply, of(recipient), mta)
    assert (reply.code, reply.status) == (said.code, said.status)
    assert re.fullmatch(r"(?:[ -$&-~]|%%)+", said.wire_text)


@pytest.mark.parametrize("reply", REPLIES, ids=str)
@pytest.mark.parametrize("recipient", [b"%" * 1000, b"<" + b"%" * 398 + b">", b"\\" * 1000, b"\xff" * 1000])
def test_longest_reply(recipient: bytes, reply: Reply) -> None:
    """The longest text with the worst recipient is a reply that libmilter takes."""
    assert len(words(reply, of(recipient), Mta.POSTFIX).wire_text) <= MAX_WIRE_TEXT


ASKED = request(NOWHERE, b"<v@e.test>")


def test_permit_says_nothing() -> None:
    """A permit is CONTINUE, in a dry run too."""
    said = answer(Decision(Permit("in a test"), "local-client", ()), ASKED, Mta.POSTFIX)
    assert said is None
    assert unless_dry(said, True) is None
    assert unless_dry(said, False) is None


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_refusal_is_told(reply: Reply) -> None:
    """A refusal is told, but for a dry run, of which the MTA hears CONTINUE."""
    said = answer(Decision(refuse(reply, "why"), "no-rule", ()), ASKED, Mta.POSTFIX)
    assert said is not None
    assert (reply.code, reply.status) == (said.code, said.status)
    assert said == unless_dry(said, False)
    assert unless_dry(said, True) is None


@pytest.mark.parametrize(
    ("sender", "login", "text"),
    [
        (b"<boss@e.test>", "bob", "<boss@e.test>: Sender address rejected: not owned by user bob"),
        (b"boss@e.test", "b{sender}b", "<boss@e.test>: Sender address rejected: not owned by user b{sender}b"),
        (b"<>", "b\r\nb", "<>: Sender address rejected: not owned by user b\\x0d\\x0ab"),
        (b"<" + b"%" * 400 + b">", "%" * 400, f"<{'%' * 180}>: Sender address rejected: not owned by user {'%' * 180}"),
    ],
    ids=["usual", "a place in a login is no place", "line feeds", "long"],
)
def test_words_name_sender_and_login(sender: bytes, login: str, text: str) -> None:
    """A reply may name the sender and the login, made harmless, and short enough for an MTA."""
    reply = Reply(553, "5.7.1", "{sender}: Sender address rejected: not owned by user {login}")
    said = words(reply, of(b"<v@e.test>", sender, login), Mta.POSTFIX)
    assert text == said.text
    assert len(said.wire_text) <= MAX_WIRE_TEXT
