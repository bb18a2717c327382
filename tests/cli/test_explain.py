"""relaymilter explain: the daemon's verdict on one recipient, laid open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.milter.session import Service, Session
from relaymilter.observe.decisions import DecisionLog
from tests.observe.line import fields

from .conftest import Outcome, Run

STRANGER = ("explain", "--client", "203.0.113.7", "--local-domain", "example.org")
THIRD_PARTY = (*STRANGER, "--recipient", "<v@example.com>")


def test_text(relaymilter: Run) -> None:
    """The verdict, the rule, the reply and the trail, each rule with its answer and reason."""
    assert relaymilter(*THIRD_PARTY) == Outcome(
        77,
        """\
verdict: reject
rule:    no-rule
reply:   554 5.7.1 <v@example.com>: Relay access denied
trail:
  not-by-smtp       no opinion  came by SMTP
  local-client      no opinion  in no local network
  authorised-login  no opinion  no login
  local-recipient   no opinion  example.com is not a local domain
  relay-domain      no opinion  example.com is not a relay domain
  no-rule           reject      no rule permits
""",
        "",
    )


def test_text_of_a_permit(relaymilter: Run) -> None:
    """A permit has no reply, and its trail ends at the rule that permits."""
    assert (
        relaymilter(*STRANGER, "--recipient", "<bob@example.org>").out
        == """\
verdict: permit
rule:    local-recipient
trail:
  not-by-smtp       no opinion  came by SMTP
  local-client      no opinion  in no local network
  authorised-login  no opinion  no login
  local-recipient   permit      example.org is a local domain
"""
    )


def test_json(relaymilter: Run) -> None:
    """The same as JSON."""
    outcome = relaymilter(*THIRD_PARTY, "--json")
    found = json.loads(outcome.out)
    assert [*found] == ["verdict", "rule", "reply", "trail"]
    assert (found["verdict"], found["rule"]) == ("reject", "no-rule")
    assert found["reply"] == "554 5.7.1 <v@example.com>: Relay access denied"
    assert found["trail"][0] == {"rule": "not-by-smtp", "answer": "no opinion", "reason": "came by SMTP"}
    assert found["trail"][-1] == {"rule": "no-rule", "answer": "reject", "reason": "no rule permits"}


@pytest.mark.parametrize(
    ("words", "status", "verdict", "rule"),
    [
        (["--client=127.0.0.1", "--recipient=<v@e.test>"], 0, "permit", "local-client"),
        (["--client=::ffff:127.0.0.1", "--recipient=<v@e.test>"], 0, "permit", "local-client"),
        (["--client=203.0.113.7", "--login=alice", "--recipient=<v@e.test>"], 0, "permit", "authorised-login"),
        (["--client=203.0.113.7", "--login=", "--recipient=<v@e.test>"], 77, "reject", "no-rule"),
        (["--client=203.0.113.7", "--recipient=<bob@example.org>"], 0, "permit", "local-recipient"),
        (["--client=203.0.113.7", "--recipient=<postmaster>"], 0, "permit", "local-recipient"),
        (["--client=203.0.113.7", "--recipient=<b@r.test>", "--relay-domain=r.test"], 0, "permit", "relay-domain"),
        (["--client=unknown", "--recipient=<v@e.test>"], 77, "reject", "no-rule"),
        (["--client=", "--recipient=<v@e.test>"], 77, "reject", "no-rule"),
        (["--client=203.0.113.7", "--recipient="], 77, "reject", "bad-path"),
        (["--client=203.0.113.7", "--recipient=<b%e.test@example.org>"], 77, "reject", "no-rule"),
        (["--client=203.0.113.7", "--recipient=<v@e.test>", "--reply=defer"], 75, "defer", "no-rule"),
        (["--client=203.0.113.7", "--recipient=<v@e.test>", "--reply-code=450"], 75, "defer", "no-rule"),
        (["--client=203.0.113.7", "--recipient=<v@e.test>", "--on-error=reject"], 77, "reject", "no-rule"),
        (["--client=127.0.0.1", "--recipient=<v@e.test>", "--local-network=!127.0.0.1"], 77, "reject", "no-rule"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_status(relaymilter: Run, words: list[str], status: int, verdict: str, rule: str) -> None:
    """The exit status is the verdict: 0 permit, 77 reject (EX_NOPERM), 75 defer (EX_TEMPFAIL)."""
    outcome = relaymilter("explain", "--local-domain=example.org", "--json", *words)
    found = json.loads(outcome.out)
    assert (outcome.status, found["verdict"], found["rule"], outcome.err) == (status, verdict, rule, "")


def test_second_witness(relaymilter: Run) -> None:
    """What the MTA made of the path counts as it does in the daemon."""
    odd = (*STRANGER, "--recipient", '<"bob"@example.org>')
    assert relaymilter(*odd, "--rcpt-addr", "bob@example.org").status == 0
    assert relaymilter(*odd, "--rcpt-addr", "bob@example.com").status == 77
    assert relaymilter(*odd, "--rcpt-addr", "\\xff").status == 77
    assert relaymilter(*odd).status == 0


def test_configuration_file(relaymilter: Run) -> None:
    """The daemon's own file is read; a flag wins over it."""
    Path("r.toml").write_text('local-domain = ["example.com"]\nsocket = "unix:/run/x"\nreply = "sendmail"\n')
    asked = ("explain", "-c", "r.toml", "--client", "203.0.113.7", "--recipient", "<v@example.com>")
    assert relaymilter(*asked).status == 0
    refused = relaymilter(*asked, "--local-domain", "example.org")
    assert refused.status == 77
    assert "reply:   550 5.7.1 <v@example.com>... Relaying denied." in refused.out


@pytest.mark.parametrize("words", [(), ("--client", "127.0.0.1"), ("--recipient", "<a@b.test>")])
def test_missing_option(relaymilter: Run, words: tuple[str, ...]) -> None:
    """The client and the recipient must be given."""
    outcome = relaymilter("explain", *words)
    assert outcome.status == 64
    assert "Error: Missing option" in outcome.err


@pytest.mark.parametrize(
    ("words", "status", "err"),
    [
        (["--reply=x"], 64, "relaymilter: --reply: 'x' is none of postfix, sendmail, defer\n"),
        (["-c", "none.toml"], 78, "relaymilter: none.toml: No such file or directory\n"),
    ],
    ids=["flag", "file"],
)
def test_mistakes(relaymilter: Run, words: list[str], status: int, err: str) -> None:
    """A mistake is told as the daemon tells it, and nothing is decided."""
    assert relaymilter(*THIRD_PARTY, *words) == Outcome(status, "", err)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_hostile_recipient(relaymilter: Run, form: tuple[str, ...]) -> None:
    """What is explained may be hostile: the terminal is not driven, and no line is forged."""
    recipient = "<v@\x1b[2J.test>\rverdict: permit\\x0averdict: permit"
    outcome = relaymilter(*STRANGER, "--recipient", recipient, *form)
    assert outcome.status == 77
    assert all(line.isprintable() for line in outcome.out.split("\n"))
    assert "\nverdict: permit" not in outcome.out


# Where logins are named, so that it shows if one does not come back as it was.
POLICY = ["--local-domain=example.org", "--authorised-login=jürgen", "--authorised-login=a\\b", "--relay-domain=r.test"]
RULES = ruleset(
    read(
        Flags(
            {
                "local-domain": ("example.org",),
                "authorised-login": ("jürgen", "a\\b"),
                "relay-domain": ("r.test",),
            }
        )
    ).settings.policy
)


def logged(recipient: bytes, login: str | None, rcpt_addr: bytes | None, address: str | None, as_json: bool) -> str:
    """The daemon's line on this recipient."""
    lines: list[str] = []
    session = Session(Service(RULES, DecisionLog(lines.append, as_json=as_json)))
    session.connect(address, 40000, "Postfix 3.7.11")
    session.hello(b"\xffhelo")
    session.mail(b'<"a b"@example.net>')
    asked = session.asked(recipient, rcpt_addr, {"{auth_authen}": login}.get)
    session.said(asked, session.decide(asked))
    return lines[0]


PARTS = [b"<", b">", b"bob", b"@", b"example.org", b"e.test", b"r.test", b'"', b"\\", b"%", b"!", b" ", b"(", b")"]
PARTS += [b"\xff", b"\r\n", b"\0", "ü".encode(), b":", b",", b"\\x41", b"postmaster"]
ODD = st.one_of(st.lists(st.sampled_from(PARTS), max_size=9).map(b"".join), st.binary(max_size=20))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    ODD,
    st.sampled_from([None, "jürgen", "a\\b", "alice", "-", "--json", "J\u00dcRGEN"]),
    st.none() | ODD,
    st.sampled_from(["203.0.113.7", "127.0.0.1", "2001:db8::7", None]),
    st.booleans(),
)
def test_line_of_the_daemon(
    relaymilter: Run,
    recipient: bytes,
    login: str | None,
    rcpt_addr: bytes | None,
    address: str | None,
    as_json: bool,
) -> None:
    """A line of the decision log, fed to explain by its own names, gives the same verdict, whatever was typed."""
    line = logged(recipient, login, rcpt_addr, address, as_json)
    found = json.loads(line) if as_json else fields(line)
    words = [
        f"--{option.replace('_', '-')}={found[option]}"
        for option in ("client", "helo", "login", "sender", "recipient", "rcpt_addr")
        if found.get(option) is not None
    ]
    outcome = relaymilter("explain", "--json", *POLICY, *words)
    explained = json.loads(outcome.out)
    keys = ("verdict", "rule", "reply")
    assert [found[key] for key in keys] == [explained[key] for key in keys]
    assert outcome.status == {"permit": 0, "reject": 77}[explained["verdict"]]
    assert found["reason"] == explained["trail"][-1]["reason"]
