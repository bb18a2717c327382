"""The lists of what is refused, the lockdown, and what no restriction can be made to say."""

from __future__ import annotations

from typing import Any

import pytest

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import DomainList
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed
from relaymilter.policy.recipients import Ours
from relaymilter.policy.restrictions import (
    CLIENT_DENIED,
    HELO_DENIED,
    LOCKED_DOWN,
    RECIPIENT_DENIED,
    SENDER_DENIED,
    Exempt,
    defer_in_lockdown,
    reject_client,
    reject_helo,
    reject_recipient,
    reject_sender,
)
from relaymilter.policy.verdict import Defer, NoOpinion, Reject
from tests.policy.asking import LOCAL_NAMES, RELAY_NAMES, FailingNames
from tests.policy.maps import asks
from tests.policy.test_senders import NULL_FORMS

DENIED_NETWORKS = Networks(parse_network(text) for text in ("198.51.100.0/24", "!198.51.100.66", "2001:db8:5::/48"))
NOT_BY_SMTP = NoOpinion("did not come by SMTP, so it cannot be refused")
ITS_OWN: dict[str, Any] = {"address": "127.0.0.1", "port": 0}
"""A client by Postfix's emulation of SMTP."""


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        pytest.param("198.51.100.7", True, id="listed"),
        pytest.param("::ffff:198.51.100.7", True, id="listed, mapped"),
        pytest.param("2001:db8:5::7", True, id="listed, IPv6"),
        pytest.param("203.0.113.99", True, id="listed address"),
        pytest.param("::ffff:203.0.113.99", True, id="listed address, mapped"),
        pytest.param("198.51.100.66", False, id="excluded"),
        pytest.param("::ffff:198.51.100.66", False, id="excluded, mapped"),
        pytest.param("203.0.113.7", False, id="other"),
        pytest.param("", False, id="no address"),
        pytest.param("fe80::1%eth0", False, id="zone"),
    ],
)
def test_client(address: str, refused: bool) -> None:
    """A client is refused by its address; an exclusion in the list spares it."""
    answer = reject_client(Addresses(DENIED_NETWORKS, frozenset({"203.0.113.99", "198.51.100.66"}))).ask(
        asks(address=address)
    )
    assert refused is isinstance(answer, Reject)
    assert not isinstance(answer, Reject) or answer.reply is CLIENT_DENIED


@pytest.mark.parametrize(
    ("helo", "refused"),
    [
        pytest.param(b"bad.test", True, id="listed"),
        pytest.param(b"BAD.Test.", True, id="case and trailing dot"),
        pytest.param(b"a.worse.test", True, id="subdomain"),
        pytest.param(b"[192.0.2.25]", True, id="literal"),
        pytest.param("b\u00fccher.test".encode(), True, id="U-label"),
        pytest.param(b"localhost", True, id="one label"),
        pytest.param(b"notbad.test", False, id="as end"),
        pytest.param(b"a.bad.test", False, id="below an exact entry"),
        pytest.param(b"", False, id="none"),
        pytest.param(b"a b", False, id="blank"),
        pytest.param(b"\xff", False, id="not UTF-8"),
        pytest.param("\u212aad.test".encode(), False, id="KELVIN SIGN"),
        pytest.param(b"[bad.test]", False, id="name in brackets"),
    ],
)
def test_helo(helo: bytes, refused: bool) -> None:
    """A client is refused by the name that it calls itself, compared as domains are."""
    names = frozenset({"bad.test", ".worse.test", "[192.0.2.25]", "xn--bcher-kva.test", "localhost"})
    answer = reject_helo(DomainList(names)).ask(asks(helo=helo))
    assert refused is isinstance(answer, Reject)
    assert not isinstance(answer, Reject) or answer.reply is HELO_DENIED


DENIED = Mailboxes(frozenset({"joe@kite.test", "bad.test", ".worse.test", "root"}))

DENIED_PATHS = [
    pytest.param("<joe@kite.test>", True, id="mailbox"),
    pytest.param("<JOE+x@KITE.test.>", True, id="case, tag and trailing dot"),
    pytest.param('<"joe"@kite.test>', True, id="quoted"),
    pytest.param("<j\\oe@kite.test>", True, id="escaped"),
    pytest.param("<joe(x)@kite.test>", True, id="comment"),
    pytest.param("<@h.test:joe@kite.test>", True, id="source route"),
    pytest.param("joe@kite.test", True, id="no brackets"),
    pytest.param("<x@bad.test>", True, id="domain"),
    pytest.param("<x%y@bad.test>", True, id="percent at a listed domain"),
    pytest.param("<x@a.worse.test>", True, id="subdomain"),
    pytest.param("<root>", True, id="bare"),
    pytest.param("<ann@kite.test>", False, id="other"),
    pytest.param("<xjoe@kite.test>", False, id="as end"),
    pytest.param("<joe@kite.testing>", False, id="as beginning"),
    pytest.param("<x@worse.test>", False, id="parent"),
    pytest.param("<bad.test>", False, id="bare, like a domain"),
    pytest.param("<x@root>", False, id="a name as domain"),
]


@pytest.mark.parametrize(("sender", "refused"), DENIED_PATHS)
def test_sender(sender: str, refused: bool) -> None:
    """A sender is refused by its mailbox, however it is written, or its domain."""
    answer = reject_sender(DENIED).ask(asks(sender=sender))
    assert refused is isinstance(answer, Reject)
    assert not isinstance(answer, Reject) or answer.reply is SENDER_DENIED


@pytest.mark.parametrize("sender", [b"<>", b"", *NULL_FORMS], ids=repr)
def test_null_sender(sender: bytes) -> None:
    """`<>` in the list refuses whatever an MTA may take for the null sender, and nothing else does."""
    assert isinstance(reject_sender(DENIED).ask(asks(sender=sender)), NoOpinion)
    null = reject_sender(Mailboxes(frozenset({"<>"}))).ask
    assert Reject(SENDER_DENIED, "sender <>") == null(asks(sender=sender))
    assert isinstance(null(asks(sender='<"<>">')), NoOpinion)
    assert isinstance(null(asks()), NoOpinion)


@pytest.mark.parametrize(("recipient", "refused"), [*DENIED_PATHS, pytest.param("<", False, id="malformed")])
def test_recipient(recipient: str, refused: bool) -> None:
    """A recipient is refused by its mailbox, however it is written, or its domain."""
    answer = reject_recipient(DENIED).ask(asks(recipient))
    assert refused is isinstance(answer, Reject)
    assert not isinstance(answer, Reject) or answer.reply is RECIPIENT_DENIED


@pytest.mark.parametrize(
    ("recipient", "rcpt_addr", "refused"),
    [
        pytest.param("<joe%kite.test@else.test>", b"joe@kite.test", True, id="percent"),
        pytest.param("<kite.test!joe>", b"joe@kite.test", True, id="bang"),
        pytest.param('<"joe@kite.test">', b"joe@kite.test", True, id="quoted at"),
        pytest.param("<x@else.test>,<joe@kite.test>", b"joe@kite.test", True, id="two, of which the last counts"),
        pytest.param("<forwarded@else.test>", b"joe@kite.test", True, id="forwarded by the MTA"),
        pytest.param("<x@else.test>", b"root", True, id="bare"),
        pytest.param("<joe@kite.test>", b"x@else.test", True, id="listed as typed"),
        pytest.param("<x@else.test>", b"x@else.test", False, id="other"),
        pytest.param("<x@else.test>", b"\xff", False, id="unreadable"),
        pytest.param("<x@else.test>", b"", False, id="empty"),
    ],
)
def test_recipient_as_the_mta_reads_it(recipient: str, rcpt_addr: bytes, refused: bool) -> None:
    """What the MTA makes of a recipient is looked up, too."""
    assert refused is isinstance(reject_recipient(DENIED).ask(asks(recipient, rcpt_addr=rcpt_addr)), Reject)


@pytest.mark.parametrize(
    "ask",
    [
        reject_client(Addresses(Networks([parse_network("127.0.0.0/8")]), FailingNames())).ask,
        reject_helo(DomainList(FailingNames())).ask,
        reject_sender(Mailboxes(FailingNames())).ask,
        reject_recipient(Mailboxes(FailingNames())).ask,
    ],
    ids=["client", "helo", "sender", "recipient"],
)
def test_lists_that_are_down(ask: Any) -> None:
    """A list that is down is no answer; mail that did not come by SMTP is in none, and is not looked up."""
    assert NOT_BY_SMTP == ask(asks(**ITS_OWN, helo=b"localhost"))
    with pytest.raises(LookupFailed):
        ask(asks(helo=b"localhost"))


# The lockdown.

OURS = Ours(DomainList(LOCAL_NAMES), (DomainList(RELAY_NAMES),))
EXEMPT = Exempt(
    frozenset({"ops", "@relay.test"}),
    Addresses(Networks(parse_network(text) for text in ("198.51.100.0/24", "!198.51.100.66"))),
)


def lockdown(*, on: bool = True, fold: Fold = Fold.EXACT, **asked: Any) -> Defer | NoOpinion:
    """What the lockdown says of this request."""
    return defer_in_lockdown(lambda: on, EXEMPT, fold, OURS).ask(asks(**asked))


@pytest.mark.parametrize(
    ("asked", "deferred"),
    [
        pytest.param({}, True, id="stranger"),
        pytest.param({"login": "joe"}, True, id="login"),
        pytest.param({"login": "ops"}, False, id="exempt login"),
        pytest.param({"login": "ann@relay.test"}, False, id="exempt realm"),
        pytest.param({"login": "OPS", "fold": Fold.LOWER}, False, id="exempt login, folded"),
        pytest.param({"login": "OPS"}, True, id="exempt login in another case"),
        pytest.param({"login": "@relay.test"}, True, id="looks like an exempt realm"),
        pytest.param({"login": "ops@else.test"}, True, id="exempt name with a realm"),
        pytest.param({"login": ""}, True, id="empty login"),
        pytest.param({"address": "198.51.100.7"}, False, id="exempt network"),
        pytest.param({"address": "::ffff:198.51.100.7"}, False, id="exempt network, mapped"),
        pytest.param({"address": "198.51.100.66"}, True, id="excluded"),
        pytest.param({"address": ""}, True, id="no address"),
        pytest.param({"address": "192.0.2.7", "login": "joe"}, True, id="local client"),
        pytest.param(ITS_OWN, True, id="not by SMTP"),
        pytest.param({"recipient": "<b@kite.test>"}, False, id="ours"),
        pytest.param({"recipient": "<b@relay.test>"}, False, id="relayed"),
        pytest.param({"recipient": "<postmaster>"}, False, id="postmaster"),
        pytest.param({"recipient": "<b%else.test@kite.test>"}, True, id="routing by ours"),
        pytest.param({"recipient": '<"b"@kite.test>', "rcpt_addr": b"b@else.test"}, True, id="witness against ours"),
        pytest.param({"recipient": "<b"}, True, id="malformed"),
    ],
)
def test_lockdown(asked: dict[str, Any], deferred: bool) -> None:
    """While it is on only the exempt write to mailboxes that are not ours; when it is off everybody may."""
    answer = lockdown(**asked)
    assert deferred is isinstance(answer, Defer)
    assert not deferred or answer == Defer(LOCKED_DOWN, "relaying is locked down")
    assert NoOpinion("no lockdown") == lockdown(on=False, **asked)


def test_lockdown_without_exemptions() -> None:
    """With none named it concerns everyone."""
    ask = defer_in_lockdown(lambda: True, Exempt(frozenset(), Addresses()), Fold.EXACT, OURS).ask
    assert isinstance(ask(asks(login="ops", address="127.0.0.1")), Defer)


def test_lockdown_with_tables_down() -> None:
    """Where it cannot be told who is exempt, or what is ours, there is no answer; while it is off nothing is asked."""
    down = Ours(DomainList(FailingNames()))
    for on, logins, ours in ((True, FailingNames(), OURS), (True, frozenset(), down)):
        with pytest.raises(LookupFailed):
            defer_in_lockdown(lambda on=on: on, Exempt(logins, Addresses()), Fold.EXACT, ours).ask(asks(login="joe"))  # type: ignore[misc]
    off = defer_in_lockdown(lambda: False, Exempt(FailingNames(), Addresses()), Fold.EXACT, down).ask
    assert isinstance(off(asks(login="joe")), NoOpinion)
