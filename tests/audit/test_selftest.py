"""The self-test notices rules that are wrong: each one here opens a relay in a way that somebody's has been open."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relaymilter.audit import selftest
from relaymilter.audit.hostile.corpus import FAMILIES, corpus
from relaymilter.audit.hostile.envelopes import Envelope, Names
from relaymilter.audit.hostile.trial import Outcome, Trial, opened
from relaymilter.audit.mta_side import MilterFailed
from relaymilter.audit.selftest import against_milter, against_policy, own_domain
from relaymilter.config.endpoint import UnixEndpoint, parse_endpoint
from relaymilter.config.model import PolicySettings
from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.milter.session import Session
from relaymilter.policy.envelope import Request, client, request
from relaymilter.policy.rules import RelayRule
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import NoOpinion, Permit
from tests.rig import Recorder, Relaymilter, open_folder, running

STRANGER = "203.0.113.7"
Believes = Callable[[Request], bool]


def policy(**given: tuple[str, ...]) -> PolicySettings:
    """The settings that these flags come to."""
    return read(Flags({name.replace("_", "-"): texts for name, texts in given.items()})).settings.policy


CLOSED = policy(local_domain=("example.org",), relay_domain=("relayed.example",))


def families_opened(trials: list[Trial]) -> set[str]:
    """Where something got through."""
    return {trial.envelope.family for trial in opened(trials)}


def test_a_sound_policy_holds() -> None:
    """Nothing gets through a policy with domains, from a stranger of either family."""
    for stranger in (STRANGER, "2001:db8:7::7"):
        trials = [*against_policy(CLOSED, corpus(Names()), stranger)]
        assert len(trials) == len(corpus(Names()))
        assert {trial.outcome for trial in trials} == {Outcome.HELD}


def test_only_deferred() -> None:
    """A policy that answers 4xx holds, but it is counted as that."""
    trials = against_policy(policy(reply=("defer",)), corpus(Names(), ["plain"]), STRANGER)
    assert {trial.outcome for trial in trials} == {Outcome.DEFERRED}


@pytest.mark.parametrize(
    ("settings", "family", "said"),
    [
        (policy(local_network=("203.0.0.0/8",)), "percent", "permit by local-client: in local network 203.0.0.0/8"),
        (policy(local_domain=("example.com",)), "plain", "permit by local-recipient: example.com is a local domain"),
        (policy(relay_domain=(".com", "com")), "sender", "permit by relay-domain: .com is a relay domain"),
    ],
    ids=["a network too wide", "the third party is local", "a whole top-level domain"],
)
def test_an_open_policy(settings: PolicySettings, family: str, said: str) -> None:
    """What is open is seen, with the rule that permits, and why."""
    assert said in {trial.said for trial in opened([*against_policy(settings, corpus(Names(), [family]), STRANGER)])}


def _after_last_at(request: Request) -> bool:
    return request.recipient.rstrip(b">").rpartition(b"@")[2] == b"example.org"


def _compatible(request: Request) -> bool:
    text = unicodedata.normalize("NFKC", request.recipient.decode("utf-8", "replace")).casefold()
    return not request.recipient.isascii() and text.endswith("example.org>")


def _without_comments(request: Request) -> bool:
    return b"(" in request.recipient and b"example.org" in request.recipient


def _cut(request: Request) -> bool:
    return len(request.recipient) > 255


# What is believed, and a family that only such a belief opens.
WRONG: dict[str, tuple[Believes, str]] = {
    "everything": (lambda asked: True, "plain"),
    "what stands after the last @": (_after_last_at, "percent"),
    "nothing but the last @": (_after_last_at, "quoting"),
    "a UUCP host is the next hop": (lambda asked: b"!" in asked.recipient, "bang"),
    "the host of a source route": (lambda asked: asked.recipient.startswith(b"<@example.org"), "route"),
    "two @": (lambda asked: asked.recipient.count(b"@") == 2, "second-at"),
    "a literal": (lambda asked: b"@[" in asked.recipient, "literal"),
    "the first of two paths": (lambda asked: asked.recipient.startswith(b"<postmaster@example.org>,"), "brackets"),
    "a comment": (_without_comments, "comment"),
    "a control character": (lambda asked: any(byte < 32 for byte in asked.recipient), "blanks"),
    "compatible letters": (_compatible, "letters"),
    "no domain is local": (lambda asked: b"@" not in asked.recipient, "incomplete"),
    "case": (lambda asked: asked.recipient.isupper(), "case-dots"),
    "a name in the wrong place": (lambda asked: b"/example.org" in asked.recipient, "case-dots"),
    "what was cut": (_cut, "length"),
    "the sender": (lambda asked: asked.sender == b"<postmaster@example.org>", "sender"),
    "the null sender": (lambda asked: asked.sender == b"<>", "sender-routing"),
    "HELO": (lambda asked: asked.helo == b"mx.example.org", "helo"),
    "a loopback in HELO": (lambda asked: asked.helo == b"[127.0.0.1]", "helo"),
    "nmap's sender": (lambda asked: asked.sender == b"<antispam@[192.0.2.25]>", "nmap"),
    "a login": (lambda asked: asked.login is not None, ""),
}


@pytest.mark.parametrize(("believes", "family"), WRONG.values(), ids=WRONG)
def test_a_rule_that_believes(monkeypatch: pytest.MonkeyPatch, believes: Believes, family: str) -> None:
    """A rule that permits by something that a client merely writes is found out."""
    monkeypatch.setattr(selftest, "ruleset", lambda _: Ruleset((_rule(believes),)))
    trials = [*against_policy(CLOSED, corpus(Names()), STRANGER)]
    assert (family in families_opened(trials)) == bool(family)


def a_permit() -> Permit:
    """One, which relay.py alone makes."""
    verdict = (
        ruleset(policy(local_network=("203.0.0.0/8",))).decide(request(client(STRANGER), b"<a@b.example>")).verdict
    )
    assert isinstance(verdict, Permit)
    return verdict


def _rule(believes: Believes) -> RelayRule:
    permit = a_permit()
    return RelayRule("wrong", lambda asked: permit if believes(asked) else NoOpinion("no"))


def test_a_claim_taken_for_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that took {auth_author} for a proof is found out."""
    asked, taken_for = Session.asked, {b"{auth_authen}": b"{auth_author}"}
    monkeypatch.setattr(
        Session, "asked", lambda self, path, find: asked(self, path, lambda name: find(taken_for.get(name, name)))
    )
    assert families_opened([*against_policy(CLOSED, corpus(Names()), STRANGER)]) == {"auth-claim"}


def test_a_permit_that_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that permits what follows a local recipient is found out."""
    last: list[bytes] = [b""]

    def believes(request: Request) -> bool:
        last.append(request.recipient)
        return last[-2] == b"<postmaster@example.org>"

    monkeypatch.setattr(selftest, "ruleset", lambda _: Ruleset((_rule(believes),)))
    assert "companions" in families_opened([*against_policy(CLOSED, corpus(Names()), STRANGER)])


def test_a_second_witness_that_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without {rcpt_addr}, what only looks local opens: that is what the misread envelopes are for."""
    unheard = [each._replace(reading=each.recipient.strip(b"<>")) for each in corpus(Names()) if each.misread]
    assert opened([*against_policy(CLOSED, unheard, STRANGER)])
    assert not opened([*against_policy(CLOSED, [each for each in corpus(Names()) if each.misread], STRANGER)])


@pytest.mark.parametrize(
    ("settings", "domain"),
    [
        (policy(), ""),
        (policy(local_domain=(".example.org", "[192.0.2.1]", "b.example", "a.example")), "a.example"),
        (policy(relay_domain=("relayed.example",)), "relayed.example"),
        (policy(local_domain=("inline:{c.example}",)), "c.example"),
    ],
    ids=["none", "of several", "a relay domain", "in a table that is read"],
)
def test_own_domain(settings: PolicySettings, domain: str) -> None:
    """A domain of the policy is taken for the envelopes: a mailbox below or at it is what they abuse."""
    assert own_domain(settings) == domain


@pytest.fixture
def rest() -> Iterator[Path]:
    """A folder for sockets."""
    with open_folder() as path:
        yield path


@pytest.mark.parametrize("runtime", ["loop", "libmilter"])
def test_a_running_milter_holds(rest: Path, runtime: str) -> None:
    """A daemon of either runtime refuses every envelope; it is asked about each, and those before it."""
    with running(Relaymilter(rest / "d", "--local-domain", "example.org", "--runtime", runtime)) as daemon:
        trials = [*against_milter(parse_endpoint(daemon.milter), corpus(Names()), STRANGER)]
    assert [trial.envelope.family for trial in trials] != []
    assert {trial.outcome for trial in trials} == {Outcome.HELD}
    assert len(trials) == len(corpus(Names()))
    asked = len(trials) + sum(len(trial.envelope.before) for trial in trials)
    assert len(daemon.decisions()) == asked


def test_a_dry_run_is_open(rest: Path) -> None:
    """A daemon that refuses nothing is open in every family."""
    with running(Relaymilter(rest / "d", "--local-domain", "example.org", "--dry-run")) as daemon:
        trials = [*against_milter(parse_endpoint(daemon.milter), corpus(Names()), STRANGER)]
    assert families_opened(trials) == set(FAMILIES)
    assert {trial.said for trial in trials} == {"continue"}


def test_a_milter_that_wants_every_stage(rest: Path) -> None:
    """A milter that declines nothing is asked stage by stage, and hears the macros that it wants."""
    envelopes = corpus(Names(), ["auth-claim"])
    with running(Recorder(rest / "r", "{rcpt_addr} {auth_author}")) as milter:
        trials = [*against_milter(parse_endpoint(milter.milter), envelopes, "2001:db8::7")]
    assert len(opened(trials)) == len(envelopes)
    assert milter.told == [{"{rcpt_addr}": "victim@example.com"}] * len(envelopes)


def one() -> list[Envelope]:
    """An envelope."""
    return corpus(Names(), ["plain"])[:1]


def test_no_milter(rest: Path) -> None:
    """A socket that is not there is an error that names it."""
    with pytest.raises(MilterFailed, match="No such file"):
        list(against_milter(UnixEndpoint(f"{rest}/none"), one(), STRANGER))
