"""Senders: a login sends only as what it owns, the null sender is for some, and local clients have theirs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pytest

from relaymilter.lookups.first_of import FirstOf
from relaymilter.milter.replies import Mta, words
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import NULL_PATH, Mailboxes
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed, Map, Names
from relaymilter.policy.senders import (
    NOT_ALLOWED,
    NOT_OWNED,
    Owned,
    is_null,
    may_be_null,
    parse_owners,
    reject_local_client_sender,
    reject_null_sender,
    reject_sender_not_owned,
    sender_path,
)
from relaymilter.policy.verdict import NoOpinion, Reject
from tests.policy.asking import FailingNames
from tests.policy.maps import FailingMap, Known, asks, table

NULL_FORMS = [b"< >", b"<(c)>", b"<<>>", b"(c)<>", b"<> ", b'<"">', b"<@h.test:>", b"<boss:;>", b"<\t>"]
"""What Postfix 3.7 takes for the null sender, and Sendmail 8.17, where it does not refuse it."""

SPOOFS = [
    pytest.param('<"boss@kite.test"@else.test>', id="quoted mailbox at another domain"),
    pytest.param('<"boss@kite.test"@kite.test>', id="quoted mailbox at its domain"),
    pytest.param('<"boss@kite.test">', id="quoted mailbox, bare"),
    pytest.param("<@h.test:boss@kite.test>", id="source route"),
    pytest.param("<@h.test:joe@kite.test>", id="source route to one's own"),
    pytest.param("<boss%kite.test@else.test>", id="percent"),
    pytest.param("<boss%kite.test@own.test>", id="percent at one's own domain"),
    pytest.param("<boss%kite.test>", id="percent, bare"),
    pytest.param("<kite.test!boss>", id="bang, bare"),
    pytest.param("<kite.test!boss@own.test>", id="bang at one's own domain"),
    pytest.param("<boss@kite.test@own.test>", id="two at signs"),
    pytest.param('<boss"@"kite.test@own.test>', id="quoted at sign between"),
    pytest.param(r"<boss\@kite.test@own.test>", id="escaped at sign"),
    pytest.param("<joe@kite.test>,<boss@kite.test>", id="two mailboxes"),
    pytest.param("<g:boss@kite.test;>", id="group"),
    pytest.param("<boss@kite.test", id="no closing bracket"),
    pytest.param("<joe@kite.test> <boss@kite.test>", id="something follows"),
    pytest.param("<boss>", id="bare"),
    pytest.param("<joe>", id="one's own, bare"),
    pytest.param("<own.test>", id="bare, like one's own domain"),
    pytest.param("<.own.test>", id="bare, like one's own subdomains"),
    pytest.param("<BOSS@KITE.TEST>", id="case"),
    pytest.param("<boss+x@kite.test>", id="tag"),
    pytest.param("<boss+joe+x@kite.test>", id="two tags"),
    pytest.param('<"boss"@kite.test>', id="quoted"),
    pytest.param(r"<bo\ss@kite.test>", id="escaped"),
    pytest.param("<boss(joe)@kite.test>", id="comment"),
    pytest.param("joe@kite.test(<boss@kite.test>)x", id="comment with brackets"),
    pytest.param("<boss@kite.test.>", id="trailing dot"),
    pytest.param("boss@kite.test", id="no brackets"),
    pytest.param("< boss @ kite.test >", id="blanks"),
    pytest.param("<boss@kite.test> SIZE=1", id="parameter"),
    pytest.param("<boss@notown.test>", id="one's own domain as end"),
    pytest.param("<boss@own.test.else.test>", id="one's own domain as beginning"),
    pytest.param("<x@[192.0.2.25]>", id="literal"),
    pytest.param("<joe@\u212aite.test>", id="KELVIN SIGN in the domain"),
    pytest.param("<\uff4aoe@kite.test>", id="full-width letter"),
    pytest.param("<jo\u0308e@kite.test>", id="combining letter"),
    pytest.param("<joe\0@kite.test>", id="NUL"),
    pytest.param("<xjoe@kite.test>", id="one's own as end"),
    pytest.param("<joe.x@kite.test>", id="one's own as beginning"),
    pytest.param("<joe-x@kite.test>", id="not a tag"),
    pytest.param("<@own.test>", id="no local part"),
    pytest.param("<*>", id="asterisk"),
]

OWNERS = {
    "joe@kite.test": "joe",
    "boss@kite.test": "boss",
    "boss@own.test": "boss",
    "team@kite.test": "ann, joe bob",
    "joe+lists@kite.test": "robot",
    "@own.test": "joe",
    "domain.test": "joe",
    ".below.test": "joe",
    "xn--bcher-kva.test": "joe",
    "realm@kite.test": "@kite.test",
    "empty@kite.test": "",
    "blank@kite.test": "smith, joe",
    "upper@kite.test": "ANN Joe@Kite.test",
    "root": "joe",
    "<>": "joe",
}


def owners(fold: Fold = Fold.EXACT, values: Mapping[str, str] = OWNERS) -> Map[Names]:
    """Who owns which mailbox, in a table."""
    return table(partial(parse_owners, fold), values)


@pytest.mark.parametrize("sender", SPOOFS)
def test_spoofed_sender(sender: str) -> None:
    """A login does not get at another's mailbox, nor at one that nobody owns, however the sender is written."""
    answer = reject_sender_not_owned(owners(), Fold.EXACT).ask(asks(login="joe", sender=sender))
    assert isinstance(answer, Reject)
    assert answer.reply is NOT_OWNED


@pytest.mark.parametrize("sender", NULL_FORMS)
def test_odd_null_sender_is_owned_by_nobody(sender: bytes) -> None:
    """What an MTA may take for the null sender, but another may not, is no mailbox of a login."""
    assert isinstance(reject_sender_not_owned(owners(), Fold.EXACT).ask(asks(login="joe", sender=sender)), Reject)


@pytest.mark.parametrize(
    "sender",
    [
        pytest.param("<joe@kite.test>", id="mailbox"),
        pytest.param("<Joe@KITE.test>", id="case"),
        pytest.param("<joe+x@kite.test>", id="tag"),
        pytest.param("joe@kite.test", id="no brackets"),
        pytest.param('<"joe"@kite.test.>', id="quoted, trailing dot"),
        pytest.param("<team@kite.test>", id="one of several owners"),
        pytest.param("<anyone@own.test>", id="domain with at"),
        pytest.param('<" boss"@own.test>', id="another mailbox of one's own domain"),
        pytest.param("<anyone+x@own.test>", id="domain, tag"),
        pytest.param("<anyone@domain.test>", id="domain"),
        pytest.param("<anyone@a.below.test>", id="subdomain"),
        pytest.param("<anyone@b\u00fccher.test>", id="U-label"),
        pytest.param("<anyone@xn--bcher-kva.test>", id="A-label"),
        pytest.param("<root>", id="bare name with an entry"),
    ],
)
def test_own_sender(sender: str) -> None:
    """A login sends as mailboxes, domains and names that it owns."""
    answer = reject_sender_not_owned(owners(), Fold.EXACT).ask(asks(login="joe", sender=sender))
    assert isinstance(answer, NoOpinion), answer


@pytest.mark.parametrize(
    ("login", "sender", "fold", "owned"),
    [
        pytest.param("boss", "<boss@own.test>", Fold.EXACT, True, id="mailbox before domain"),
        pytest.param("joe", "<boss@own.test>", Fold.EXACT, False, id="the domain's owner, not the mailbox's"),
        pytest.param("robot", "<joe+lists@kite.test>", Fold.EXACT, True, id="tag before mailbox"),
        pytest.param("joe", "<joe+lists@kite.test>", Fold.EXACT, False, id="the mailbox's owner, not the tag's"),
        pytest.param("joe", "<joe+lists+x@kite.test>", Fold.EXACT, True, id="other tag"),
        pytest.param("Joe", "<joe@kite.test>", Fold.EXACT, False, id="login in another case"),
        pytest.param("Joe", "<joe@kite.test>", Fold.LOWER, True, id="login in another case, folded"),
        pytest.param("joe@else.test", "<upper@kite.test>", Fold.LOWER_LOCAL, True, id="owner folded, too"),
        pytest.param("ann", "<upper@kite.test>", Fold.EXACT, False, id="owner in another case"),
        pytest.param("joe@kite.test", "<joe@kite.test>", Fold.EXACT, False, id="login with a realm"),
        pytest.param("joe@kite.test", "<joe@kite.test>", Fold.LOCAL, True, id="login with a realm, folded"),
        pytest.param("\u212aoss", "<boss@kite.test>", Fold.LOWER_LOCAL, False, id="KELVIN SIGN"),
        pytest.param("boss@a@b", "<boss@kite.test>", Fold.LOWER_LOCAL, False, id="two at signs"),
        pytest.param("ann,", "<team@kite.test>", Fold.EXACT, False, id="login with a comma"),
        pytest.param("ann, joe bob", "<team@kite.test>", Fold.EXACT, False, id="login that is the value"),
        pytest.param("smith, joe", "<blank@kite.test>", Fold.EXACT, False, id="login with a blank cannot be listed"),
        pytest.param("an", "<team@kite.test>", Fold.EXACT, False, id="beginning of an owner"),
        pytest.param("", "<empty@kite.test>", Fold.EXACT, True, id="no login"),
        pytest.param("joe", "<empty@kite.test>", Fold.EXACT, False, id="nobody owns it"),
        pytest.param("*", "<joe@kite.test>", Fold.EXACT, False, id="asterisk"),
        pytest.param("zoe@kite.test", "<realm@kite.test>", Fold.LOCAL, True, id="realm"),
        pytest.param("zoe@else.test", "<realm@kite.test>", Fold.LOCAL, False, id="other realm"),
        pytest.param("@kite.test", "<realm@kite.test>", Fold.EXACT, False, id="login that looks like a realm"),
        pytest.param(None, "<boss@kite.test>", Fold.EXACT, True, id="none"),
        pytest.param("boss", "<>", Fold.EXACT, True, id="null sender, which has its own setting"),
        pytest.param("boss", "", Fold.EXACT, True, id="empty sender"),
    ],
)
def test_owner(login: str | None, sender: str, fold: Fold, owned: bool) -> None:
    """The most specific entry says who owns a sender, and a login is compared as everywhere."""
    answer = reject_sender_not_owned(owners(fold), fold).ask(asks(login=login, sender=sender))
    assert owned is isinstance(answer, NoOpinion), answer


def test_usual_sender_asks_once() -> None:
    """A mailbox with an entry of its own costs one look-up."""
    known = Known({"joe@kite.test": "joe"})
    reject_sender_not_owned(FirstOf({}, partial(parse_owners, Fold.EXACT), (known,)), Fold.EXACT).ask(asks(login="joe"))
    assert ["joe@kite.test"] == known.asked


def test_owners_that_are_down() -> None:
    """Where it cannot be told who owns a sender there is no answer; without a login, or for `<>`, nothing is asked."""
    ask = reject_sender_not_owned(FailingMap(), Fold.EXACT).ask
    assert NoOpinion("no login") == ask(asks())
    assert NoOpinion("the null sender") == ask(asks(login="joe", sender="<>"))
    with pytest.raises(LookupFailed):
        ask(asks(login="joe"))


@pytest.mark.parametrize("mta", [Mta.POSTFIX, Mta.SENDMAIL], ids=["postfix", "sendmail"])
def test_reply_of_postfix(mta: Mta) -> None:
    """The client reads what Postfix's reject_sender_login_mismatch would say."""
    said = words(NOT_OWNED, asks(login="joe", sender="<boss@kite.test>"), mta)
    assert "553 5.7.1 <boss@kite.test>: Sender address rejected: not owned by user joe" == str(said)


# The null sender.


@pytest.mark.parametrize(
    ("login", "sender", "refused"),
    [
        pytest.param("robot", "<>", False, id="allowed"),
        pytest.param("ann@relay.test", "<>", False, id="allowed by its realm"),
        pytest.param("robot", "", False, id="allowed, empty"),
        pytest.param("joe", "<>", True, id="not allowed"),
        pytest.param("joe", "", True, id="not allowed, empty"),
        pytest.param("joe", "<joe@kite.test>", False, id="a sender"),
        pytest.param("joe", "<joe>", False, id="a bare sender"),
        pytest.param("@relay.test", "<>", True, id="looks like a realm"),
        pytest.param(None, "<>", False, id="no login"),
        *(pytest.param("joe", form, True, id=f"{form!r}") for form in NULL_FORMS),
        *(pytest.param("robot", form, False, id=f"{form!r}, allowed") for form in NULL_FORMS),
    ],
)
def test_null_sender(login: str | None, sender: str | bytes, refused: bool) -> None:
    """The null sender, and what an MTA may take for it, is for the logins that are listed."""
    answer = reject_null_sender(frozenset({"robot", "@relay.test"}), Fold.EXACT).ask(asks(login=login, sender=sender))
    assert refused is isinstance(answer, Reject)
    assert not refused or answer == Reject(NOT_OWNED, "this login may not use the null sender")


def test_who_may_use_the_null_sender_is_down() -> None:
    """The list is asked only for the null sender of a login, and then one that is down is no answer."""
    ask = reject_null_sender(FailingNames(), Fold.EXACT).ask
    assert isinstance(ask(asks(sender="<>")), NoOpinion)
    assert isinstance(ask(asks(login="joe")), NoOpinion)
    with pytest.raises(LookupFailed):
        ask(asks(login="joe", sender="<>"))


@pytest.mark.parametrize("sender", [b"<>", b""])
def test_null(sender: bytes) -> None:
    """The null sender is `<>`, and for mail that did not come by SMTP nothing at all."""
    assert is_null(sender)
    assert may_be_null(sender)
    assert sender_path(sender) is NULL_PATH


@pytest.mark.parametrize("sender", NULL_FORMS)
def test_odd_forms_of_null(sender: bytes) -> None:
    """Other forms may be null, and are no sender that can be relied upon."""
    assert (False, True, None) == (is_null(sender), may_be_null(sender), sender_path(sender))


# Senders of local clients.

LOCAL = Networks(parse_network(text) for text in ("192.0.2.0/24", "!192.0.2.66", "2001:db8:1::/48"))
ALLOWED = Mailboxes(frozenset({"joe@kite.test", "relay.test", ".sub.test", "root"}))


@pytest.mark.parametrize(
    ("sender", "refused"),
    [
        pytest.param("<joe@kite.test>", False, id="mailbox"),
        pytest.param("joe@kite.test", False, id="no brackets, as printers send"),
        pytest.param("<joe+scan@KITE.test>", False, id="tag and case"),
        pytest.param("<x@relay.test>", False, id="domain"),
        pytest.param("<x@a.sub.test>", False, id="subdomain"),
        pytest.param("<root>", False, id="bare name"),
        pytest.param("<boss@kite.test>", True, id="other mailbox"),
        pytest.param("<relay.test>", True, id="bare, like a domain"),
        pytest.param("<.sub.test>", True, id="bare, like subdomains"),
        pytest.param("<x@root>", True, id="a name as domain"),
        pytest.param("<boss%kite.test@relay.test>", True, id="percent"),
        pytest.param('<"boss@kite.test"@relay.test>', True, id="quoted at"),
        pytest.param("<@relay.test:boss@kite.test>", True, id="source route"),
        pytest.param("<@h.test:joe@kite.test>", True, id="source route to an allowed one"),
        pytest.param("<joe@kite.test>,<boss@kite.test>", True, id="malformed"),
        pytest.param("<>", True, id="null"),
        pytest.param("", True, id="empty"),
        pytest.param("< >", True, id="null, odd"),
    ],
)
@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::7", "198.51.100.7"])
def test_local_client_sender(address: str, sender: str, refused: bool) -> None:
    """A local client, by its network or its address, sends as what is listed."""
    ask = reject_local_client_sender(Addresses(LOCAL, frozenset({"198.51.100.7"})), ALLOWED, Owned()).ask
    answer = ask(asks(address=address, sender=sender))
    assert refused is isinstance(answer, Reject)
    assert not refused or answer == Reject(NOT_ALLOWED, "a local client may not use this sender")


@pytest.mark.parametrize(
    ("address", "port", "login"),
    [
        pytest.param("203.0.113.7", 25, None, id="stranger"),
        pytest.param("192.0.2.66", 25, None, id="excluded"),
        pytest.param("", 25, None, id="no address"),
        pytest.param("127.0.0.1", 0, None, id="not by SMTP"),
    ],
)
def test_other_clients_are_not_bound(address: str, port: int, login: str | None) -> None:
    """Who is not local, or did not come by SMTP, is not bound by it."""
    networks = Networks([*LOCAL, parse_network("127.0.0.0/8")])
    ask = reject_local_client_sender(Addresses(networks), ALLOWED, Owned()).ask
    assert isinstance(ask(asks(address=address, port=port, login=login, sender="<boss@kite.test>")), NoOpinion)


@pytest.mark.parametrize("sender", ["<>", ""])
def test_null_sender_of_a_local_client(sender: str) -> None:
    """`<>` in the list allows the null sender, in its certain forms alone."""
    ask = reject_local_client_sender(Addresses(LOCAL), Mailboxes(frozenset({"<>"})), Owned()).ask
    assert NoOpinion("<> is a sender of local clients") == ask(asks(address="192.0.2.7", sender=sender))
    for form in (*NULL_FORMS, b'<"<>">'):
        assert isinstance(ask(asks(address="192.0.2.7", sender=form)), Reject), form


def test_empty_login_is_bound_as_none() -> None:
    """A login that is empty frees no local client."""
    ask = reject_local_client_sender(Addresses(LOCAL), ALLOWED, Owned()).ask
    assert isinstance(ask(asks(address="192.0.2.7", login="", sender="<boss@kite.test>")), Reject)


def test_addresses_or_senders_that_are_down() -> None:
    """Where it cannot be told whether a client is local, or a sender listed, there is no answer."""
    with pytest.raises(LookupFailed):
        reject_local_client_sender(Addresses(LOCAL, FailingNames()), ALLOWED, Owned()).ask(asks())
    with pytest.raises(LookupFailed):
        reject_local_client_sender(Addresses(LOCAL), Mailboxes(FailingNames()), Owned()).ask(asks(address="192.0.2.7"))


# Senders of local clients with a login.

OF_JOE = Owned(owners(), frozenset({"joe"}), Fold.EXACT)


@pytest.mark.parametrize(
    ("login", "sender", "owned", "refused"),
    [
        pytest.param("joe", "<anyone@own.test>", OF_JOE, False, id="its own"),
        pytest.param("joe", "<>", OF_JOE, False, id="the null sender, which it may use"),
        pytest.param("joe", "<x@relay.test>", OF_JOE, False, id="one of all local clients"),
        pytest.param("joe", "<boss@kite.test>", OF_JOE, True, id="another's"),
        pytest.param("joe", "<x@else.test>", OF_JOE, True, id="nobody's"),
        pytest.param("ann", "<>", OF_JOE, True, id="the null sender, which it may not use"),
        pytest.param("joe", "< >", OF_JOE, True, id="no certain sender"),
        pytest.param("joe", "<anyone@own.test>", Owned(), True, id="nothing says what it owns"),
        pytest.param("joe", "<>", Owned(owners()), True, id="nothing says who may use the null sender"),
        pytest.param("", "<anyone@own.test>", OF_JOE, True, id="empty login"),
    ],
)
def test_login_of_a_local_client(login: str, sender: str, owned: Owned, refused: bool) -> None:
    """A login frees a local client for the senders that it owns, and for no other."""
    ask = reject_local_client_sender(Addresses(LOCAL), ALLOWED, owned).ask
    assert refused is isinstance(ask(asks(address="192.0.2.7", login=login, sender=sender)), Reject)


def test_owners_that_are_down_free_nobody() -> None:
    """Where it cannot be told what a login owns there is no answer, but for senders of all local clients."""
    ask = reject_local_client_sender(Addresses(LOCAL), ALLOWED, Owned(FailingMap())).ask
    assert isinstance(ask(asks(address="192.0.2.7", login="joe", sender="<x@relay.test>")), NoOpinion)
    with pytest.raises(LookupFailed):
        ask(asks(address="192.0.2.7", login="joe", sender="<x@else.test>"))
