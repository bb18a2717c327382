"""Grants: all that one names must agree, and each is narrow."""

from __future__ import annotations

from typing import Any

import pytest

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Certificate, Macros, Need
from relaymilter.policy.grants import Grant, Grants
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.recipients import Ours
from relaymilter.policy.relay import permit_grant
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import NoOpinion, Permit
from tests.policy.asking import LOCAL_NAMES, RELAY_NAMES, FailingNames, outcome, relay_rules
from tests.policy.maps import asks

TODAY = "2025-03-01"
NOBODY = NoOpinion("no grant names this client, login and certificate")
OURS = Ours(DomainList(LOCAL_NAMES), (DomainList(RELAY_NAMES),))
CERTIFICATE = Certificate("client.kite.test", "CA")


def networks(*texts: str) -> Addresses:
    """These networks."""
    return Addresses(Networks(map(parse_network, texts)))


def ask(
    *grants: Grant, today: str = TODAY, fold: Fold = Fold.EXACT, recipient: str = "<bob@else.test>", **asked: Any
) -> Permit | NoOpinion:
    """What the rule says of this request on that day."""
    return permit_grant(Grants(grants, fold, lambda: today, OURS)).ask(asks(recipient, **asked))


OFFICE = Grant("office", networks=networks("198.51.100.0/24", "!198.51.100.66", "2001:db8:5::/48"))
JOE = Grant("joe", logins=frozenset({"joe", "@kite.test"}))
SIGNED = Grant("signed", certificates=frozenset({"client.kite.test|CA"}))
ALL = Grant(
    "all",
    networks=networks("198.51.100.0/24"),
    logins=frozenset({"joe"}),
    certificates=frozenset({"client.kite.test|CA"}),
    senders=Mailboxes(frozenset({"joe@kite.test"})),
    recipients=Mailboxes(frozenset({"else.test"})),
    until="2025-03-01",
)


@pytest.mark.parametrize(
    ("grant", "asked", "answer"),
    [
        pytest.param(OFFICE, {"address": "198.51.100.7"}, Permit("granted: office"), id="network"),
        pytest.param(OFFICE, {"address": "::ffff:198.51.100.7"}, Permit("granted: office"), id="network, mapped"),
        pytest.param(OFFICE, {"address": "2001:db8:5::7"}, Permit("granted: office"), id="network, IPv6"),
        pytest.param(OFFICE, {"address": "198.51.100.66"}, NOBODY, id="excluded"),
        pytest.param(OFFICE, {"address": "::ffff:198.51.100.66"}, NOBODY, id="excluded, mapped"),
        pytest.param(OFFICE, {"address": "203.0.113.7"}, NOBODY, id="other network"),
        pytest.param(OFFICE, {"address": ""}, NOBODY, id="no address"),
        pytest.param(OFFICE, {"address": "198.51.100.7%eth0"}, NOBODY, id="zone"),
        pytest.param(OFFICE, {"login": "joe"}, NOBODY, id="a login is no network"),
        pytest.param(JOE, {"login": "joe"}, Permit("granted: joe"), id="login"),
        pytest.param(JOE, {"login": "ann@Kite.test"}, Permit("granted: joe"), id="realm"),
        pytest.param(JOE, {"login": "@kite.test"}, NOBODY, id="looks like a realm"),
        pytest.param(JOE, {"login": "Joe"}, NOBODY, id="login in another case"),
        pytest.param(JOE, {"login": "Joe", "fold": Fold.LOWER}, Permit("granted: joe"), id="login, folded"),
        pytest.param(JOE, {"login": None}, NOBODY, id="no login"),
        pytest.param(JOE, {"login": ""}, NOBODY, id="empty login"),
        pytest.param(SIGNED, {"macros": Macros(certificate=CERTIFICATE)}, Permit("granted: signed"), id="certificate"),
        pytest.param(SIGNED, {"macros": Macros(certificate=Certificate("client.kite.test", "X"))}, NOBODY, id="issuer"),
        pytest.param(
            SIGNED, {"macros": Macros(certificate=Certificate("client.kite.test|CA", ""))}, NOBODY, id="one name"
        ),
        pytest.param(SIGNED, {}, NOBODY, id="no certificate"),
        pytest.param(Grant("none", networks=Addresses()), {}, NOBODY, id="no network at all"),
        pytest.param(Grant("none", logins=frozenset()), {"login": "joe"}, NOBODY, id="no login at all"),
    ],
)
def test_who(grant: Grant, asked: dict[str, Any], answer: Permit | NoOpinion) -> None:
    """A grant is for a client by its address, its login or its certificate."""
    assert answer == ask(grant, **asked)


FITS: dict[str, Any] = {"address": "198.51.100.7", "login": "joe", "macros": Macros(certificate=CERTIFICATE)}


@pytest.mark.parametrize(
    ("but", "answer"),
    [
        pytest.param({}, Permit("granted: all"), id="nothing"),
        pytest.param({"address": "203.0.113.7"}, NOBODY, id="network"),
        pytest.param({"login": "ann"}, NOBODY, id="login"),
        pytest.param({"macros": Macros()}, NOBODY, id="certificate"),
        pytest.param({"sender": "<boss@kite.test>"}, NoOpinion("all: another sender"), id="sender"),
        pytest.param({"recipient": "<bob@third.test>"}, NoOpinion("all: another recipient"), id="recipient"),
        pytest.param({"recipient": "<bob@kite.test>"}, NoOpinion("all: another recipient"), id="recipient of ours"),
        pytest.param({"today": "2025-03-02"}, NoOpinion("all: ended on 2025-03-01"), id="day"),
    ],
)
def test_all_must_agree(but: dict[str, Any], answer: Permit | NoOpinion) -> None:
    """One thing that differs is enough for no grant; what differs is told to whom the grant is for."""
    assert answer == ask(ALL, **(FITS | but))


@pytest.mark.parametrize(
    ("until", "today", "granted"),
    [
        pytest.param("2025-02-28", "2025-02-27", True, id="the day before"),
        pytest.param("2025-02-28", "2025-02-28", True, id="the last day"),
        pytest.param("2025-02-28", "2025-03-01", False, id="the day after, in another month"),
        pytest.param("2024-12-31", "2025-01-01", False, id="the day after, in another year"),
        pytest.param("2025-09-30", "2025-10-01", False, id="month of two digits"),
        pytest.param("9999-12-31", "2025-10-01", True, id="far away"),
        pytest.param("", "9999-12-31", True, id="no end"),
    ],
)
def test_until(until: str, today: str, granted: bool) -> None:
    """A grant holds to the end of its last day."""
    answer = ask(Grant("joe", logins=frozenset({"joe"}), until=until), login="joe", today=today)
    assert granted is isinstance(answer, Permit)


@pytest.mark.parametrize(
    "until",
    ["tomorrow", "2025-3-1", "2025/03/01", "01.03.2025", "2025-03-01T00:00", "\u0662025-03-01", " ", "2025-03-01\n"],
)
def test_no_day(until: str) -> None:
    """What is no day would never end, and makes no grant."""
    with pytest.raises(ValueError, match="give YYYY-MM-DD"):
        Grant("joe", logins=frozenset({"joe"}), until=until)


def test_a_sender_is_not_enough() -> None:
    """A grant must say who; what is easy to forge, and whom one writes to, does not."""
    with pytest.raises(ValueError, match="easy to forge"):
        Grant("x", senders=Mailboxes(frozenset({"joe@kite.test"})), to_ours=True, until="2025-03-01")


@pytest.mark.parametrize(
    ("sender", "granted"),
    [
        pytest.param("<joe@kite.test>", True, id="listed"),
        pytest.param("<JOE+x@KITE.test>", True, id="case and tag"),
        pytest.param("<x@relay.test>", True, id="domain"),
        pytest.param("<>", True, id="null"),
        pytest.param("", True, id="empty"),
        pytest.param("< >", False, id="null, odd"),
        pytest.param("<boss@kite.test>", False, id="other"),
        pytest.param("<relay.test>", False, id="bare, like a domain"),
        pytest.param('<"joe@kite.test"@else.test>', False, id="quoted at"),
        pytest.param("<boss%kite.test@relay.test>", False, id="percent"),
        pytest.param("<@h.test:joe@kite.test>", False, id="source route"),
        pytest.param("<joe@kite.test>,<x@else.test>", False, id="malformed"),
    ],
)
def test_from(sender: str, granted: bool) -> None:
    """Senders narrow a grant to what is certainly listed."""
    listed = Mailboxes(frozenset({"joe@kite.test", "relay.test", "<>"}))
    answer = ask(Grant("joe", logins=frozenset({"joe"}), senders=listed), login="joe", sender=sender)
    assert granted is isinstance(answer, Permit)


TO_OURS = Grant("ours", logins=frozenset({"joe"}), to_ours=True)
TO_LISTED = Grant(
    "listed", logins=frozenset({"joe"}), recipients=Mailboxes(frozenset({"bob@else.test", ".sub.example"}))
)
TO_BOTH = Grant("both", logins=frozenset({"joe"}), to_ours=True, recipients=TO_LISTED.recipients)
TO_ANY = Grant("any", logins=frozenset({"joe"}))


@pytest.mark.parametrize(
    ("recipient", "by"),
    [
        pytest.param("<bob@kite.test>", "ours both any", id="ours"),
        pytest.param("<bob@relay.test>", "ours both any", id="relayed"),
        pytest.param("<postmaster>", "ours both any", id="postmaster"),
        pytest.param("<Bob+x@else.test>", "listed both any", id="listed"),
        pytest.param("<ann@a.sub.example>", "listed both any", id="listed domain"),
        pytest.param("<ann@else.test>", "any", id="other"),
        pytest.param("<ann@sub.example>", "any", id="parent"),
        pytest.param("<bob%else.test@kite.test>", "any", id="percent"),
        pytest.param("<x%y@a.sub.example>", "any", id="percent at a listed domain"),
        pytest.param('<"bob"@else.test>', "any", id="quoted: not plain"),
        pytest.param('<"x@third.test"@a.sub.example>', "any", id="quoted at"),
        pytest.param("<@a.sub.example:x@third.test>", "any", id="source route"),
        pytest.param("<bob@else.test>,<x@third.test>", "any", id="malformed"),
        pytest.param("<.sub.example>", "any", id="bare"),
    ],
)
@pytest.mark.parametrize("grant", [TO_OURS, TO_LISTED, TO_BOTH, TO_ANY], ids=lambda grant: grant.name)
def test_to(grant: Grant, recipient: str, by: str) -> None:
    """Recipients narrow a grant to ours, to what is listed and plain, or to both."""
    assert (grant.name in by.split()) is isinstance(ask(grant, login="joe", recipient=recipient), Permit)


def test_witness_against_a_recipient_of_ours() -> None:
    """Where the MTA reads a path that is not plain as another's, it is not ours."""
    for rcpt_addr, kind in ((b"b@kite.test", Permit), (b"b@else.test", NoOpinion)):
        assert isinstance(ask(TO_OURS, login="joe", recipient='<"b"@kite.test>', rcpt_addr=rcpt_addr), kind)


def test_first_grant_that_fits() -> None:
    """Grants are asked in their order; those that are for this client and do not cover the mail are told of."""
    assert Permit("granted: any") == ask(OFFICE, TO_OURS, TO_ANY, TO_BOTH, login="joe")
    assert NoOpinion("ours: another recipient; listed: another recipient") == ask(
        TO_OURS, OFFICE, TO_LISTED, login="joe", recipient="<x@third.test>"
    )


def test_no_grants() -> None:
    """None at all permit nothing."""
    assert ask(login="joe") == NOBODY


class Waiting:
    """A table that can only be asked where one may wait."""

    def __contains__(self, name: object, /) -> bool:
        raise MustWait


DOWN = Grant("down", logins=FailingNames())
WAITS = Grant("waits", logins=Waiting())


@pytest.mark.parametrize(
    "grants", [(DOWN, TO_ANY), (TO_ANY, DOWN), (WAITS, DOWN, TO_ANY)], ids=["first", "last", "both"]
)
def test_a_grant_that_cannot_be_asked_does_not_close_the_others(grants: tuple[Grant, ...]) -> None:
    """Where another grant covers the mail, it is granted."""
    assert Permit("granted: any") == ask(*grants, login="joe")


@pytest.mark.parametrize(
    ("grants", "problem"),
    [
        pytest.param((DOWN, TO_OURS), LookupFailed, id="down"),
        pytest.param((DOWN, DOWN), LookupFailed, id="down twice"),
        pytest.param((WAITS, DOWN), MustWait, id="waiting, then down"),
        pytest.param((DOWN, WAITS), MustWait, id="down, then waiting"),
    ],
)
def test_no_answer(grants: tuple[Grant, ...], problem: type[Exception]) -> None:
    """Where no other grant does, there is no answer yet, or none at all."""
    with pytest.raises(problem):
        ask(*grants, login="joe")


def test_down_defers() -> None:
    """In a rule set a grant that cannot be asked makes a refusal a 4xx, and spoils no other rule."""
    rule = permit_grant(Grants((DOWN,), Fold.EXACT, lambda: TODAY, OURS))
    others = relay_rules(logins=frozenset())
    assert outcome(Ruleset((rule, *others)).decide(asks(login="joe"))) == "defer uncertain"
    assert outcome(Ruleset((rule, *others)).decide(asks("<b@kite.test>", login="joe"))) == "permit local-recipient"
    assert outcome(Ruleset((rule, *others)).decide(asks())) == "reject no-rule"


def test_domains_of_ours_are_asked_last() -> None:
    """A listed recipient is granted with the domains down; of others it cannot be told."""

    unknown = Ours(DomainList(FailingNames()))
    rule = permit_grant(Grants((TO_BOTH,), Fold.EXACT, lambda: TODAY, unknown))
    assert isinstance(rule.ask(asks("<bob@else.test>", login="joe")), Permit)
    with pytest.raises(LookupFailed):
        rule.ask(asks("<bob@kite.test>", login="joe"))


@pytest.mark.parametrize(
    ("grants", "needs"),
    [
        pytest.param((), set(), id="none"),
        pytest.param((JOE, OFFICE), set(), id="login and network"),
        pytest.param((JOE, SIGNED), {Need.CERTIFICATE}, id="certificate"),
    ],
)
def test_needs(grants: tuple[Grant, ...], needs: set[Need]) -> None:
    """The MTA is asked for certificates where a grant names some."""
    assert needs == permit_grant(Grants(grants, Fold.EXACT, lambda: TODAY, OURS)).needs


def test_no_domains_of_ours() -> None:
    """Where no domain is ours every recipient is foreign."""
    assert not Ours(DomainList(frozenset())).holds(asks("<b@kite.test>"))


@pytest.mark.parametrize(
    ("grants", "waits"), [((TO_ANY, TO_LISTED), False), ((TO_ANY, TO_OURS), True)], ids=["no need", "local recipients"]
)
def test_waits(grants: tuple[Grant, ...], waits: bool) -> None:
    """Grants may have to wait for the domains of ours, where one asks for these."""

    class Slow(Waiting):
        waits = True

    assert waits is permit_grant(Grants(grants, Fold.EXACT, lambda: TODAY, Ours(DomainList(Slow())))).waits
    assert not permit_grant(Grants(grants, Fold.EXACT, lambda: TODAY, OURS)).waits
