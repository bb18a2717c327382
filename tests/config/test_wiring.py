"""The order of the rules: what can be decided without waiting is, whatever tables there are besides."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from relaymilter import dns
from relaymilter.config import wiring
from relaymilter.config.asking import Asking
from relaymilter.config.options import RESTRICTIONS
from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.lookups import waiting
from relaymilter.lookups.guard import Limits
from relaymilter.policy.envelope import Macros, client, request
from relaymilter.policy.ports import LookupFailed, MailExchanger, MustWait
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Defer, NoOpinion


@dataclass(frozen=True, slots=True)
class Server:
    """A table that has to be waited for."""

    fails: bool = True
    name: str = "test:server"
    waits: bool = True

    def find(self, key: str) -> str | None:
        """Everything of table.example."""
        if self.fails:
            raise LookupFailed("down")
        return "" if key == "table.example" else None


def wired(server: Server) -> Ruleset:
    """A policy with each list in memory, and the server behind each, too."""
    given = {
        "local-network": ("192.0.2.0/24",),
        "local-domain": ("example.org",),
        "relay-domain": ("example.net",),
        "authorised-login": ("alice",),
    }
    policy = read(Flags(given)).settings.policy
    local, logins = policy.local, policy.logins
    assert logins.authorised is not None
    behind = replace(
        local,
        networks=replace(local.networks, asked=(server,)),
        domains=replace(local.domains, asked=(server,)),
        relay_domains=replace(local.relay_domains, asked=(server,)),
    )
    authorised = replace(logins.authorised, asked=(server,))
    return ruleset(replace(policy, local=behind, logins=replace(logins, authorised=authorised)))


STRANGER = client("203.0.113.7", 1)


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        pytest.param(request(client("192.0.2.7", 1), b"<a@b.example>"), "local-client", id="a local client"),
        pytest.param(request(STRANGER, b"<a@b.example>", login="alice"), "authorised-login", id="a login"),
        pytest.param(request(STRANGER, b"<a@example.org>"), "local-recipient", id="a local recipient"),
        pytest.param(request(STRANGER, b"<a@example.net>"), "relay-domain", id="a relayed one"),
    ],
)
def test_what_is_in_memory_is_not_waited_for(asked: object, rule: str) -> None:
    """Not even where a rule that is asked before has a table that is down."""
    assert rule == wired(Server()).decide(asked).rule  # type: ignore[arg-type]


def test_what_is_in_no_memory_is_waited_for() -> None:
    """Elsewhere than in a callback; and then the table decides, or nobody."""
    asked = request(STRANGER, b"<a@table.example>")
    with pytest.raises(MustWait):
        wired(Server()).decide(asked)


@pytest.mark.parametrize(("fails", "rule"), [(False, "local-recipient"), (True, "uncertain")])
def test_a_table_that_is_waited_for_decides(monkeypatch: pytest.MonkeyPatch, fails: bool, rule: str) -> None:
    """By its answer; without one a recipient is deferred."""
    monkeypatch.setattr(waiting, "allowed", lambda: True)
    assert rule == wired(Server(fails)).decide(request(STRANGER, b"<a@table.example>")).rule


def test_every_rule_stands_once_and_those_that_may_wait_last() -> None:
    """In their order otherwise; one that asks the same table is no other rule."""
    rules = wired(Server()).rules
    assert ["not-by-smtp", "local-client", "authorised-login", "local-recipient", "relay-domain"] == [
        rule.name for rule in rules
    ]
    assert [False, True, True, True, True] == [rule.waits for rule in rules]


def test_a_rule_that_may_wait_comes_after_all_that_do_not() -> None:
    """Local clients are asked for last where a database has them."""
    policy = read(Flags({"local-domain": ("example.org",)})).settings.policy
    local = replace(policy.local, networks=replace(policy.local.networks, asked=(Server(),)))
    found = ruleset(replace(policy, local=local)).rules
    assert ["not-by-smtp", "authorised-login", "local-recipient", "relay-domain", "local-client"] == [
        rule.name for rule in found
    ]


EVERY_RESTRICTION = {
    "lockdown": ("yes",),
    "lockdown-exempt": ("alice",),
    "deny-client": ("198.51.100.0/24",),
    "deny-helo": ("spam.example",),
    "deny-sender": ("x@spam.example",),
    "deny-recipient": ("x@example.org",),
    "login-networks": ("alice 203.0.113.0/24",),
    "login-recipients": ("bob internal",),
    "sender-login": ("alice@example.org alice",),
    "null-sender-login": ("alice",),
    "local-client-sender": ("example.org",),
    "forward-confirmed": ("yes",),
    "sender-domain-exists": ("yes",),
    "dnsbl": ("bl.example.net",),
    "ledger": ("memory:",),
}


def restricted(**more: tuple[str, ...]) -> Ruleset:
    """A policy with every restriction, and a domain that is backed up."""
    backup = {
        "mx-backup": ("backed.example",),
        "mx-backup-networks": ("198.51.100.24/29",),
        "mx-name": ("mx.example.org",),
    }
    given = {"local-domain": ("example.org",), "login-mechanism": ("PLAIN",), **EVERY_RESTRICTION, **backup, **more}
    return ruleset(read(Flags(given)).settings.policy)


def test_every_restriction_stands_once_by_the_name_of_its_option() -> None:
    """In the order of the list, those that may wait last, and after them what charges, though it need not wait."""
    found = restricted().restrictions
    assert set(RESTRICTIONS) == {restriction.name for restriction in found}
    assert len(RESTRICTIONS) == len(found)
    *others, last = found
    assert [restriction.waits for restriction in others] == sorted(restriction.waits for restriction in others)
    assert ("ledger", False) == (last.name, last.waits)


def test_only_what_is_named_warns() -> None:
    """By --warn."""
    found = restricted(warn=("deny-helo",)).restrictions
    assert ["deny-helo"] == [restriction.name for restriction in found if restriction.warns]


@pytest.mark.parametrize(
    ("recipient", "backing", "held"),
    [
        pytest.param(b"<a@example.org>", False, False, id="local"),
        pytest.param(b"<a@relayed.example>", False, False, id="relayed for"),
        pytest.param(b"<a@example.org>", True, False, id="local, on a backup"),
        pytest.param(b"<a@relayed.example>", True, False, id="relayed for, on a backup"),
        pytest.param(b"<a@backed.example>", True, False, id="backed up"),
        pytest.param(b"<a@backed.example>", False, True, id="not backed up"),
        pytest.param(b"<a@example.net>", True, True, id="elsewhere"),
    ],
)
def test_a_lockdown_leaves_inbound_mail_alone(recipient: bytes, backing: bool, held: bool) -> None:
    """Mail to relay domains, and to a domain that is backed up, comes in, as mail to local ones."""
    relayed = {"relay-domain": ("relayed.example",)}
    no_backup = {} if backing else {"mx-backup": (), "mx-backup-networks": (), "mx-name": ()}
    (lockdown,) = (each for each in restricted(**relayed, **no_backup).restrictions if each.name == "lockdown")
    assert held is isinstance(lockdown.ask(request(STRANGER, recipient, login="bob")), Defer)


def test_a_login_by_another_mechanism_is_exempt_from_nothing() -> None:
    """--login-mechanism says what a login is, in a lockdown, too."""
    alice = request(STRANGER, b"<a@example.net>", login="alice", sender=b"<alice@example.org>")
    for mechanism, rule in (("PLAIN", "permit authorised-login"), ("LOGIN", "reject no-rule")):
        exempt = restricted()
        free = Ruleset(exempt.rules, exempt.restrictions[:1], exempt.refusals, exempt.ways)
        decision = free.decide(alice._replace(macros=Macros(mechanism)))
        assert rule == f"{decision.word} {decision.rule}"


STALE = {"stale": ("600",)}


def test_the_dns_gives_no_stale_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tables may: what the DNS said of a list or of a backup MX may be a no by now."""
    given: list[Limits] = []
    monkeypatch.setattr(dns, "Resolver", lambda _servers, limits: given.append(limits) or Saying())
    restricted(**STALE)
    assert [0.0] == [limits.stale for limits in given]


@pytest.mark.parametrize("login", ["alice", "ALICE", "Alice@mx.example.org"])
def test_a_grant_compares_logins_as_all_do(login: str) -> None:
    """By --login-fold."""
    toml = '{logins = ["alice"], to = ["joe@example.com"]}'
    given = {"grant": (toml,), "login-fold": ("lower-local",), "authorised-login": ("nobody",)}
    decision = ruleset(read(Flags(given)).settings.policy).decide(request(STRANGER, b"<joe@example.com>", login=login))
    assert decision.rule == "grant"


class Saying:
    """A DNS in which everybody is listed, and the best exchanger of every domain is at 198.51.100.25, after us."""

    def exchangers(self, domain: str) -> tuple[MailExchanger, ...]:
        return MailExchanger(10, f"best.{domain}"), MailExchanger(20, "mx.example.org")

    def addresses(self, host: str) -> tuple[object, ...]:
        return (ipaddress.ip_address("198.51.100.25"),)

    def names(self, address: object) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Addressed(Server):
    """A table of addresses, which answers at once."""

    waits: bool = False

    def find(self, key: str) -> str | None:
        """Two of them."""
        return "" if key in ("198.51.100.25", "203.0.113.7") else None


@pytest.mark.parametrize(("asked", "rule"), [((Addressed(),), "mx-backup"), ((), "no-rule")], ids=["table", "none"])
def test_places_of_backup_may_be_in_a_table(
    monkeypatch: pytest.MonkeyPatch, asked: tuple[Server, ...], rule: str
) -> None:
    """Where the best exchangers may be, tables say, too."""
    monkeypatch.setattr(dns, "Resolver", lambda *_: Saying())
    given = {
        "mx-backup": ("backed.example",),
        "mx-backup-networks": ("192.0.2.0/29",),
        "mx-name": ("mx.example.org",),
    }
    policy = read(Flags(given)).settings.policy
    networks = replace(policy.backup.networks, asked=asked)
    found = ruleset(replace(policy, backup=replace(policy.backup, networks=networks)))
    assert rule == found.decide(request(STRANGER, b"<a@backed.example>")).rule


@pytest.mark.parametrize(("asked", "word"), [((Addressed(),), "permit"), ((), "reject")], ids=["table", "none"])
def test_insiders_may_be_in_a_table(monkeypatch: pytest.MonkeyPatch, asked: tuple[Server, ...], word: str) -> None:
    """A local client that a table knows is no stranger to what asks the DNS."""
    monkeypatch.setattr(dns, "Resolver", lambda *_: Saying())
    policy = read(Flags({"local-domain": ("example.org",), "forward-confirmed": ("yes",)})).settings.policy
    local = replace(policy.local, networks=replace(policy.local.networks, asked=asked))
    decision = ruleset(replace(policy, local=local)).decide(request(STRANGER, b"<a@example.org>"))
    assert word == decision.word


def test_what_lookups_are_bound_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit of the cache, and the name servers, arrive where tables and the DNS are asked."""
    given: list[tuple[object, ...]] = []

    def spy(*words: object) -> Asking:
        given.append(words)
        return Asking(Limits())

    monkeypatch.setattr(wiring, "Asking", spy)
    kept = {"cache-positive": ("1",), "cache-negative": ("2",), "cache-size": ("3",), "stale": ("4",)}
    ruleset(read(Flags({**kept, "dns-server": ("192.0.2.53:5353",)})).settings.policy)
    assert [(Limits(1, 2, 3, 4), (("192.0.2.53", 5353),))] == given


def test_a_lockdown_by_file(tmp_path: Path) -> None:
    """It is on while the file is there."""
    file = tmp_path / "lockdown"
    (lockdown,) = ruleset(read(Flags({"lockdown-file": (str(file),)})).settings.policy).restrictions
    asked = request(client("127.0.0.1", 1), b"<a@example.net>")
    assert isinstance(lockdown.ask(asked), NoOpinion)
    file.touch()
    assert isinstance(lockdown.ask(asked), Defer)
