"""relaymilter explain: the daemon's verdict on one recipient, laid open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset, wired
from relaymilter.lookups import waiting
from relaymilter.milter.session import Service, Session
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.envelope import NOWHERE, client, request
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
        (["--client=-", "--recipient=<v@e.test>"], 77, "reject", "no-rule"),
        (["--client=fe80::1%eth0", "--recipient=<v@e.test>"], 77, "reject", "no-rule"),
        (["--client=203.0.113.7", "--login=-", "--recipient=<v@e.test>"], 77, "reject", "no-rule"),
        (["--client=203.0.113.7", "--login=\\x2d", "--recipient=<v@e.test>"], 0, "permit", "authorised-login"),
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


@pytest.mark.parametrize("words", [(), ("--client", "127.0.0.1"), ("--recipient", "<a@b.test>")], ids=" ".join)
def test_missing_option(relaymilter: Run, words: tuple[str, ...]) -> None:
    """The client and the recipient must be given."""
    outcome = relaymilter("explain", *words)
    assert outcome.status == 64
    missing = "--client" if "--client" not in words else "--recipient"
    said = f"Missing option {missing}, or --line in place of all; see relaymilter explain --help"
    assert outcome.err == f"relaymilter explain: {said}\n"


@pytest.mark.parametrize(
    ("words", "status", "err"),
    [
        (["--reply=x"], 64, "relaymilter explain: --reply: 'x' is none of postfix, sendmail, defer\n"),
        (["-c", "none.toml"], 78, "relaymilter: none.toml: No such file or directory\n"),
    ],
    ids=["flag", "file"],
)
def test_mistakes(relaymilter: Run, words: list[str], status: int, err: str) -> None:
    """A mistake is printed as the daemon prints it, and nothing is decided."""
    assert relaymilter(*THIRD_PARTY, *words) == Outcome(status, "", err)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_hostile_recipient(relaymilter: Run, form: tuple[str, ...]) -> None:
    """What is explained may be hostile: the terminal is not driven, and no line is forged."""
    recipient = "<v@\x1b[2J.test>\rverdict: permit\\x0averdict: permit"
    outcome = relaymilter(*STRANGER, "--recipient", recipient, *form)
    assert outcome.status == 77
    assert all(line.isprintable() for line in outcome.out.split("\n"))
    assert "\nverdict: permit" not in outcome.out


FINGERPRINT = ":".join(["5A"] * 20)
# Where logins, listeners and certificates are named, so that it shows if one does not come back as it was.
GIVEN = {
    "local-domain": ("example.org",),
    "authorised-login": ("jürgen", "a\\b"),
    "relay-domain": ("r.test",),
    "login-mechanism": ("PLAIN", "X-Y"),
    "login-listener": ("submission", "my MSA", "büro\\1", "465"),
    "certificate": ("jürgen|CA", "a\\b|x y", f"alice|x y|{FINGERPRINT}"),
    "grant": ('{logins = "alice", certificates = "alice|CA", to = "e.test", note = "büro"}',),
    "sender-login": ("a@example.net jürgen", "b@example.net\ta\\b"),
    "login-networks": ("a\\b 203.0.113.0/24",),
    "deny-helo": ("spam.example", "spam-ü.example"),
}
POLICY = [f"--{key}={value}" for key, values in GIVEN.items() for value in values]
RULES = ruleset(read(Flags(GIVEN)).settings.policy)
SAID = ("client", "helo", "login", "sender", "recipient", "rcpt_addr", "mechanism", "tls", "listener")
FIELDS = (*SAID, "cert_subject", "cert_issuer", "cert_fingerprint")


@dataclass(frozen=True)
class Told:
    """What an MTA tells of a recipient."""

    recipient: bytes
    address: str | None = "203.0.113.7"
    rcpt_addr: bytes | None = None
    helo: bytes = b"\xffhelo"
    sender: bytes = b'<"a b"@example.net>'
    macros: Mapping[str, str | None] = field(default_factory=dict)


def logged(told: Told, as_json: bool) -> str:
    """The daemon's line on this recipient."""
    lines: list[str] = []
    service = Service(RULES, DecisionLog(lines.append, as_json=as_json), needs=RULES.needs)
    session = Session(service)
    session.connect(NOWHERE if told.address is None else client(told.address, 40000), b"Postfix 3.7.11")
    session.hello(told.helo)
    session.mail(told.sender)
    macros = {name.encode(): None if value is None else value.encode() for name, value in told.macros.items()}
    asked = session.asked(told.recipient, (macros | {b"{rcpt_addr}": told.rcpt_addr}).get)
    session.reply(asked, session.decide(asked))
    return lines[0]


def explained(relaymilter: Run, line: dict[str, str | None]) -> dict[str, Any]:
    """What explain says to the fields of a line; its exit status is that of the verdict. A hyphen is written \\x2d."""
    values = {key: "\\x2d" if line[key] == "-" else line[key] for key in FIELDS if line.get(key) is not None}
    words = [f"--{key.replace('_', '-')}={value}" for key, value in values.items()]
    outcome = relaymilter("explain", "--json", *POLICY, *words)
    said: dict[str, Any] = json.loads(outcome.out)
    assert outcome.status == {"permit": 0, "reject": 77}[said["verdict"]]
    return said


def agree(relaymilter: Run, line: str, as_json: bool) -> dict[str, Any]:
    """A line is explained by its own fields, and as a whole, to the same end; the line."""
    found = json.loads(line) if as_json else fields(line)
    said = explained(relaymilter, found)
    whole = json.loads(relaymilter("explain", "--json", *POLICY, f"--line={line}").out)
    then = whole.pop("logged")
    assert (said, False) == (whole, then["differs"])
    keys = ("verdict", "rule", "reply")
    assert [found[key] for key in keys] == [said[key] for key in keys]
    if found["verdict"] != "permit":
        assert found["reason"] == said["trail"][-1]["reason"]
    return dict(found)


PARTS = [b"<", b">", b"bob", b"@", b"example.org", b"e.test", b"r.test", b'"', b"\\", b"%", b"!", b" ", b"(", b")"]
PARTS += [b"\xff", b"\r\n", b"\0", "ü".encode(), b":", b",", b"\\x41", b"postmaster"]
ODD = st.one_of(st.lists(st.sampled_from(PARTS), max_size=9).map(b"".join), st.binary(max_size=20))
LOGINS = st.sampled_from([None, "jürgen", "a\\b", "alice", "-", "--json", "J\u00dcRGEN"])
SENDERS = st.sampled_from([b"<a@example.net>", b"<b@example.net>", b"<>", b'<"a b"@example.net>', b"a@example.net\xff"])


def _either(*good: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([*good, *good, "", "x", None, "\\x20", "-"])


@st.composite
def told(draw: st.DrawFn) -> Told:
    """Whatever an MTA may tell; half of it is what some entry of the policy names."""
    mechanism, listener = _either("plain", "x-y", "X\\Y"), _either("submission", "my MSA", "büro\\1", "my", "-")
    subject, issuer = _either("jürgen", "a\\b", "alice", "a|b"), _either("CA", "x y", "x|y")
    macros = {"{auth_authen}": LOGINS, "{auth_type}": mechanism, "{daemon_name}": listener}
    macros |= {"{daemon_addr}": _either("192.0.2.25", "IPv6:2001:db8::1"), "{daemon_port}": _either("25", "465")}
    macros |= {"{cert_subject}": subject, "{cert_issuer}": issuer, "{cert_fp}": _either(FINGERPRINT, "5a", "x\\y")}
    return Told(
        draw(ODD | st.just(b"<joe@e.test>")),
        draw(st.sampled_from(["203.0.113.7", "127.0.0.1", "2001:db8::7", None])),
        draw(st.none() | ODD),
        draw(st.sampled_from([b"\xffhelo", b"spam.example", "spam-ü.example".encode(), b""])),
        draw(SENDERS),
        draw(st.fixed_dictionaries(macros)),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(told(), st.booleans())
def test_line_of_the_daemon(relaymilter: Run, told: Told, as_json: bool) -> None:
    """A line of the decision log, fed to explain by its own names, gives the same verdict, whatever was typed."""
    agree(relaymilter, logged(told, as_json), as_json)


NOBODY = (
    "login",
    "mechanism",
    "tls",
    "listener",
    "cert-subject",
    "cert-issuer",
    "cert-fingerprint",
    "rcpt-addr",
    "helo",
    "sender",
)
BACKED = ("--login-mechanism=PLAIN", "--login-listener=25", "--certificate=-|-", "--deny-helo=-", "--deny-sender=-")


@pytest.mark.parametrize("name", NOBODY)
def test_hyphen(relaymilter: Run, name: str) -> None:
    """A field that is `-` is one that is left out."""
    usual = {"login": "alice", "mechanism": "PLAIN", "listener": "25", "cert-subject": "-", "cert-issuer": "-"}
    words = [f"--{key}={value}" for key, value in usual.items() if key != name and value != "-"]
    left_out = relaymilter(*THIRD_PARTY, *BACKED, *words)
    assert relaymilter(*THIRD_PARTY, *BACKED, *words, f"--{name}=-") == left_out


@pytest.mark.parametrize("address", ["nonsense", "203.0.113.7/32", "203.0.113", "IPv6:::1", " ", "127.0.0.1:25"])
def test_client_that_is_no_address(relaymilter: Run, address: str) -> None:
    """What is neither an address nor what stands for none is wrong usage."""
    outcome = relaymilter("explain", "--recipient=<v@e.test>", f"--client={address}")
    said = f"--client: {address!r} is no address: give an IPv4 or IPv6 address, or - where the MTA says none"
    assert outcome == Outcome(64, "", f"relaymilter explain: {said}; see relaymilter explain --help\n")


LINE = (
    "decision time=2026-11-24T04:22:52.605Z session=8b71ff-1 client=203.0.113.7 helo=h.example.net login=- "
    'sender=<a@example.net> recipient=<v@example.com> verdict=reject rule=no-rule reason="no rule permits" '
    'reply="554 5.7.1 <v@example.com>: Relay access denied"'
)


@pytest.mark.parametrize("before", ["", "Nov 24 04:22:52 mx relaymilter[4711]: "], ids=["alone", "syslog"])
@pytest.mark.parametrize(
    ("words", "status", "then"),
    [
        ([], 77, "the same verdict now"),
        (["--local-domain=example.com"], 0, "the verdict differs now"),
        (["--deny-client=203.0.113.7", "--relay-domain=example.com"], 77, "the same verdict now, by another rule"),
    ],
    ids=["same", "differs", "another rule"],
)
def test_line(relaymilter: Run, before: str, words: list[str], status: int, then: str) -> None:
    """A line of the log is explained as a whole, and compared with what would be decided now."""
    outcome = relaymilter("explain", *words, "--line", before + LINE)
    assert (outcome.status, outcome.err) == (status, "")
    assert f"\nlogged:  reject by no-rule at 2026-11-24T04:22:52.605Z: {then}\n" in outcome.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--line=x",), "--line: no line of the decision log: it begins with `decision time=`, or is a JSON object"),
        (("--line=" + LINE, "--login=bob"), "--login: the line of --line says it already"),
    ],
    ids=["no line", "both"],
)
def test_wrong_line(relaymilter: Run, words: tuple[str, ...], said: str) -> None:
    """What is no line is wrong usage, and so is a line with a flag that says the same."""
    outcome = relaymilter("explain", *words)
    assert outcome == Outcome(64, "", f"relaymilter explain: {said}; see relaymilter explain --help\n")


def test_line_that_was_cut(relaymilter: Run) -> None:
    """A field that the log has not whole is named."""
    line = LINE.replace("<v@example.com>", "<" + "v" * 396 + "...", 1)
    assert "\ncut:     recipient: the log has only its beginning\n" in relaymilter("explain", "--line", line).out


PROVED = {"{auth_authen}": "jürgen", "{auth_type}": "plain", "{daemon_name}": "my MSA"}
OF_ALICE = PROVED | {"{auth_authen}": "alice", "{cert_subject}": "alice", "{cert_issuer}": "CA"}


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
@pytest.mark.parametrize(
    ("told", "verdict", "rule"),
    [
        (Told(b"<joe@e.test>", sender=b"<a@example.net>", macros=PROVED), "permit", "authorised-login"),
        (Told(b"<joe@e.test>", sender=b"<b@example.net>", macros=PROVED), "reject", "sender-login"),
        (Told(b"<joe@e.test>", macros=PROVED | {"{auth_type}": "LOGIN"}), "reject", "no-rule"),
        (Told(b"<joe@e.test>", macros=PROVED | {"{daemon_name}": "my"}), "reject", "no-rule"),
        (Told(b"<joe@e.test>", macros={"{cert_subject}": "a\\b", "{cert_issuer}": "x y"}), "permit", "certificate"),
        (Told(b"<joe@e.test>", macros={"{cert_subject}": "a\\b", "{cert_issuer}": "CA"}), "reject", "no-rule"),
        (Told(b"<joe@e.test>", sender=b"<>", macros=OF_ALICE), "permit", "grant"),
        (Told(b"<joe@f.test>", sender=b"<>", macros=OF_ALICE), "reject", "no-rule"),
        (Told(b"<joe@e.test>", sender=b"<>", macros=OF_ALICE | {"{auth_type}": "LOGIN"}), "reject", "no-rule"),
        (Told(b"<joe@e.test>", sender=b"<>", macros=OF_ALICE | {"{daemon_name}": "my"}), "reject", "no-rule"),
        (Told(b"<joe@e.test>", sender=b"<>", macros=OF_ALICE | {"{auth_authen}": None}), "reject", "no-rule"),
    ],
)
def test_line_on_what_was_proved(relaymilter: Run, told: Told, verdict: str, rule: str, as_json: bool) -> None:
    """A login, a certificate or a grant is in the line with all that it was judged by, permitted or refused."""
    line = agree(relaymilter, logged(told, as_json), as_json)
    assert (line["verdict"], line["rule"]) == (verdict, rule)


BOUND = ("--client=203.0.113.7", "--recipient=<v@example.com>", "--login=bob", "--sender=<b@example.net>")


@pytest.mark.parametrize(
    ("words", "refused", "silent"),
    [
        (["--lockdown"], "relaying is locked down", "--recipient=<v@example.org>"),
        (["--deny-client=203.0.113.0/24"], "in 203.0.113.0/24", "--client=198.51.100.7"),
        (["--deny-helo=.spam.example", "--helo=mx.spam.example"], "HELO .spam.example", "--helo=spam.example"),
        (["--deny-sender=@example.net"], "sender @example.net", "--sender=<b@example.org>"),
        (["--deny-recipient=example.com"], "recipient example.com", "--recipient=<v@example.org>"),
        (["--login-networks=bob 192.0.2.0/24"], "the client is in no network of this login", "--login=joe"),
        (["--login-recipients=bob internal"], "this login may write to internal", "--recipient=<v@example.org>"),
        (["--sender-login=b@example.net joe"], "b@example.net is owned by others", "--login=joe"),
        (["--null-sender-login=joe", "--sender=<>"], "this login may not use the null sender", "--login=joe"),
        (
            ["--local-client-sender=example.org", "--local-network=203.0.113.7", "--login="],
            "a local client may not use this sender",
            "--sender=<b@example.org>",
        ),
    ],
    ids=lambda value: value[0].partition("=")[0].removeprefix("--") if isinstance(value, list) else "",
)
def test_trail_of_restrictions(relaymilter: Run, words: list[str], refused: str, silent: str) -> None:
    """The trail goes on after the rule that permits: a restriction that refuses ends it, and tells why."""
    name = words[0].partition("=")[0].removeprefix("--")
    asked = ("explain", "--json", "--local-domain=example.org", *BOUND, *words)
    found = json.loads(relaymilter(*asked).out)
    word = "defer" if name == "lockdown" else "reject"
    assert found["trail"][-1] == {"rule": name, "answer": word, "reason": refused}
    assert found["rule"] == name
    assert [step["answer"] for step in found["trail"]].count("permit") == 1
    for warned in (json.loads(relaymilter(*asked, f"--warn={name}").out), json.loads(relaymilter(*asked, silent).out)):
        assert (warned["verdict"], warned["trail"][-1]["rule"]) == ("permit", name)
        assert warned["trail"][-1]["answer"] == "no opinion"


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (["--authorised-login=joe"], ("authorised-login", "no opinion", "this login is not authorised")),
        (
            ["--login-mechanism=CRAM-MD5", "--mechanism=PLAIN"],
            ("login", "no opinion", "the mechanism PLAIN makes no login"),
        ),
        (
            ["--login-listener=587"],
            ("login", "no opinion", "the listener that was not told takes no logins"),
        ),
        (["--login=", "--certificate=a|CA"], ("certificate", "no opinion", "no verified certificate")),
        (
            ["--login=", "--certificate=a|CA", "--cert-subject=a", "--cert-issuer=B"],
            ("certificate", "no opinion", "another certificate"),
        ),
        (
            ["--login=", "--certificate=a|CA", "--cert-subject=a", "--cert-issuer=CA"],
            ("certificate", "permit", "this certificate is authorised"),
        ),
        (
            ["--login=", '--grant={networks = "203.0.113.7", to = "e.test", owner = "it"}'],
            ("grant", "no opinion", "grant 1, it: another recipient"),
        ),
        (
            ["--login=", '--grant={networks = "203.0.113.7", from = "@example.net", note = "büro"}'],
            ("grant", "permit", "granted: grant 1, b\\xc3\\xbcro"),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_trail_of_what_is_proved(relaymilter: Run, words: list[str], step: tuple[str, str, str]) -> None:
    """The trail says why a login, a certificate or a grant does not permit, or does."""
    found = json.loads(relaymilter("explain", "--json", *BOUND, *words).out)
    assert dict(zip(("rule", "answer", "reason"), step, strict=True)) in found["trail"]


def test_a_ledger_is_looked_at(relaymilter: Run, tmp_path: Path) -> None:
    """What each limit and mark says of the login now; nobody is charged, however often it is asked."""
    ledger = f"sqlite:{tmp_path}/ledger.db"
    asked = (*THIRD_PARTY, "--login", "alice", "--helo", "laptop.example", "--ledger", ledger)
    limits = ("--limit", "1 recipients/day per login", "--limit", "1 messages/hour per client")
    for _ in range(2):
        found = relaymilter(*asked, *limits)
        assert found.status == 0
        assert "  ledger            no opinion  within the limits\nledger:\n" in found.out
        assert "nothing is known of this login" in found.out
    charges = wired(read(Flags({"ledger": (ledger,), "limit": limits[1:2]})).settings.policy).charges
    assert charges is not None
    with waiting.allowing():
        charges.judge(request(client("203.0.113.7"), b"<v@example.com>", login="alice", helo=b"laptop.example"))
    said = json.loads(relaymilter(*asked, *limits, "--json").out)
    assert ("defer", "ledger") == (said["verdict"], said["rule"])
    assert "450 4.7.1 <v@example.com>: Sending limit reached for this account" == said["reply"]
    assert said["ledger"] == {
        "standing": "good",
        "recipients/day": "1 of 1",
        "new-recipients/day": "1 of 200",
        "strangeness/day": "0 of 100",
        "strangeness/week": "0 of 200",
        "networks/hour": "1 of 20",
        "refused/day": "0 of 100",
        "recipient": "known",
        "network": "new",
        "program": "known",
        "learning": "yes: nothing counts as strange yet",
    }
