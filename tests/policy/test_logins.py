"""Logins: how they are compared, which are authorised, where they may come from, whom they may write to."""

from __future__ import annotations

import pytest

from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Macros, Need
from relaymilter.policy.logins import (
    CLIENT_REFUSED,
    RECIPIENT_REFUSED,
    Fold,
    Ways,
    bound_of,
    is_among,
    parse_networks,
    parse_recipients,
    realm_key,
    reject_login_client,
    reject_login_recipient,
)
from relaymilter.policy.ports import LookupFailed
from relaymilter.policy.recipients import Ours
from relaymilter.policy.relay import permit_authorised_login
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import NoOpinion, Permit, Reject
from tests.policy.asking import LOCAL_NAMES, RELAY_NAMES, FailingNames
from tests.policy.maps import FailingMap, Known, asks, table

KELVIN = "\u212aim"
"""It looks like `Kim`, and str.lower() makes `kim` of it."""
DOTTED = "\u0130rma"
FULL_WIDTH = "\uff4bim"
COMPOSED, DECOMPOSED = "j\u00f6", "jo\u0308"

OURS = Ours(DomainList(LOCAL_NAMES), (DomainList(RELAY_NAMES),))


@pytest.mark.parametrize(
    ("login", "exact", "lower", "local", "lower_local"),
    [
        pytest.param("joe", "joe", "joe", "joe", "joe", id="bare"),
        pytest.param("Joe@Kite.test", "Joe@Kite.test", "joe@kite.test", "Joe", "joe", id="realm"),
        pytest.param("@Kite.test", *["@kite.test"] * 4, id="an entry for a realm"),
        pytest.param("joe@", "joe@", "joe@", "joe", "joe", id="empty realm"),
        pytest.param("A@b@C", "A@b@C", "a@b@c", "A@b@C", "a@b@c", id="two at signs"),
        pytest.param("@", *["@"] * 4, id="at sign alone"),
        pytest.param("*", *["*"] * 4, id="asterisk"),
        pytest.param(KELVIN, *[KELVIN] * 4, id="KELVIN SIGN"),
        pytest.param(DOTTED, *[DOTTED] * 4, id="dotted I"),
        pytest.param(FULL_WIDTH, *[FULL_WIDTH] * 4, id="full-width"),
        pytest.param("\u00c9VA", "\u00c9VA", "\u00c9va", "\u00c9VA", "\u00c9va", id="capital beyond ASCII"),
        pytest.param("JO\u0308", "JO\u0308", "jo\u0308", "JO\u0308", "jo\u0308", id="decomposed"),
        pytest.param("Jo, Al", "Jo, Al", "jo, al", "Jo, Al", "jo, al", id="blank and comma"),
    ],
)
def test_fold(login: str, exact: str, lower: str, local: str, lower_local: str) -> None:
    """Of ASCII letters the case may not count, of a single realm all of it; folding twice changes nothing more."""
    folds = (Fold.EXACT, Fold.LOWER, Fold.LOCAL, Fold.LOWER_LOCAL)
    assert (exact, lower, local, lower_local) == tuple(fold.of(login) for fold in folds)
    assert all(fold.of(login) == fold.of(fold.of(login)) for fold in folds)


@pytest.mark.parametrize(
    ("login", "key"),
    [
        pytest.param("joe", None, id="bare"),
        pytest.param("Joe@Kite.TEST", "@kite.test", id="realm"),
        pytest.param("a@b@kite.test", "@kite.test", id="two at signs"),
        pytest.param("joe@", None, id="empty realm"),
        pytest.param("@kite.test", None, id="no name"),
        pytest.param("@", None, id="at sign alone"),
        pytest.param("joe@\u212aite.test", "@\u212aite.test", id="KELVIN SIGN"),
    ],
)
def test_realm_key(login: str, key: str | None) -> None:
    """A login stands in a list by its realm, too, which is in lower case whatever the fold."""
    assert key == realm_key(login)


LISTED = frozenset({"kim", "irma", COMPOSED, "joe@kite.test", "@relay.test", "*", "a", "boss"})


@pytest.mark.parametrize(
    ("login", "fold", "among"),
    [
        pytest.param("kim", Fold.EXACT, True, id="listed"),
        pytest.param("Kim", Fold.EXACT, False, id="case"),
        pytest.param("Kim", Fold.LOWER, True, id="case folded"),
        pytest.param(KELVIN, Fold.LOWER_LOCAL, False, id="KELVIN SIGN"),
        pytest.param(DOTTED, Fold.LOWER_LOCAL, False, id="dotted I"),
        pytest.param(FULL_WIDTH, Fold.LOWER_LOCAL, False, id="full-width"),
        pytest.param(COMPOSED, Fold.LOWER, True, id="composed"),
        pytest.param(DECOMPOSED, Fold.LOWER, False, id="decomposed"),
        pytest.param("kim@else.test", Fold.EXACT, False, id="other realm"),
        pytest.param("kim@else.test", Fold.LOCAL, True, id="realm folded away"),
        pytest.param("kim@x@else.test", Fold.LOCAL, False, id="two at signs"),
        pytest.param("joe@kite.test@else.test", Fold.LOCAL, False, id="a listed login with another realm"),
        pytest.param("joe@kite.test", Fold.EXACT, True, id="listed with its realm"),
        pytest.param("joe@kite.testing", Fold.EXACT, False, id="an entry is its beginning"),
        pytest.param("joe@kite.tes", Fold.EXACT, False, id="the beginning of an entry"),
        pytest.param("ann@relay.test", Fold.EXACT, True, id="realm"),
        pytest.param("ann@RELAY.test", Fold.EXACT, True, id="realm, case"),
        pytest.param("ann@a.relay.test", Fold.EXACT, False, id="below a realm"),
        pytest.param("ann@relay.test@else.test", Fold.EXACT, False, id="realm in the middle"),
        pytest.param("@relay.test", Fold.EXACT, False, id="looks like an entry"),
        pytest.param("@", Fold.EXACT, False, id="at sign alone"),
        pytest.param("kim,boss", Fold.EXACT, False, id="comma"),
        pytest.param("kim boss", Fold.EXACT, False, id="blank"),
        pytest.param("kim ", Fold.EXACT, False, id="blank at the end"),
        pytest.param("kim\n", Fold.EXACT, False, id="line feed"),
        pytest.param("kim+x", Fold.LOWER, False, id="tag"),
    ],
)
def test_is_among(login: str, fold: Fold, among: bool) -> None:
    """A list that opens holds a login exactly, its ASCII case or its realm aside where the fold says so."""
    assert among is is_among(login, LISTED, fold)


def test_asterisk_in_a_list_is_no_wildcard() -> None:
    """`*` means all others in a map alone."""
    assert not is_among("joe", frozenset({"*"}), Fold.EXACT)


@pytest.mark.parametrize(
    ("login", "value", "asked"),
    [
        pytest.param("joe@kite.test", "joe's", ["joe@kite.test"], id="login"),
        pytest.param("ann@Kite.test", "kite's", ["ann@Kite.test", "ann@kite.test", "ann", "@kite.test"], id="realm"),
        pytest.param("hall@Kite.test", "hall's", ["hall@Kite.test", "hall@kite.test", "hall"], id="name before realm"),
        pytest.param("hall@", "hall's", ["hall@", "hall"], id="empty realm"),
        pytest.param("hall@x@kite.test", "kite's", ["hall@x@kite.test", "@kite.test"], id="two at signs"),
        pytest.param("ann@else.test", "all", ["ann@else.test", "ann", "@else.test", "*"], id="all others"),
        pytest.param("HALL", "hall's", ["HALL", "hall"], id="case"),
        pytest.param("Hall@Else.test", "hall's", ["Hall@Else.test", "hall@else.test", "Hall", "hall"], id="both"),
        pytest.param("\u212aim", "all", ["\u212aim", "*"], id="KELVIN SIGN is no k"),
        pytest.param("*", "all", ["*"], id="asterisk"),
        pytest.param("@kite.test", "kite's", ["@kite.test"], id="looks like an entry: bound as it"),
    ],
)
def test_bound_of(login: str, value: str, asked: list[str]) -> None:
    """The most specific entry of a map decides, and every spelling of a login is bound."""
    known = Known({"joe@kite.test": "joe's", "hall": "hall's", "@kite.test": "kite's", "*": "all"})
    assert (value, asked) == (bound_of(login, known), known.asked)


def test_bound_of_nobody() -> None:
    """A login that is in no entry has no bound."""
    assert bound_of("joe", Known({"ann": "x"})) is None


@pytest.mark.parametrize("names", [frozenset({"@kite.test"}), FailingNames()], ids=["realm known", "all down"])
def test_a_list_that_is_down_is_no_answer(names: frozenset[str] | FailingNames) -> None:
    """A login that cannot be looked up is neither listed nor not."""
    if isinstance(names, FailingNames):
        with pytest.raises(LookupFailed):
            is_among("joe@kite.test", names, Fold.EXACT)
    else:
        assert is_among("joe@kite.test", names, Fold.EXACT)


# Which logins are authorised.


@pytest.mark.parametrize(
    ("logins", "fold", "answer"),
    [
        pytest.param(None, Fold.EXACT, Permit("every login is authorised"), id="no conditions"),
        pytest.param({"@kite.test"}, Fold.EXACT, Permit("this login is authorised"), id="its realm is listed"),
        pytest.param({"joe"}, Fold.LOWER_LOCAL, Permit("this login is authorised"), id="folded"),
        pytest.param({"joe"}, Fold.EXACT, NoOpinion("this login is not authorised"), id="another by its realm"),
    ],
)
def test_authorised(logins: set[str] | None, fold: Fold, answer: Permit | NoOpinion) -> None:
    """A login authorises by its name, as exactly as the fold says."""
    assert answer == permit_authorised_login(logins, fold).ask(asks(login="Joe@kite.test"))


# By which ways a login comes, so that it is one.

SUBMISSION = ("submission", "192.0.2.25", "587")
BY_PLAIN = Ways(mechanisms=frozenset({"PLAIN"}))
ON_587 = Ways(listeners=frozenset({"587"}))
BY_BOTH = Ways(frozenset({"PLAIN"}), frozenset({"587"}))


@pytest.mark.parametrize(
    ("ways", "macros", "objection"),
    [
        pytest.param(Ways(), Macros(), None, id="no conditions"),
        pytest.param(BY_PLAIN, Macros(mechanism="plain"), None, id="mechanism, case"),
        pytest.param(BY_PLAIN, Macros(mechanism="LOGIN"), "the mechanism LOGIN makes no login", id="other mechanism"),
        pytest.param(
            BY_PLAIN, Macros(mechanism="PLA\u0131N"), "the mechanism PLA\u0131N makes no login", id="dotless i"
        ),
        pytest.param(BY_PLAIN, Macros(), "the mechanism that was not told makes no login", id="mechanism not told"),
        pytest.param(
            Ways(frozenset({""})),
            Macros(),
            "the mechanism that was not told makes no login",
            id="not the empty one",
        ),
        pytest.param(Ways(frozenset()), Macros(mechanism="PLAIN"), "the mechanism PLAIN makes no login", id="none"),
        *(
            pytest.param(Ways(listeners=frozenset({name})), Macros(listener=SUBMISSION), None, id=f"listener {name}")
            for name in SUBMISSION
        ),
        pytest.param(
            Ways(listeners=frozenset({"submissions", "465"})),
            Macros(listener=SUBMISSION),
            "the listener submission 192.0.2.25 587 takes no logins",
            id="other listener",
        ),
        pytest.param(ON_587, Macros(), "the listener that was not told takes no logins", id="listener not told"),
        pytest.param(BY_BOTH, Macros("PLAIN", SUBMISSION), None, id="both"),
    ],
)
def test_ways(ways: Ways, macros: Macros, objection: str | None) -> None:
    """A login is one by how it was proved and by where: by all that is asked."""
    assert ways.objection(macros) == (None if objection is None else NoOpinion(objection))


@pytest.mark.parametrize(
    ("ways", "needs"),
    [
        pytest.param(Ways(), set(), id="nothing"),
        pytest.param(Ways(mechanisms=frozenset()), {Need.MECHANISM}, id="mechanism"),
        pytest.param(Ways(listeners=frozenset()), {Need.LISTENER}, id="listener"),
    ],
)
def test_needs(ways: Ways, needs: set[Need]) -> None:
    """The MTA is asked for what a login is judged by."""
    assert needs == Ruleset(ways=ways).needs


# Where a login may come from.

FROM = table(
    parse_networks,
    {
        "joe": "192.0.2.0/24, !192.0.2.66 2001:db8:1::/48",
        "mapped": "::ffff:192.0.2.0/120",
        "@kite.test": "198.51.100.0/24",
        "nowhere": "",
        "never": "!192.0.2.0/24",
        "broken": "192.0.2.0/24, office",
        "wide": "0.0.0.0/0",
    },
)


@pytest.mark.parametrize(
    ("login", "address", "refused"),
    [
        pytest.param("joe", "192.0.2.7", False, id="inside"),
        pytest.param("joe", "::ffff:192.0.2.7", False, id="inside, mapped"),
        pytest.param("joe", "2001:db8:1::7", False, id="inside, IPv6"),
        pytest.param("joe", "192.0.3.7", True, id="outside"),
        pytest.param("joe", "192.0.2.66", True, id="excluded"),
        pytest.param("joe", "::ffff:192.0.2.66", True, id="excluded, mapped"),
        pytest.param("mapped", "192.0.2.7", False, id="network given as mapped"),
        pytest.param("joe", "", True, id="no address"),
        pytest.param("joe", "unknown", True, id="no address but a word"),
        pytest.param("joe", "fe80::1%eth0", True, id="zone"),
        pytest.param("ann@kite.test", "198.51.100.7", False, id="realm"),
        pytest.param("ann@KITE.test", "192.0.2.7", True, id="realm, outside"),
        pytest.param("nowhere", "192.0.2.7", True, id="no networks"),
        pytest.param("never", "192.0.2.7", True, id="only exclusions, inside"),
        pytest.param("never", "198.51.100.7", True, id="only exclusions, outside"),
        pytest.param("other", "203.0.113.7", False, id="not bound"),
        pytest.param("other@else.test", "203.0.113.7", False, id="not bound, nor its realm"),
        pytest.param(None, "203.0.113.7", False, id="no login"),
        pytest.param("", "203.0.113.7", False, id="empty login"),
    ],
)
def test_login_client(login: str | None, address: str, refused: bool) -> None:
    """A login that is bound to networks comes from them, or is refused."""
    answer = reject_login_client(FROM).ask(asks(login=login, address=address))
    assert refused is isinstance(answer, Reject)
    assert not refused or answer == Reject(CLIENT_REFUSED, "the client is in no network of this login")


@pytest.mark.parametrize("login", ["broken", "wide"])
def test_broken_networks(login: str) -> None:
    """A value of which one word is no network is no answer, from the networks that it has, too."""
    for _ in range(2):
        with pytest.raises(LookupFailed, match="the value of (broken|wide): "):
            reject_login_client(FROM).ask(asks(login=login, address="192.0.2.7"))


def test_all_others_are_bound() -> None:
    """`*` binds every login that has no entry of its own, however it is written."""
    ask = reject_login_client(table(parse_networks, {"kim": "192.0.2.0/24", "*": ""})).ask
    assert isinstance(ask(asks(login="Kim@kite.test", address="192.0.2.7")), NoOpinion)
    for login in ("joe", KELVIN, FULL_WIDTH, "kim@a@b", "@kim", "*", "kim "):
        assert isinstance(ask(asks(login=login, address="192.0.2.7")), Reject), login


# Whom a login may write to.

TO = table(
    parse_recipients,
    {
        "inside": "internal",
        "some": "Internal, Bob@else.test Else.example, .sub.example @at.example b\u00fccher.example",
        "none": "none",
        "empty": "",
        "both": "none, bob@else.test",
        "broken": "bob@else.test, b..ob@",
        "names": "bob",
    },
)


@pytest.mark.parametrize(
    ("login", "recipient", "refused"),
    [
        pytest.param("inside", "<bob@kite.test>", False, id="ours"),
        pytest.param("inside", "<bob@relay.test>", False, id="relayed"),
        pytest.param("inside", "<postmaster>", False, id="postmaster"),
        pytest.param("inside", "<bob@else.test>", True, id="foreign"),
        pytest.param("inside", "<bob%else.test@kite.test>", True, id="percent"),
        pytest.param("inside", '<"bob@else.test"@kite.test>', True, id="quoted at"),
        pytest.param("inside", "<@kite.test:bob@else.test>", True, id="source route"),
        pytest.param("inside", "<bob@kite.test>,<x@else.test>", True, id="malformed"),
        pytest.param("inside", "<bob@internal>", True, id="a domain of that name"),
        pytest.param("some", "<bob@kite.test>", False, id="ours among others"),
        pytest.param("some", "<BOB@ELSE.test>", False, id="mailbox"),
        pytest.param("some", "<bob+tag@else.test>", False, id="mailbox with a tag"),
        pytest.param("some", "<ann@else.test>", True, id="other mailbox"),
        pytest.param("some", "<xbob@else.test>", True, id="mailbox as end"),
        pytest.param("some", "<ann@else.example>", False, id="domain"),
        pytest.param("some", "<ann@a.else.example>", True, id="below a domain"),
        pytest.param("some", "<ann@a.sub.example>", False, id="subdomain"),
        pytest.param("some", "<ann@sub.example>", True, id="parent of a subdomain"),
        pytest.param("some", "<ann@at.example>", False, id="domain with at"),
        pytest.param("some", "<ann@xn--bcher-kva.example>", False, id="U-label in the value"),
        pytest.param("some", '<"bob"@else.test>', True, id="quoted: not plain"),
        pytest.param("some", "<bob%else.example@else.example>", True, id="percent at a domain"),
        pytest.param("some", "<bob@else.example.>", True, id="trailing dot"),
        pytest.param("some", "<else.example>", True, id="bare local part like a domain"),
        pytest.param("none", "<bob@kite.test>", True, id="none"),
        pytest.param("empty", "<bob@kite.test>", True, id="empty value"),
        pytest.param("both", "<bob@else.test>", False, id="none and more"),
        pytest.param("both", "<none>", True, id="a name that is the word"),
        pytest.param("names", "<bob>", True, id="a bare name is not plain"),
        pytest.param("other", "<bob@else.test>", False, id="not bound"),
        pytest.param(None, "<bob@else.test>", False, id="no login"),
        pytest.param("", "<bob@else.test>", False, id="empty login"),
    ],
)
def test_login_recipient(login: str | None, recipient: str, refused: bool) -> None:
    """A login that is bound to recipients writes to them, by plain paths, or is refused."""
    answer = reject_login_recipient(TO, OURS).ask(asks(recipient, login=login))
    assert refused is isinstance(answer, Reject), answer
    assert not isinstance(answer, Reject) or answer.reply is RECIPIENT_REFUSED


def test_broken_recipients() -> None:
    """A value of which one word is no mailbox is no answer, to those that it has, too."""
    with pytest.raises(LookupFailed, match="the value of broken: "):
        reject_login_recipient(TO, OURS).ask(asks("<bob@else.test>", login="broken"))


def test_what_is_told_of_a_refused_recipient() -> None:
    """The trail has what the login may write to."""
    ask = reject_login_recipient(TO, OURS).ask
    for login, said in (("inside", "internal"), ("empty", "none")):
        assert f"this login may write to {said}" == ask(asks(login=login)).reason


def test_domains_that_are_down() -> None:
    """Where it cannot be told what is ours, a listed mailbox is one all the same, and for others there is no answer."""
    ask = reject_login_recipient(TO, Ours(DomainList(FailingNames()))).ask
    assert isinstance(ask(asks("<bob@else.test>", login="some")), NoOpinion)
    with pytest.raises(LookupFailed):
        ask(asks("<bob@kite.test>", login="some"))


def test_maps_that_are_down() -> None:
    """A map is asked only where there is a login, and then one that is down is no answer."""
    for ask in (
        reject_login_client(FailingMap()).ask,
        reject_login_recipient(FailingMap(), OURS).ask,
    ):
        assert NoOpinion("no login") == ask(asks())
        with pytest.raises(LookupFailed):
            ask(asks(login="joe"))


class _Waiting(FailingMap):
    """One that has to be waited for."""

    waits = True


def test_what_must_be_waited_for_makes_a_restriction_wait() -> None:
    """So it is asked in a thread that may."""
    here, waiting = Ours(DomainList(frozenset())), Ours(DomainList(_WaitingNames()))
    assert reject_login_client(_Waiting()).waits
    assert not reject_login_client(FailingMap()).waits
    assert reject_login_recipient(_Waiting(), here).waits
    assert reject_login_recipient(FailingMap(), waiting).waits
    assert not reject_login_recipient(FailingMap(), here).waits


class _WaitingNames(FailingNames):
    waits = True
