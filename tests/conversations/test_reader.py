"""The reader of conversation files takes what its docstring says, and refuses nonsense with its file and line."""

from __future__ import annotations

import pytest

from .cases import CONVERSATIONS
from .reader import DEFAULT_POLICY, ScriptError, read
from .script import RUNNERS, Client, Decided, Login, Mail, OwnAnswer, Rcpt, Starttls, Xclient

WHOLE = r"""
# all that a file may say
# a second line of comment
not sendmail: it has no XCLIENT
client 203.0.113.7 port 25
helo nothing
login alice refused
mail <a@example.net> SIZE=100 SMTPUTF8
rcpt <b\xe9@example.com> NOTIFY=NEVER as nothing -> reject 501 5.1.3 | postfix 500 5.5.2
rcpt <"b c" @ example.com> as b@example.com -> reject 554 5.7.1 "\x22b\x22: no" unsaid
message
mail a@example.net
rcpt <b@example.com> -> permit local-client
xclient 203.0.113.8 login joe
starttls with valid
helo nothing
login bob by CRAM-MD5
mail <>
rcpt <b@example.com> -> defer 451 4.7.1 uncertain
"""

GOOD = ["# fact", "client ::1", "mail <>", "rcpt <b@c> -> permit local-client"]


def test_whole() -> None:
    """Every kind of line is read as it stands."""
    (conversation,) = read(WHOLE, "f")
    steps = conversation.steps
    assert str(conversation) == "f:all that a file may say"
    assert conversation.policy == DEFAULT_POLICY
    assert conversation.runners == {"decide", "wire", "postfix"}
    assert steps[0] == Client("203.0.113.7", 25)
    assert steps[2] == Login("alice", refused=True)
    assert steps[3] == Mail(b"<a@example.net>", (b"SIZE=100", b"SMTPUTF8"))
    assert steps[9] == Xclient("203.0.113.8", "joe")
    assert steps[10] == Starttls("valid")
    assert steps[12] == Login("bob", mechanism="CRAM-MD5")


def test_listener() -> None:
    """A client comes to port 25 unless the line says 587."""
    (conversation,) = read("\n".join([GOOD[0], "client ::1 to 587", *GOOD[2:]]), "f")
    assert conversation.steps[0] == Client("::1", listener=587)


def test_recipients() -> None:
    """A recipient has its bytes, its parameters, what the MTA makes of it, and an outcome for each runner."""
    first, second, third, fourth = (step for step in read(WHOLE, "f")[0].steps if isinstance(step, Rcpt))
    assert (first.line, first.path, first.parameters) == (9, b"<b\xe9@example.com>", (b"NOTIFY=NEVER",))
    assert first.outcomes["wire"] == Decided("reject", "bad-path", 501, "5.1.3")
    assert first.outcomes["postfix"] == OwnAnswer(500, "5.5.2")
    assert [first.rcpt_addr, second.rcpt_addr, third.rcpt_addr] == [None, b"b@example.com", b"b@example.com"]
    assert second.outcomes["decide"] == Decided("reject", "no-rule", 554, "5.7.1", '"b": no', unsaid=True)
    assert fourth.outcomes["decide"] == Decided("defer", "uncertain", 451, "4.7.1")


def test_policy() -> None:
    """Lines `policy` above the first conversation replace the default policy in that file."""
    policy = ["policy --dry-run", "# note", "policy --local-domain 'a b'", ""]
    assert read("\n".join([*policy, *GOOD]), "f")[0].policy == ("--dry-run", "--local-domain", "a b")


NONSENSE = {
    "no title": (["client ::1"], 1, "begins with `# `"),
    "no recipient": (["# fact", "client ::1"], 1, "no recipient"),
    "no client": (["# fact", "mail <>", "rcpt <b@c> -> permit local-client"], 1, "first step is a client"),
    "unknown step": ([*GOOD, "rctp <b@c>"], 5, "unknown step 'rctp'"),
    "no outcome": ([*GOOD, "rcpt <b@c>"], 5, "has an outcome"),
    "empty outcome": ([*GOOD, "rcpt <b@c> -> permit"], 5, "followed by its rule"),
    "unknown verdict": ([*GOOD, "rcpt <b@c> -> allow local-client"], 5, "'allow local-client' is no outcome"),
    "unknown rule": ([*GOOD, "rcpt <b@c> -> permit nobody"], 5, "'nobody' is none of"),
    "a permit with a code": ([*GOOD, "rcpt <b@c> -> permit 250 local-client"], 5, "followed by its rule"),
    "a rejection with 4xx": ([*GOOD, "rcpt <b@c> -> reject 454 4.7.1"], 5, "begin with 5"),
    "a deferral with 5xx": ([*GOOD, "rcpt <b@c> -> defer 554 5.7.1"], 5, "begin with 4"),
    "a rejection without a status": ([*GOOD, "rcpt <b@c> -> reject 554"], 5, "begin with 5"),
    "too many words": ([*GOOD, "rcpt <b@c> -> reject 554 5.7.1 no-rule bad-path"], 5, "too many words"),
    "the decision by itself": ([*GOOD, "rcpt <b@c> -> 553"], 5, "only an MTA answers"),
    "the wire by itself": ([*GOOD, "rcpt <b@c> -> permit local-client | wire 553"], 5, "only an MTA answers"),
    "unknown runner": ([*GOOD, "rcpt <b@c> -> permit local-client | exim 553"], 5, "'exim' is none of"),
    "two for one": ([*GOOD, "rcpt <b@c> -> permit local-client | postfix 550 | postfix 553"], 5, "a second outcome"),
    "no path": ([*GOOD, "rcpt  -> permit local-client"], 5, "no path"),
    "no mail": (["# fact", "client ::1", "rcpt <b@c> -> permit local-client"], 1, "without `mail`"),
    "mail twice": ([*GOOD, "mail <>"], 1, "neither finished nor reset"),
    "no helo after TLS": ([*GOOD, "starttls", "mail <>"], 1, "after `starttls` comes `helo`"),
    "a login in a message": ([*GOOD, "login alice"], 1, "neither finished nor reset"),
    "a tag without a reason": (["# fact", "only wire", *GOOD[1:]], 2, "gives its reason"),
    "a tag too late": ([*GOOD, "only wire: why"], 5, "above the first step"),
    "an unknown tag": (["# fact", "only exim: why", *GOOD[1:]], 2, "'exim' is none of"),
    "nobody left": (["# fact", f"not {' '.join(RUNNERS)}: why", *GOOD[1:]], 2, "nothing can play"),
    "not playing": (["# fact", "not postfix: why", *GOOD[1:3], GOOD[3] + " | postfix 550"], 5, "does not play"),
    "XCLIENT on Sendmail": (["# fact", "xclient ::1", *GOOD[2:]], 1, "Sendmail has no XCLIENT"),
    "a macro off the wire": (["# fact", "client ::1", "macro {x} y", *GOOD[2:]], 1, "for the wire alone"),
    "a bad macro": ([*GOOD, "macro xy z"], 5, "`macro {name} VALUE`"),
    "a bad port": (["# fact", "client ::1 port x"], 2, "`client ADDRESS port NUMBER`"),
    "a bad listener": (["# fact", "client ::1 to 26"], 2, "`client ADDRESS to 587`"),
    "a bad mechanism": ([*GOOD, "login alice by MAGIC"], 5, "`login NAME by MECHANISM`"),
    "a bad certificate": ([*GOOD, "starttls with magic"], 5, "one of authority, "),
    "a bad login": ([*GOOD, "login alice maybe"], 5, "`login NAME refused`"),
    "a bad XCLIENT": ([*GOOD, "xclient ::1 as joe"], 5, "`xclient ADDRESS login NAME`"),
    "an empty helo": ([*GOOD, "helo"], 5, "`helo nothing`"),
    "something after rset": ([*GOOD, "rset now"], 5, "nothing follows"),
    "a policy below": ([*GOOD, "", "policy --dry-run"], 6, "above the first conversation"),
    "a step in the policy": (["policy --dry-run", "client ::1"], 2, "among the lines of the policy"),
    "a title twice": ([*GOOD, "", *GOOD], 6, "line 1 has the same title"),
}


@pytest.mark.parametrize(("lines", "number", "problem"), NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense(lines: list[str], number: int, problem: str) -> None:
    """A mistake is refused, with the file, the line and what is wrong."""
    with pytest.raises(ScriptError) as refused:
        read("\n".join(lines), "f")
    assert str(refused.value).startswith(f"f:{number}: ")
    assert problem in str(refused.value)


@pytest.mark.parametrize("runner", RUNNERS)
def test_enough(runner: str) -> None:
    """Each side plays 350 conversations or more, so that tags do not eat the suite."""
    assert sum(runner in conversation.runners for conversation in CONVERSATIONS) >= 350
