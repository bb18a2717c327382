"""A line of the decision log reads back as the request that it was written of."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.policy.conftest  # noqa: F401  its profile of hypothesis is for this folder too
from relaymilter.audit.log_line import logged_decision
from relaymilter.milter.replies import Mta, answer
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.envelope import NO_MACROS, NOWHERE, Certificate, Macros, Request, client, request
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Decision, Reply, Step, refuse

HOSTILE_BYTES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b'" verdict=permit rule="', b'\\" x=\\', b"x\r\ndecision time=", b'","verdict":"permit"', b"-", b""]
    ),
)
HOSTILE_TEXT = st.one_of(
    st.text(min_size=1, max_size=30).filter(lambda text: text.encode("utf-8", "ignore").decode() == text),
    st.sampled_from(["-", "null", "a\\", 'a\\"b', "\\x2d", "ü x", '"', "decision time=", "{"]),
)
TOLD = st.builds(
    Macros,
    st.none() | HOSTILE_TEXT,
    st.lists(HOSTILE_TEXT, max_size=3).map(tuple),
    st.none() | st.builds(Certificate, HOSTILE_TEXT, HOSTILE_TEXT, st.just("") | HOSTILE_TEXT),
    st.none() | HOSTILE_TEXT,
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Whatever an MTA may hand on."""
    made = request(
        draw(st.sampled_from([client("203.0.113.7"), client("2001:db8::1"), NOWHERE]) | HOSTILE_TEXT.map(client)),
        draw(HOSTILE_BYTES),
        login=draw(st.none() | HOSTILE_TEXT),
        rcpt_addr=draw(st.none() | HOSTILE_BYTES),
        helo=draw(HOSTILE_BYTES),
        sender=draw(HOSTILE_BYTES),
    )
    told = draw(st.just(NO_MACROS) | TOLD)
    # A plain path is judged by itself, and the log does not say what the MTA made of it.
    plain = getattr(made.path, "plain", False)
    return made._replace(macros=told, rcpt_addr=None if plain else made.rcpt_addr)


def written(asked: Request, reason: str, as_json: bool, dry_run: bool = False) -> str:
    """The line of a decision for this reason, with its trail and a warning."""
    refusal = refuse(Ruleset().refusals.relay_denied, reason)
    step = Step("no-rule", refusal)
    decision = Decision(refusal, "no-rule", (step, step), (step,))
    lines: list[str] = []
    log = DecisionLog(lines.append, as_json=as_json, trail=True)
    log.record("c0ffee-1", asked, decision, str(answer(decision, asked, Mta.POSTFIX)), dry_run)
    return lines[0]


@given(requests(), HOSTILE_TEXT, st.booleans())
def test_round_trip(asked: Request, reason: str, dry_run: bool) -> None:
    """Every field comes back exactly, whatever was typed, from a text line and from JSON, to the same."""
    text, as_json = (logged_decision(written(asked, reason, form, dry_run)) for form in (False, True))
    assert asked == text.request == as_json.request
    assert dry_run == text.dry_run == as_json.dry_run
    assert text.cut == as_json.cut == ()
    found = json.loads(written(asked, reason, True, dry_run))
    for read in (text, as_json):
        for name in ("session", "verdict", "rule", "reason", "reply"):
            assert found[name] == getattr(read, name)
        assert ("; ".join(found["trail"]), "; ".join(found["warnings"])) == (read.trail, read.warnings)


@pytest.mark.parametrize("length", range(176, 181))
def test_reply_that_ends_in_a_login(length: int) -> None:
    """A login that is cut in a reply leaves no half of an escape there, which would take the closing quote along."""
    asked = request(NOWHERE, b"<a@b.test>", login="a" * length + "\\\x07\\")
    reply = Reply(553, "5.7.1", "not owned by user {login}")
    refusal = refuse(reply, "x")
    decision = Decision(refusal, "sender-login", ())
    lines: list[str] = []
    said = str(answer(decision, asked, Mta.POSTFIX))
    DecisionLog(lines.append).record("c0ffee-1", asked, decision, said, True)
    read = logged_decision(lines[0])
    assert (read.request, read.reply, read.dry_run) == (asked, said, True)


def test_not_by_smtp() -> None:
    """That mail did not come by SMTP is known from the rule, since the log has no port."""
    line = written(request(client("127.0.0.1", 40000), b"<a@b.test>"), "x", as_json=False)
    assert logged_decision(line).request.client.by_smtp
    assert not logged_decision(line.replace("rule=no-rule", "rule=not-by-smtp")).request.client.by_smtp


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_in_front(as_json: bool) -> None:
    """What syslog or journald put in front is passed over."""
    asked = request(NOWHERE, b"<decision time=@{}>")
    line = f"Nov 24 04:22:52 mx relaymilter[4711]: {written(asked, 'x', as_json)}\n"
    assert asked == logged_decision(line).request


TEXT = written(request(NOWHERE, b"<a@b.test>"), "x", as_json=False)
JSON = written(request(NOWHERE, b"<a@b.test>"), "x", as_json=True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "it begins with `decision time=`"),
        ("decision verdict=permit", "it begins with `decision time=`"),
        ("decision time=x", "session is missing"),
        (TEXT + " x=y", "x is no field"),
        (TEXT + " login=y", "no field, or one twice, at 'login=y'"),
        (TEXT + ' x="y', "no field, or one twice"),
        (TEXT.replace("helo=", "helo "), "no field, or one twice"),
        (JSON[:-1], "no line of the decision log: "),
        (JSON[:-1] + ', "login": "y"}', "login stands there twice"),
        (JSON.replace('"login": null', '"login": 5'), "login is no text"),
        (JSON[:-1] + ', "x\\u001b": "y"}', "x\\x1b is no field"),
        ('{"a": ' * 100_000, "no line of the decision log: "),
    ],
    ids=[
        *("empty", "no time", "fields missing", "unknown field", "twice", "no end", "no value", "JSON cut off"),
        *("JSON twice", "a number", "unknown, hostile", "deep"),
    ],
)  # fmt: skip
def test_no_line(line: str, said: str) -> None:
    """What the log does not write is refused, with the reason."""
    with pytest.raises(ValueError, match="log") as refused:
        logged_decision(line)
    assert said in str(refused.value)
