"""The decision log: its fields, what is logged, and that nothing typed breaks it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.daemon.worker import decision_log
from relaymilter.milter.replies import Mta, answer
from relaymilter.observe.decisions import DecisionLog, _usual
from relaymilter.observe.printable import printable
from relaymilter.policy.envelope import NOWHERE, Certificate, Client, Macros, Request, client, request
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Decision, Step, refuse

from .line import fields

RULES = ruleset(read(Flags({"local-domain": ("example.org",)})).settings.policy)
NOON = 1767225600.25  # 2026-01-01 00:00:00.25 UTC
STRANGER = client("203.0.113.7", 40000)


def asked(
    recipient: bytes = b"<v@example.com>",
    *,
    who: Client = STRANGER,
    login: str | None = None,
    rcpt_addr: bytes | None = None,
) -> Request:
    """A request with everything that the log tells."""
    return request(who, recipient, login=login, rcpt_addr=rcpt_addr, helo=b"h.example.net", sender=b"<s@example.net>")


def logged(request: Request, *, as_json: bool = True, trail: bool = False, dry_run: bool = False) -> str:
    """The one line that this request makes."""
    lines: list[str] = []
    decision = RULES.decide(request, trail)
    words = answer(decision, request, Mta.POSTFIX)
    log = DecisionLog(lines.append, as_json=as_json, trail=trail, clock=lambda: NOON)
    log.record("c0ffee-1", request, decision, "" if words is None else str(words), dry_run)
    (line,) = lines
    return line


REFUSED = {
    "time": "2026-01-01T00:00:00.250Z",
    "session": "c0ffee-1",
    "client": "203.0.113.7",
    "helo": "h.example.net",
    "login": None,
    "sender": "<s@example.net>",
    "recipient": "<v@example.com>",
    "verdict": "reject",
    "rule": "no-rule",
    "reason": "no rule permits",
    "reply": "554 5.7.1 <v@example.com>: Relay access denied",
}


def test_json() -> None:
    """A line is one JSON object with every field, in this order."""
    found = json.loads(logged(asked()))
    assert found == REFUSED
    assert [*REFUSED] == [*found]


def test_text() -> None:
    """A line of text has the same fields in the same order; what is absent is a bare `-`."""
    line = logged(asked(), as_json=False)
    assert line == (
        "decision time=2026-01-01T00:00:00.250Z session=c0ffee-1 client=203.0.113.7 helo=h.example.net login=- "
        'sender=<s@example.net> recipient=<v@example.com> verdict=reject rule=no-rule reason="no rule permits" '
        'reply="554 5.7.1 <v@example.com>: Relay access denied"'
    )
    assert fields(line) == REFUSED


def test_permit() -> None:
    """A permit has no reply."""
    found = json.loads(logged(asked(login="alice")))
    assert (
        found["verdict"],
        found["rule"],
        found["login"],
        found["reply"],
    ) == ("permit", "authorised-login", "alice", "")


def test_login_of_a_hyphen() -> None:
    """A login of one hyphen does not read as none."""
    assert fields(logged(asked(login="-"), as_json=False))["login"] == "-"
    assert fields(logged(asked(), as_json=False))["login"] is None


def test_no_address() -> None:
    """A client without an address has an empty one."""
    assert json.loads(logged(asked(who=NOWHERE)))["client"] == ""


def test_dry_run() -> None:
    """A dry run is told, with the reply that was not given."""
    found = json.loads(logged(asked(), dry_run=True))
    assert found == REFUSED | {"dry_run": True}
    assert fields(logged(asked(), as_json=False, dry_run=True))["dry_run"] == "yes"


@pytest.mark.parametrize(
    ("recipient", "rcpt_addr", "told"),
    [
        (b"<v@example.org>", b"v@example.org", None),
        (b"<v@example.org>", None, None),
        (b"v@example.org", b"v@example.org", "v@example.org"),
        (b'<"v@e.test"@example.org>', b"v@e.test", "v@e.test"),
        (b"v@example.org", b"\xff", "\\xff"),
        (b"v@example.org", None, None),
        (b"<v@example.org", b"", ""),
    ],
    ids=["plain", "plain, alone", "no brackets", "quoted", "unreadable", "no macro", "empty macro"],
)
def test_second_witness(recipient: bytes, rcpt_addr: bytes | None, told: str | None) -> None:
    """What the MTA made of the path is told where it may have counted."""
    assert told == json.loads(logged(asked(recipient, rcpt_addr=rcpt_addr))).get("rcpt_addr")


def test_trail() -> None:
    """The trail has every rule asked, with its answer and reason."""
    trail = [
        "not-by-smtp: no opinion: came by SMTP",
        "local-client: no opinion: in no local network",
        "authorised-login: no opinion: no login",
        "local-recipient: permit: example.org is a local domain",
    ]
    found = json.loads(logged(asked(b"<v@example.org>"), trail=True))
    assert trail == found["trail"]
    assert "; ".join(trail) == fields(logged(asked(b"<v@example.org>"), as_json=False, trail=True))["trail"]


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (NOON, "2026-01-01T00:00:00.250Z"),
        (1767225599.999, "2025-12-31T23:59:59.999Z"),
        (1709164800.0, "2024-02-29T00:00:00.000Z"),
        (2**31 + 0.5, "2038-01-19T03:14:08.500Z"),
    ],
)
def test_timestamp(now: float, text: str) -> None:
    """The time is RFC 3339, in UTC, to the millisecond, whatever came before it."""
    log = DecisionLog(lambda _: None, clock=lambda: now)
    other = DecisionLog(lambda _: None, clock=lambda: now + 61)
    assert text == log.timestamp()
    assert text != other.timestamp()
    assert text == log.timestamp()


@pytest.mark.parametrize(
    ("flags", "verdicts"),
    [
        ({}, ["permit", "reject", "defer"]),
        ({"log-decisions": ("all",)}, ["permit", "reject", "defer"]),
        ({"log-decisions": ("refused",)}, ["reject", "defer"]),
        ({"log-decisions": ("none",)}, []),
    ],
    ids=str,
)
def test_selection(flags: dict[str, tuple[str, ...]], verdicts: list[str]) -> None:
    """All decisions are logged, or only refusals, for good and for now, or none."""
    lines: list[str] = []
    log = decision_log(read(Flags(flags | {"log-format": ("json",)})).settings.log, lines.append)
    uncertain = refuse(Ruleset().refusals.uncertain, "why")
    decisions = [
        RULES.decide(asked(b"<v@example.org>")),
        RULES.decide(asked()),
        Decision(uncertain, "uncertain", (Step("uncertain", uncertain),)),
    ]
    for decision in decisions:
        if log is not None:
            log.record("1", asked(), decision, "", False)
    assert verdicts == [json.loads(line)["verdict"] for line in lines]


@pytest.mark.parametrize(("flags", "trail"), [({}, False), ({"verbose": ("yes",)}, True)], ids=["usual", "verbose"])
def test_trail_is_for_verbose(flags: dict[str, tuple[str, ...]], trail: bool) -> None:
    """The trail is logged under --verbose alone."""
    log = decision_log(read(Flags(flags)).settings.log, lambda _: None)
    assert log is not None
    assert trail == log.trail


HOSTILE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"x verdict=permit",
            b'" verdict=permit rule="',
            b'\\" verdict=permit \\',
            b"x\r\ndecision verdict=permit",
            b'","verdict":"permit","x":"',
            b"\x1b]0;title\x07",
            "\u2028\u0085\u202e".encode(),
            b"\\",
            b'\\"',
            b"-",
        ]
    ),
)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.none() | st.text(min_size=1, max_size=30), st.booleans())
def test_nothing_typed_breaks_a_line(
    helo: bytes, sender: bytes, recipient: bytes, rcpt_addr: bytes, login: str | None, dry_run: bool
) -> None:
    """Whatever a client types, a line is one line of printable ASCII, and each field reads back as what was typed."""
    login = None if login is None else login.encode("utf-8", "ignore").decode() or "x"
    request_ = request(STRANGER, recipient, login=login, rcpt_addr=rcpt_addr, helo=helo, sender=sender)
    text, as_json = logged(request_, as_json=False, dry_run=dry_run), logged(request_, dry_run=dry_run)
    expected = {
        "helo": printable(helo),
        "login": None if login is None else printable(login.encode()),
        "sender": printable(sender),
        "recipient": printable(recipient),
        "verdict": "permit" if login else "reject",
    }
    for line, found in ((text, fields(text)), (as_json, json.loads(as_json))):
        assert line.isascii()
        assert line.isprintable()
        assert expected.items() <= found.items()
        assert {*REFUSED} <= {*found} <= {*REFUSED, "rcpt_addr", "dry_run"}


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_reason_breaks_a_line(address: str, reason: str) -> None:
    """Nor does the text that an MTA gives for an address, or the reason of a look-up that failed."""
    refusal = refuse(Ruleset().refusals.uncertain, reason.encode("utf-8", "ignore").decode())
    decision = Decision(refusal, "uncertain", (Step("uncertain", refusal),))
    who = client(address.encode("utf-8", "ignore").decode(), 40000)
    for as_json in (False, True):
        lines: list[str] = []
        log = DecisionLog(lines.append, as_json=as_json, trail=True)
        log.record("1", asked(who=who), decision, "451 4.7.1 later", False)
        (line,) = lines
        assert line.isascii()
        assert line.isprintable()
        found = json.loads(line) if as_json else fields(line)
        assert (printable(refusal.reason.encode()), "defer") == (found["reason"], found["verdict"])


@given(
    st.sampled_from(["bob", 'b"b', "b\\b", "b\u00e9b", "b\tb", "b" * 500, "-", "null", "b b", ""]),
    st.booleans(),
    st.booleans(),
)
def test_both_ways_to_a_line(name: str, login: bool, as_json: bool) -> None:
    """The line that is made at once, where nothing needs an escape, is the one that is made field by field."""
    request_ = asked(f"<{name}@example.com>".encode(), login=name if login else None)._replace(helo=name.encode())
    decision = RULES.decide(request_)
    log = DecisionLog(lambda _: None, as_json=as_json)
    at_once = _usual(as_json, ("now", "c0ffee-1"), request_, decision, "")
    field_by_field = log._line(("now", "c0ffee-1"), request_, decision, "")
    assert at_once in (None, field_by_field)
    assert (at_once is None) == (name not in ("bob", "-", "null", "b b", ""))


def test_what_was_told_and_warned_of() -> None:
    """What a rule needed to be told is in the line, and what a restriction would have refused."""
    told = Macros("PLAIN", ("submission", "192.0.2.25"), Certificate("/CN=a b", "/CN=CA", "5A:0B"))
    request_ = asked()._replace(macros=told)
    decision = RULES.decide(request_)._replace(
        warnings=(Step("deny-helo", refuse(Ruleset().refusals.uncertain, "why")),)
    )
    for as_json in (True, False):
        lines: list[str] = []
        DecisionLog(lines.append, as_json=as_json).record("1", request_, decision, "", False)
        found = json.loads(lines[0]) if as_json else fields(lines[0])
        assert {
            "mechanism": "PLAIN",
            "listener": "submission 192.0.2.25",
            "cert_subject": "/CN=a b",
            "cert_issuer": "/CN=CA",
            "cert_fingerprint": "5A:0B",
            "warnings": ["deny-helo: defer: why"] if as_json else "deny-helo: defer: why",
        }.items() <= found.items()
