"""A session: what it keeps, what it forgets, and what it answers when something in it breaks."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.milter import wire
from relaymilter.milter.macros import FindMacro
from relaymilter.milter.negotiation import macros
from relaymilter.milter.replies import Mta, Words
from relaymilter.milter.session import Service, Session
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.envelope import NOWHERE, Certificate, Macros, Need, Request, client
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import NoOpinion, Permit

SETTINGS = read(Flags({"local-domain": ("example.org",)})).settings.policy
RULES = ruleset(SETTINGS)
STRANGER = client("203.0.113.7", 40000)
THIRD_PARTY = b"<v@example.com>"
DENIED = Words(554, "5.7.1", "<v@example.com>: Relay access denied")
UNCERTAIN = Words(451, "4.7.1", "Cannot decide on this recipient now, try again later")


def session(
    rules: Ruleset = RULES, *, address: str | None = "203.0.113.7", port: int | None = 40000, dry_run: bool = False
) -> tuple[Session, list[str]]:
    """A session from this address, and the lines that it logs."""
    lines: list[str] = []
    new = Session(Service(rules, DecisionLog(lines.append, as_json=True), dry_run))
    new.connect(NOWHERE if address is None else client(address, port), b"Postfix 3.7.11")
    new.hello(b"h.example.net")
    new.mail(b"<a@example.net>")
    return new, lines


def told(**macros: str | bytes | None) -> FindMacro:
    """Macros with these names in braces; those that are None are absent."""
    octets = {name: value.encode() if isinstance(value, str) else value for name, value in macros.items()}
    return {f"{{{name}}}".encode(): value for name, value in octets.items()}.get


def rcpt(
    session: Session, recipient: bytes = THIRD_PARTY, login: str | None = None, rcpt_addr: bytes | None = None
) -> Words | None:
    """What the client hears of this recipient, as a runtime has it asked, decided and told."""
    asked = session.asked(recipient, told(auth_authen=login, rcpt_addr=rcpt_addr))
    return session.reply(asked, session.decide(asked))


def test_recipients_are_decided_one_by_one() -> None:
    """A permit carries over to no other recipient, nor does a refusal."""
    ours, _ = session()
    assert rcpt(ours) == DENIED
    assert rcpt(ours, b"<bob@example.org>") is None
    assert rcpt(ours) == DENIED


@pytest.mark.parametrize("end", [Session.abort, lambda _: None], ids=["abort", "no abort, as Sendmail after a message"])
def test_login_is_of_its_message_alone(end: Callable[[Session], None]) -> None:
    """A login serves the recipients that it came with, and no other."""
    ours, _ = session()
    assert rcpt(ours, login="alice") is None
    end(ours)
    ours.mail(b"<b@example.net>")
    assert rcpt(ours) == DENIED


@pytest.mark.parametrize("login", ["", None])
def test_no_login(login: str | None) -> None:
    """An empty {auth_authen} is none."""
    ours, lines = session()
    assert rcpt(ours, login=login) == DENIED
    assert json.loads(lines[0])["login"] is None


def test_sender_is_of_its_message_alone() -> None:
    """Neither an aborted message's sender nor the last one's is logged with the next."""
    ours, lines = session()
    rcpt(ours)
    ours.abort()
    rcpt(ours)
    ours.mail(b"<>")
    rcpt(ours)
    assert [json.loads(line)["sender"] for line in lines] == ["<a@example.net>", "", "<>"]


def test_greeting_stays() -> None:
    """HELO is of the connection: it outlives a message, and a second one replaces it (STARTTLS)."""
    ours, lines = session()
    ours.abort()
    rcpt(ours)
    ours.hello(b"other.example.net")
    rcpt(ours)
    assert [json.loads(line)["helo"] for line in lines] == ["h.example.net", "other.example.net"]


@pytest.mark.parametrize("address", [None, "", "unknown", "localhost", "fe80::1%eth0", "127.0.0.1 ", "127.1"])
def test_unknown_address(address: str | None) -> None:
    """A client whose address is missing, or no address, is a stranger."""
    ours, _ = session(address=address)
    assert rcpt(ours) == DENIED


def test_before_connect() -> None:
    """A session that was told nothing yet is a stranger's."""
    ours = Session(Service(RULES, None))
    assert (NOWHERE, Mta.UNKNOWN) == (ours.client, ours.mta)
    assert rcpt(ours) == DENIED


def test_not_by_smtp() -> None:
    """127.0.0.1, port 0 is Postfix's own mail, permitted though no network is local; port 0 elsewhere is nothing."""
    nobody_local = ruleset(read(Flags({"local-network": ("!127.0.0.0/8",)})).settings.policy)
    assert rcpt(session(nobody_local, address="127.0.0.1", port=0)[0]) is None
    assert rcpt(session(nobody_local, address="127.0.0.1", port=1)[0]) == DENIED
    assert rcpt(session(nobody_local, address="203.0.113.7", port=0)[0]) == DENIED


def test_sendmail_hears_no_recipient() -> None:
    """The MTA that speaks is known from its macro v at CONNECT; with 550 Sendmail names the recipient by itself."""
    settings = read(Flags({"reply": ("sendmail",)})).settings.policy
    ours, lines = session(ruleset(settings))
    ours.connect(STRANGER, b"8.17.1.9")
    told = "Relaying denied. Proper authentication required."
    assert rcpt(ours) == Words(550, "5.7.1", told)
    assert json.loads(lines[0])["reply"] == f"550 5.7.1 {told}"


def test_ids_differ() -> None:
    """Each session has an id of its own, with its worker's prefix."""
    service = Service(RULES, None, prefix="c0ffee-")
    ids = {Session(service).id for _ in range(100)}
    assert len(ids) == 100
    assert all(each.startswith("c0ffee-") for each in ids)


def test_a_permit_is_answered_with_nothing() -> None:
    """The MTA goes on by itself, so the log has no reply."""
    ours, lines = session()
    assert rcpt(ours, b"<bob@example.org>") is None
    assert (json.loads(lines[0])["verdict"], json.loads(lines[0])["reply"]) == ("permit", "")


def test_counts() -> None:
    """A worker counts the sessions and what became of their recipients, whether or not anything is logged."""
    service = Service(RULES, None)
    for _ in range(2):
        ours = Session(service)
        ours.connect(STRANGER, None)
        rcpt(ours)
    rcpt(ours, b"<bob@example.org>")
    counts = service.counts
    assert (2, {"permit": 1, "reject": 2, "defer": 0}) == (counts.sessions, dict(counts.decisions))


def test_nothing_logged() -> None:
    """Without a decision log the answers are the same."""
    ours = Session(Service(RULES, None))
    ours.connect(STRANGER, None)
    assert rcpt(ours) == DENIED
    assert rcpt(ours, b"<bob@example.org>") is None


def test_dry_run() -> None:
    """In a dry run the MTA hears CONTINUE, and the log says what would have been."""
    ours, lines = session(dry_run=True)
    assert rcpt(ours) is None
    found = json.loads(lines[0])
    assert (found["verdict"], found["reply"], found["dry_run"]) == ("reject", str(DENIED), True)


class Unspeakable(Exception):
    """An exception whose text is one more exception."""

    def __str__(self) -> str:
        raise RuntimeError


def _recurse(request: Request) -> Permit | NoOpinion:
    return _recurse(request)


def _raising(error: Exception) -> Callable[[Request], Permit | NoOpinion]:
    def ask(_: Request) -> Permit | NoOpinion:
        raise error

    return ask


BROKEN = {
    "ValueError": _raising(ValueError("x\r\n250 Yes\x1b[2J")),
    "KeyError": _raising(KeyError(b"\xff")),
    "UnicodeDecodeError": _raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no")),
    "MemoryError": _raising(MemoryError()),
    "StopIteration": _raising(StopIteration()),
    "AssertionError": _raising(AssertionError()),
    "TimeoutError": _raising(TimeoutError()),
    "Unspeakable": _raising(Unspeakable()),
    "RecursionError": _recurse,
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The traceback of what breaks here is not of interest, but it is made."""
    log = logging.getLogger("relaymilter")
    before = [*log.handlers], log.propagate
    log.handlers[:], log.propagate = [logging.StreamHandler(io.StringIO())], False
    yield
    log.handlers[:], log.propagate = before


def broken(name: str, on_error: str = "defer") -> Ruleset:
    """The rules of the daemon behind one that raises."""
    settings = read(Flags({"local-domain": ("example.org",), "on-error": (on_error,)})).settings.policy
    whole = ruleset(settings)
    return Ruleset((RelayRule("broken-rule", BROKEN[name]), *whole.rules), whole.restrictions, whole.refusals)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("address", ["203.0.113.7", "127.0.0.1"], ids=["stranger", "local client"])
def test_internal_error(name: str, address: str) -> None:
    """Whatever a rule raises, the answer is 451, for a local client too, and the log says what broke."""
    ours, lines = session(broken(name), address=address)
    assert rcpt(ours) == UNCERTAIN
    found = json.loads(lines[0])
    assert (found["verdict"], found["rule"], found["reply"]) == ("defer", "broken", str(UNCERTAIN))
    assert found["reason"] == f"an internal error: {name}"


@pytest.mark.parametrize("name", BROKEN)
def test_internal_error_at_once(name: str) -> None:
    """What both runtimes call first lets nothing out either: a session that raised would be the MTA's to judge."""
    ours, lines = session(broken(name))
    asked = ours.asked(THIRD_PARTY, told())
    decision = ours.decide_at_once(asked)
    assert decision is not None
    assert [("broken", decision.verdict)] == [*decision.trail]
    assert ours.reply(asked, decision) == UNCERTAIN
    assert json.loads(lines[0])["reason"] == f"an internal error: {name}"


def test_what_must_wait_is_not_decided_at_once() -> None:
    """None says so; elsewhere, where one may wait, it is a decision."""
    ours, _ = session(Ruleset((RelayRule("table", _raising(MustWait())), *RULES.rules)))
    asked = ours.asked(THIRD_PARTY, told())
    assert ours.decide_at_once(asked) is None
    assert ours.decide(asked).rule == "broken"


def test_internal_error_rejects_on_request() -> None:
    """With --on-error reject it is 554."""
    ours, lines = session(broken("ValueError", "reject"))
    assert rcpt(ours) == Words(554, "5.7.1", "Cannot decide on this recipient")
    assert json.loads(lines[0])["verdict"] == "reject"


@pytest.mark.parametrize("on_error", ["defer", "reject"])
def test_internal_error_in_a_dry_run(on_error: str) -> None:
    """In a dry run the MTA hears CONTINUE of it, as of everything."""
    ours, lines = session(broken("ValueError", on_error), dry_run=True)
    assert rcpt(ours) is None
    assert (json.loads(lines[0])["verdict"], json.loads(lines[0])["dry_run"]) == (on_error, True)


def test_internal_error_is_over() -> None:
    """The session goes on, and its next recipient is decided on."""
    sick = [True]

    def ask(_: Request) -> Permit | NoOpinion:
        if sick:
            raise ValueError
        return NoOpinion("well again")

    ours, _ = session(Ruleset((RelayRule("sick", ask), *RULES.rules)))
    assert rcpt(ours, b"<bob@example.org>") == UNCERTAIN
    sick.clear()
    assert rcpt(ours, b"<bob@example.org>") is None
    assert rcpt(ours) == DENIED


def test_broken_restriction() -> None:
    """What raises in a restriction does not let the recipient through."""

    def ask(_: Request) -> NoOpinion:
        raise ValueError

    ours, _ = session(Ruleset(RULES.rules, (Restriction("broken", ask),)))
    assert rcpt(ours, b"<bob@example.org>") == UNCERTAIN


def test_failed_look_up() -> None:
    """A look-up that fails in a relay rule is an uncertain refusal, unless another rule permits."""
    rules = Ruleset((RelayRule("table", _raising(LookupFailed("the table is down"))), *RULES.rules), (), RULES.refusals)
    ours, lines = session(rules)
    assert rcpt(ours) == UNCERTAIN
    assert rcpt(ours, b"<bob@example.org>") is None
    assert [json.loads(line)["rule"] for line in lines] == ["uncertain", "local-recipient"]
    assert json.loads(lines[0])["reason"] == "the table is down"


@pytest.mark.parametrize(
    "recipient", [b"", b"<", b"\0", b"\xff" * 2000, b"<v@example.org> <v@example.com>", b"<v@[\r\n]>"]
)
def test_bad_path(recipient: bytes) -> None:
    """A path that cannot be parsed is refused to a stranger, and left to the MTA for a local client."""
    assert rcpt(session()[0], recipient) == Words(501, "5.1.3", "Bad recipient address syntax")
    assert rcpt(session(address="127.0.0.1")[0], recipient) is None


@pytest.mark.parametrize(
    ("address", "said", "local"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", None, True),
        ("127.0.0.1", "", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "203.0.113.7", False),
        ("127.0.0.1", "unknown", False),
        ("::1", "IPv6:::1", True),
        ("::1", "IPv6:0:0:0:0:0:0:0:1", True),
        ("::1", "IPv6:2001:db8::7", False),
        ("203.0.113.7", "127.0.0.1", False),
        (None, "127.0.0.1", False),
    ],
)
def test_client_addr_is_a_second_witness(address: str | None, said: str | None, local: bool) -> None:
    """A client whom the macros of RCPT name otherwise than CONNECT did is a stranger."""
    ours, _ = session(address=address)
    asked = ours.asked(THIRD_PARTY, told(client_addr=said))
    assert (ours.decide(asked).word == "permit") is local


TLS = {"cert_subject": "client.example.net", "cert_issuer": "Example CA"}
EVERYTHING = {
    "auth_authen": "bob",
    "auth_type": "PLAIN",
    "daemon_name": "submission",
    "daemon_addr": "192.0.2.25",
    "tls_version": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    **TLS,
}


@pytest.mark.parametrize(
    ("version", "macros", "certificate"),
    [
        (b"Postfix 3.7.11", TLS, Certificate("client.example.net", "Example CA")),
        (b"Postfix 3.7.11", TLS | {"cert_issuer": ""}, None),
        (b"Postfix 3.7.11", {"cert_subject": "client.example.net"}, None),
        (b"8.17.1.9", TLS, None),
        (b"8.17.1.9", TLS | {"verify": "FAIL"}, None),
        (b"8.17.1.9", TLS | {"verify": "ok"}, None),
        (b"8.17.1.9", TLS | {"verify": "OK"}, Certificate("client.example.net", "Example CA")),
        (None, TLS, None),
        (b"Postfix 3.7.11", {}, None),
    ],
    ids=[
        *("Postfix", "Postfix, empty issuer", "Postfix, no issuer", "Sendmail, unverified", "Sendmail, failed"),
        *("Sendmail, another case", "Sendmail, verified", "an unknown MTA", "none"),
    ],
)
def test_certificate(version: bytes | None, macros: dict[str, str], certificate: Certificate | None) -> None:
    """Postfix names verified certificates alone; of another MTA's, {verify} must say OK."""
    ours = Session(Service(RULES, None, needs=frozenset({Need.CERTIFICATE})))
    ours.connect(STRANGER, version)
    assert certificate == ours.asked(THIRD_PARTY, told(**macros)).macros.certificate


@pytest.mark.parametrize(
    ("needs", "macros"),
    [
        ((), Macros()),
        ((Need.HELO,), Macros()),
        ((Need.MECHANISM,), Macros(mechanism="PLAIN")),
        ((Need.LISTENER,), Macros(listener=("submission", "192.0.2.25"))),
        ((Need.TLS,), Macros(tls="TLSv1.3 TLS_AES_256_GCM_SHA384")),
    ],
    ids=str,
)
def test_told_is_what_is_needed(needs: tuple[Need, ...], macros: Macros) -> None:
    """No more than the rules need is taken from the MTA."""
    ours = Session(Service(RULES, None, needs=frozenset(needs)))
    ours.connect(STRANGER, b"Postfix 3.7.11")
    assert macros == ours.asked(THIRD_PARTY, told(**EVERYTHING)).macros


@pytest.mark.parametrize(
    ("version", "given", "login"),
    [
        (b"8.17.1.9", "alice", "alice"),
        (b"8.17.1.9", "alice@other.example", "alice@other.example"),
        (b"8.17.1.9", "a+2Bb", "a+b"),
        (b"8.17.1.9", "a+2B20b", "a+20b"),
        (b"8.17.1.9", "+D0+B0lice", "\u0430lice"),
        (b"8.17.1.9", "al+E9ce", None),
        (b"8.17.1.9", "a+b", "a+b"),
        (b"Postfix 3.7.11", "a+2Bb", "a+2Bb"),
        (None, "a+2Bb", "a+2Bb"),
    ],
    ids=[
        *("Sendmail", "Sendmail, realm", "Sendmail, plus", "Sendmail, plus and digits", "Sendmail, UTF-8"),
        *("Sendmail, Latin 1", "Sendmail, no xtext", "Postfix", "an unknown MTA"),
    ],
)
def test_login_is_as_it_was_proved(version: bytes | None, given: str, login: str | None) -> None:
    """Sendmail writes logins in xtext, Postfix as they are."""
    ours = Session(Service(RULES, None))
    ours.connect(STRANGER, version)
    assert login == ours.asked(THIRD_PARTY, told(auth_authen=given)).login


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("192.0.2.25", "192.0.2.25"),
        ("2001:db8::25", "2001:db8::25"),
        ("IPv6:2001:db8:0:0:0:0:0:25", "2001:db8::25"),
        ("/run/submission", "/run/submission"),
    ],
    ids=["IPv4", "Postfix, IPv6", "Sendmail, IPv6", "no address"],
)
def test_listener_address(given: str, shown: str) -> None:
    """An address of a listener is in one form, whichever MTA gives it."""
    ours = Session(Service(RULES, None, needs=frozenset({Need.LISTENER})))
    ours.connect(STRANGER, b"8.17.1.9")
    macros = {"daemon_name": "MSA6", "daemon_addr": given, "daemon_port": "587"}
    assert ours.asked(THIRD_PARTY, told(**macros)).macros.listener == ("MSA6", shown, "587")


@pytest.mark.parametrize("need", Need)
def test_what_is_read_is_asked_for(need: Need) -> None:
    """A macro that the session reads because some rule needs it is one that the MTA is asked to tell."""
    names: list[str] = []

    def find(name: bytes) -> bytes | None:
        names.append(name.decode())
        return None

    ours = Session(Service(RULES, None, needs=frozenset({need})))
    ours.connect(STRANGER, b"8.17.1.9")
    assert ours.asked(THIRD_PARTY, find).macros == Macros()
    assert {*names} <= {*macros({need})[wire.STAGE_RCPT].split()}


def test_a_trail_is_made_where_it_is_read() -> None:
    """With --verbose, and not without."""
    for trail in (False, True):
        ours = Session(Service(RULES, DecisionLog(lambda _: None, trail=trail)))
        for decide in (ours.decide, ours.decide_at_once):
            decision = decide(ours.asked(THIRD_PARTY, told()))
            assert decision is not None
            assert bool(decision.trail) is trail
