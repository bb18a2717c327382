"""The order of the rules: what can be decided without waiting is, whatever tables there are besides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from relaymilter.config.options import RESTRICTIONS
from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.lookups import waiting
from relaymilter.policy.envelope import Told, client, request
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Defer


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
    """In the order of the list, those that may wait last."""
    found = restricted().restrictions
    assert set(RESTRICTIONS) == {restriction.name for restriction in found}
    assert len(RESTRICTIONS) == len(found)
    assert [restriction.waits for restriction in found] == sorted(restriction.waits for restriction in found)


def test_only_what_is_named_warns() -> None:
    """By --warn."""
    found = restricted(warn=("deny-helo",)).restrictions
    assert ["deny-helo"] == [restriction.name for restriction in found if restriction.warns]


@pytest.mark.parametrize(
    ("recipient", "held"),
    [
        pytest.param(b"<a@example.org>", False, id="local"),
        pytest.param(b"<a@backed.example>", False, id="backed up"),
        pytest.param(b"<a@example.net>", True, id="elsewhere"),
    ],
)
def test_a_lockdown_leaves_inbound_mail_alone(recipient: bytes, held: bool) -> None:
    """Mail to a domain that is backed up comes in, as mail to local ones."""
    (lockdown,) = (each for each in restricted().restrictions if each.name == "lockdown")
    assert held is isinstance(lockdown.ask(request(STRANGER, recipient, login="bob")), Defer)


def test_a_login_by_another_mechanism_is_exempt_from_nothing() -> None:
    """--login-mechanism says what a login is, in a lockdown, too."""
    alice = request(STRANGER, b"<a@example.net>", login="alice", sender=b"<alice@example.org>")
    for mechanism, rule in (("PLAIN", "permit authorised-login"), ("LOGIN", "reject no-rule")):
        exempt = restricted()
        free = Ruleset(exempt.rules, exempt.restrictions[:1], exempt.refusals, exempt.ways)
        decision = free.decide(alice._replace(told=Told(mechanism)))
        assert rule == f"{decision.word} {decision.rule}"
