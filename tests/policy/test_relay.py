"""The ways to permit, one by one, and what an outsider may try to make one of them say yes."""

from __future__ import annotations

import pytest

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import NOWHERE, Request, client, request
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed
from relaymilter.policy.recipients import Ours
from relaymilter.policy.relay import (
    permit_authorised_login,
    permit_local_client,
    permit_local_recipient,
    permit_not_by_smtp,
    permit_relay_domain,
)
from relaymilter.policy.verdict import NoOpinion, Permit
from tests.policy.asking import (
    EXCLUDED,
    LOCAL_NAMES,
    NEIGHBOUR,
    RELAY_NAMES,
    STRANGER,
    FailingNames,
    decide,
    outcome,
)

LOCAL, RELAYED = DomainList(LOCAL_NAMES), DomainList(RELAY_NAMES)
OURS = Ours(LOCAL, (RELAYED,))

HOSTILE = [
    pytest.param("<b@else.test>", id="third party"),
    pytest.param("b@else.test", id="no brackets"),
    pytest.param("<>", id="null path"),
    pytest.param("", id="nothing"),
    pytest.param("<b%else.test@kite.test>", id="percent"),
    pytest.param("<b%else.test>", id="percent, no domain"),
    pytest.param("<b%kite.test@else.test>", id="percent, ours inside"),
    pytest.param("<postmaster%else.test>", id="postmaster and percent"),
    pytest.param("<else.test!b@kite.test>", id="bang"),
    pytest.param("<else.test!b>", id="bang, no domain"),
    pytest.param("<kite.test!else.test!b>", id="bang, ours first"),
    pytest.param("<else.test!postmaster>", id="bang and postmaster"),
    pytest.param("<b@else.test@kite.test>", id="two ats"),
    pytest.param("<b@kite.test@else.test>", id="two ats, ours inside"),
    pytest.param("<b@else.test@>", id="at last"),
    pytest.param("<b@@kite.test>", id="two ats in a row"),
    pytest.param('<"b@else.test">', id="quoted, no domain"),
    pytest.param('<"b@else.test"@kite.test>', id="quoted at"),
    pytest.param('<"b%else.test"@kite.test>', id="quoted percent"),
    pytest.param('<"else.test!b"@kite.test>', id="quoted bang"),
    pytest.param('<"b"."@"."else.test"@kite.test>', id="quoted in pieces"),
    pytest.param('<""@else.test@kite.test>', id="quoted nothing, two ats"),
    pytest.param(r"<b\@else.test@kite.test>", id="escaped at"),
    pytest.param(r"<b\@else.test>", id="escaped at, no domain"),
    pytest.param(r"<b\%else.test@kite.test>", id="escaped percent"),
    pytest.param(r"<else.test\!b@kite.test>", id="escaped bang"),
    pytest.param(r'<"b\@else.test"@kite.test>', id="escaped at in quotes"),
    pytest.param(r'<"b\\@else.test"@kite.test>', id="escaped backslash, at in quotes"),
    pytest.param("<@else.test:b@kite.test>", id="source route"),
    pytest.param("<@kite.test:b@else.test>", id="source route by us"),
    pytest.param("<@kite.test:b@kite.test>", id="source route from us to us"),
    pytest.param("<@a.test,@b.test:b@kite.test>", id="source route of two"),
    pytest.param("<@:b@kite.test>", id="source route by none"),
    pytest.param("<@else.test,:b@kite.test>", id="source route, comma last"),
    pytest.param("<@else.test:postmaster>", id="source route to postmaster"),
    pytest.param("@else.test:b@kite.test", id="source route, no brackets"),
    pytest.param("<b@kite.test>,<c@else.test>", id="two paths"),
    pytest.param("<c@else.test>,<b@kite.test>", id="two paths, ours last"),
    pytest.param("<c@else.test> <b@kite.test>", id="two paths, blank"),
    pytest.param("<c@else.test,b@kite.test>", id="two mailboxes"),
    pytest.param("c@else.test,b@kite.test", id="two mailboxes, no brackets"),
    pytest.param("<c@else.test b@kite.test>", id="two mailboxes, blank"),
    pytest.param("<<c@else.test>@kite.test>", id="brackets inside"),
    pytest.param("b@kite.test <c@else.test>", id="ours for a name"),
    pytest.param('"b@kite.test" <c@else.test>', id="ours for a quoted name"),
    pytest.param("<c@else.test> (b@kite.test)", id="ours in a comment"),
    pytest.param("<c@else.test(b@kite.test)>", id="ours in a comment inside"),
    pytest.param("<c@else.test> X=b@kite.test", id="ours in a parameter"),
    pytest.param("<list:b@kite.test;>", id="group"),
    pytest.param("<b@kite.test", id="open bracket"),
    pytest.param("b@kite.test>", id="closing bracket"),
    pytest.param("<b@kite.test>NOTIFY=NEVER", id="parameter without a blank"),
    pytest.param("<b@kite.test>x", id="junk"),
    pytest.param("<b@kite.test:25>", id="port"),
    pytest.param("<b@kite.test%else.test>", id="percent in the domain"),
    pytest.param("<b@else.test!kite.test>", id="bang in the domain"),
    pytest.param('<b@"kite.test">', id="quoted domain"),
    pytest.param(r"<b@k\ite.test>", id="escaped letter in the domain"),
    pytest.param("<b@kite.test.else.test>", id="ours as prefix"),
    pytest.param("<b@notkite.test>", id="ours as suffix"),
    pytest.param("<b@kite.testing>", id="ours as prefix without a dot"),
    pytest.param("<b@a.kite.test>", id="subdomain of an exact entry"),
    pytest.param("<b@sub.test>", id="the parent of local subdomains"),
    pytest.param("<b@notsub.test>", id="the parent as suffix"),
    pytest.param("<b@.sub.test>", id="the entry itself"),
    pytest.param("<b@test>", id="the domain above"),
    pytest.param("<b@kite>", id="first label alone"),
    pytest.param("<b@kite..test>", id="two dots"),
    pytest.param("<b@kite.test..>", id="two trailing dots"),
    pytest.param("<b@192.0.2.25>", id="literal without brackets"),
    pytest.param("<b@[192.0.2.99]>", id="other literal"),
    pytest.param("<b@[127.0.0.1]>", id="loopback literal"),
    pytest.param("<b@[192.0.2.025]>", id="octal literal"),
    pytest.param("<b@[3221225999]>", id="literal of one number"),
    pytest.param("<b@[IPv6:::ffff:192.0.2.25]>", id="mapped literal"),
    pytest.param("<b@[2001:db8::25]>", id="IPv6 without tag"),
    pytest.param("<b@[192.0.2.25].else.test>", id="literal as prefix"),
    pytest.param("<b@[kite.test]>", id="name in brackets"),
    pytest.param("<b@\u212aite.test>", id="KELVIN SIGN"),
    pytest.param("<b@\uff4bite.test>", id="full-width letter"),
    pytest.param("<b@kite\u3002test>", id="ideographic full stop"),
    pytest.param("<b@kite\uff0etest>", id="full-width full stop"),
    pytest.param("<b@ki\u00adte.test>", id="soft hyphen"),
    pytest.param("<b@ki\u200bte.test>", id="zero width space"),
    pytest.param("<b@BÜCHER.test>", id="capital that is not ASCII"),
    pytest.param("<b@bu\u0308cher.test>", id="decomposed letter"),
    pytest.param("<b@bücher\u3002test>", id="ideographic full stop after a U-label"),
    pytest.param(b"<b@kite.test\x00.else.test>", id="NUL in the domain"),
    pytest.param(b"<b\x00@else.test>@kite.test>", id="NUL in the local part"),
    pytest.param(b"<b@kite.test>\r\nRCPT TO:<c@else.test>", id="CR LF"),
    pytest.param(b"<b\x0c@kite.test>", id="form feed"),
    pytest.param("<b\x85@kite.test>".encode(), id="C1"),
    pytest.param(b"<b\xe9@kite.test>", id="Latin-1"),
    pytest.param(b"<b\xc1\x80else.test@kite.test>", id="overlong at"),
    pytest.param(b"<" + b"a" * 256 + b"@kite.test>", id="local part of 256"),
    pytest.param(b"<b@" + b"a" * 64 + b".sub.test>", id="label of 64"),
    pytest.param(b"<b@" + b"a." * 128 + b"sub.test>", id="domain of 264"),
    pytest.param(b"<b@kite.test>" + b" " * 1100, id="path of 1,100"),
]

HONEST = [
    pytest.param("<b@kite.test>", "local-recipient", id="local"),
    pytest.param("<B@KITE.Test>", "local-recipient", id="case"),
    pytest.param("<b..c.@kite.test>", "local-recipient", id="dots"),
    pytest.param("<b+c=d@kite.test>", "local-recipient", id="detail"),
    pytest.param("<b@a.sub.test>", "local-recipient", id="subdomain"),
    pytest.param("<b@c.b.a.sub.test>", "local-recipient", id="subdomain of a subdomain"),
    pytest.param("<b@xn--bcher-kva.test>", "local-recipient", id="A-label"),
    pytest.param("<b@relay.test>", "relay-domain", id="relay domain"),
]

HONEST_BUT_ODD = [
    pytest.param("b@kite.test", "local-recipient", id="no brackets"),
    pytest.param("<b@kite.test.>", "local-recipient", id="trailing dot"),
    pytest.param("< b @ kite . test >", "local-recipient", id="blanks"),
    pytest.param("<b(c)@kite.test>", "local-recipient", id="comment"),
    pytest.param('<"b"@kite.test>', "local-recipient", id="quoted"),
    pytest.param('<"b c"@kite.test>', "local-recipient", id="quoted blank"),
    pytest.param("<b@kite.test> NOTIFY=NEVER", "local-recipient", id="parameter"),
    pytest.param("<bü@kite.test>", "local-recipient", id="UTF-8 local part"),
    pytest.param("<b@bücher.test>", "local-recipient", id="U-label"),
    pytest.param("<b@[192.0.2.25]>", "local-recipient", id="IPv4 literal"),
    pytest.param("<b@[IPv6:2001:DB8::25]>", "local-recipient", id="IPv6 literal"),
    pytest.param(f"<{'a' * 65}@kite.test>", "local-recipient", id="long local part"),
    pytest.param("<postmaster>", "local-recipient", id="postmaster"),
    pytest.param("<PostMaster>", "local-recipient", id="postmaster, case"),
    pytest.param("postmaster", "local-recipient", id="postmaster, no brackets"),
    pytest.param('<"b"@relay.test>', "relay-domain", id="quoted, relay domain"),
    pytest.param("<b@[192.0.2.26]>", "relay-domain", id="literal, relay domain"),
]


@pytest.mark.parametrize(
    "rcpt_addr", [None, b"b@kite.test", b"b"], ids=["unwitnessed", "local witness", "bare witness"]
)
@pytest.mark.parametrize("recipient", HOSTILE)
def test_hostile_recipient_from_a_stranger(recipient: str | bytes, rcpt_addr: bytes | None) -> None:
    """Nothing that a stranger types opens, not even where the MTA vouches for it."""
    assert decide(recipient, rcpt_addr=rcpt_addr).word == "reject"


@pytest.mark.parametrize("recipient", HOSTILE)
def test_hostile_recipient_from_those_we_relay_for(recipient: str | bytes) -> None:
    """From a local client or an authorised login every path is the MTA's business, routing and malformed ones too."""
    assert outcome(decide(recipient, address=NEIGHBOUR)) == "permit local-client"
    assert outcome(decide(recipient, login="joe")) == "permit authorised-login"
    assert outcome(decide(recipient, address="127.0.0.1", port=0)) == "permit not-by-smtp"


@pytest.mark.parametrize(
    "address", [EXCLUDED, "::ffff:" + EXCLUDED, "192.0.3.7", "2001:db8::7", "", "unknown", "::1%lo"]
)
@pytest.mark.parametrize("recipient", ["<b@else.test>", "<b%else.test@kite.test>", "<>"])
def test_every_stranger(recipient: str, address: str) -> None:
    """An excluded address, another network, no address and a zone are strangers alike."""
    assert outcome(decide(recipient, address=address)) == "reject no-rule"


@pytest.mark.parametrize(
    "rcpt_addr",
    [None, b"b@kite.test", b"b", b"joe@else.test", b"else.test!b", b"\xff", b""],
    ids=["none", "local", "bare", "foreign", "routing", "unreadable", "empty"],
)
@pytest.mark.parametrize(("recipient", "rule"), HONEST)
def test_plain_recipient(recipient: str, rule: str, rcpt_addr: bytes | None) -> None:
    """A plain path is judged by itself: what the MTA makes of it is the administrator's own forwarding."""
    assert f"permit {rule}" == outcome(decide(recipient, rcpt_addr=rcpt_addr))


@pytest.mark.parametrize(
    "rcpt_addr",
    [
        None,
        b"b@kite.test",
        b"<b@KITE.test.>",
        b"b",
        b'"b c"',
        b"b@relay.test",
        b"b@[ipv6:2001:db8::25]",
        b"b@x.sub.test",
    ],
    ids=["none", "local", "local, other spelling", "bare", "bare, quoted", "relay domain", "literal", "subdomain"],
)
@pytest.mark.parametrize(("recipient", "rule"), HONEST_BUT_ODD)
def test_odd_recipient_with_a_good_witness(recipient: str, rule: str, rcpt_addr: bytes | None) -> None:
    """A path with something to interpret is local where the MTA says so too: at a domain of ours, or a bare name."""
    assert f"permit {rule}" == outcome(decide(recipient, rcpt_addr=rcpt_addr))


@pytest.mark.parametrize(
    ("rcpt_addr", "objection"),
    [
        pytest.param(b"b@else.test", "as a mailbox at else.test", id="foreign"),
        pytest.param(b"b@notkite.test", "as a mailbox at notkite.test", id="foreign, ours as suffix"),
        pytest.param(b"b@[192.0.2.9]", "as a mailbox at [192.0.2.9]", id="foreign literal"),
        pytest.param(b"b%else.test@kite.test", "has % in the local part", id="percent"),
        pytest.param(b"b%else.test", "has % in the local part", id="percent, bare"),
        pytest.param(b"else.test!b", "has ! in the local part", id="bang, bare"),
        pytest.param(b'"b@else.test"@kite.test', "has @ in the local part", id="quoted at"),
        pytest.param(b'"b@else.test"', "has @ in the local part", id="quoted at, bare"),
        pytest.param(b"@else.test:b@kite.test", "has a source route", id="source route"),
        pytest.param(b"b@kite.test,c@else.test", "cannot be parsed", id="two mailboxes"),
        pytest.param(b"", "cannot be parsed: no mailbox", id="empty"),
        pytest.param(b"\xff", "cannot be parsed: bytes that are not UTF-8", id="unreadable"),
        pytest.param(b"Recipient address rejected: User unknown", "cannot be parsed", id="error text"),
    ],
)
@pytest.mark.parametrize(("recipient", "rule"), HONEST_BUT_ODD)
def test_odd_recipient_with_a_witness_against_it(recipient: str, rule: str, rcpt_addr: bytes, objection: str) -> None:
    """A path with something to interpret is not local where the MTA reads it otherwise, and the trail says how."""
    decision = decide(recipient, rcpt_addr=rcpt_addr)
    assert outcome(decision) == "reject no-rule"
    assert [objection in step.answer.reason for step in decision.trail if step.rule == rule] == [True]


@pytest.mark.parametrize(
    "recipient",
    ["<postmaster@else.test>", "<postmaster1>", '<"post master">', "<p\u00f6stmaster>", "<po\u017ftmaster>", "<root>"],
)
def test_only_postmaster_goes_without_a_domain(recipient: str) -> None:
    """A path without a domain is local for postmaster alone (RFC 5321 4.5.1)."""
    assert outcome(decide(recipient)) == "reject no-rule"


def ask_of(recipient: bytes = b"<b@else.test>", *, address: str = STRANGER, login: str | None = None) -> Request:
    """A request to ask one rule."""
    return request(client(address, 25), recipient, login=login)


def test_not_by_smtp() -> None:
    """Postfix's own mail is permitted, mail from the same address by TCP is not by this rule."""
    rule = permit_not_by_smtp()
    assert Permit("did not come by SMTP (127.0.0.1, port 0)") == rule.ask(request(client("127.0.0.1", 0), b"<b@x>"))
    assert NoOpinion("came by SMTP") == rule.ask(request(client("127.0.0.1", 25), b"<b@x>"))
    assert NoOpinion("came by SMTP") == rule.ask(request(NOWHERE, b"<b@x>"))


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("192.0.2.7", Permit("in local network 192.0.2.0/24")),
        ("::ffff:192.0.2.7", Permit("in local network 192.0.2.0/24")),
        ("192.0.2.66", NoOpinion("excluded by !192.0.2.66/32")),
        ("203.0.113.7", NoOpinion("in no local network")),
        ("fe80::1%eth0", NoOpinion("the client has no usable address")),
        ("", NoOpinion("the client has no usable address")),
    ],
)
def test_local_client(address: str, answer: Permit | NoOpinion) -> None:
    """A client is local by its address, in a local network that does not exclude it."""
    rule = permit_local_client(Addresses(Networks(parse_network(text) for text in ("192.0.2.0/24", "!192.0.2.66"))))
    assert answer == rule.ask(ask_of(address=address))


@pytest.mark.parametrize(
    ("login", "logins", "answer"),
    [
        (None, None, NoOpinion("no login")),
        (None, frozenset({"joe"}), NoOpinion("no login")),
        ("joe", None, Permit("every login is authorised")),
        ("joe", frozenset({"joe"}), Permit("this login is authorised")),
        ("Joe", frozenset({"joe"}), NoOpinion("this login is not authorised")),
        ("joe@kite.test", frozenset({"joe"}), NoOpinion("this login is not authorised")),
        ("", frozenset({"joe"}), NoOpinion("no login")),
        ("joe", frozenset(), NoOpinion("this login is not authorised")),
    ],
)
def test_authorised_login(login: str | None, logins: frozenset[str] | None, answer: Permit | NoOpinion) -> None:
    """A login is authorised exactly as it is written; where no logins are named, every one is."""
    assert answer == permit_authorised_login(logins).ask(ask_of(login=login))


def test_empty_login_is_none() -> None:
    """An empty login proves nothing, also where every login is authorised."""
    assert isinstance(permit_authorised_login().ask(ask_of(login="")), NoOpinion)


@pytest.mark.parametrize(
    ("recipient", "local", "relayed"),
    [
        (b"<b@kite.test>", Permit("kite.test is a local domain"), NoOpinion("kite.test is not a relay domain")),
        (b"<b@a.sub.test>", Permit(".sub.test is a local domain"), NoOpinion("a.sub.test is not a relay domain")),
        (b"<b@relay.test>", NoOpinion("relay.test is not a local domain"), Permit("relay.test is a relay domain")),
        (
            b"<postmaster>",
            Permit("postmaster is local"),
            NoOpinion("a path without a domain is not a relay domain"),
        ),
        (
            b"<b>",
            NoOpinion("a path without a domain is not a local domain"),
            NoOpinion("a path without a domain is not a relay domain"),
        ),
        (
            b"<b%c@kite.test>",
            NoOpinion("% in the local part asks for routing"),
            NoOpinion("% in the local part asks for routing"),
        ),
        (
            b"<",
            NoOpinion("the path cannot be parsed: no closing bracket"),
            NoOpinion("the path cannot be parsed: no closing bracket"),
        ),
    ],
    ids=["local", "subdomain", "relay", "postmaster", "bare", "routing", "malformed"],
)
def test_recipient_rules(recipient: bytes, local: Permit | NoOpinion, relayed: Permit | NoOpinion) -> None:
    """Both rules say of a recipient why, or why not."""
    assert local == permit_local_recipient(OURS).ask(ask_of(recipient))
    assert relayed == permit_relay_domain(RELAYED, OURS).ask(ask_of(recipient))


@pytest.mark.parametrize("recipient", [b"<b@else.test>", b"<b@kite.test>"])
def test_recipient_rule_fails_with_its_table(recipient: bytes) -> None:
    """A table of domains that is down is no answer."""
    down = DomainList(FailingNames())
    with pytest.raises(LookupFailed):
        permit_local_recipient(Ours(down)).ask(ask_of(recipient))


@pytest.mark.parametrize("recipient", [b"<b%else.test@kite.test>", b"<", b"<b>", b"<postmaster>", b"<@x:b@kite.test>"])
def test_nothing_is_looked_up_without_need(recipient: bytes) -> None:
    """A path that is malformed, asks for routing or has no domain is answered with the table down."""
    names = FailingNames()
    down = DomainList(names)
    permit_local_recipient(Ours(down)).ask(ask_of(recipient))
    assert not names.asked


def test_login_rule_fails_with_its_table() -> None:
    """A table of logins that is down is no answer, and is asked only where there is a login."""
    names = FailingNames()
    rule = permit_authorised_login(names)
    assert NoOpinion("no login") == rule.ask(ask_of())
    assert not names.asked
    with pytest.raises(LookupFailed):
        rule.ask(ask_of(login="joe"))


def test_second_witness_needs_a_table_too() -> None:
    """Where the domain that the MTA read cannot be looked up, the rule has no answer."""
    rule = permit_local_recipient(Ours(LOCAL, (DomainList(FailingNames()),)))
    with pytest.raises(LookupFailed):
        rule.ask(request(client(STRANGER), b'<"b"@kite.test>', rcpt_addr=b"b@other.test"))


@pytest.mark.parametrize("rcpt_addr", [b"root@kite.test", b"root@KITE.test", b"Root@a.sub.test", b'"root"@kite.test'])
@pytest.mark.parametrize("recipient", ["<root>", "<ROOT>"])
def test_name_at_a_local_domain(recipient: str, rcpt_addr: bytes) -> None:
    """A name without a domain is local where the MTA reads it as that name at a local domain."""
    decision = decide(recipient, rcpt_addr=rcpt_addr)
    assert "permit local-recipient" == outcome(decision)
    assert decision.verdict.reason.startswith("root@")
    assert decision.verdict.reason.endswith(" is local")


@pytest.mark.parametrize(
    ("recipient", "rcpt_addr"),
    [
        pytest.param("<root>", None, id="nothing said"),
        pytest.param("<root>", b"root", id="bare, as Sendmail has it"),
        pytest.param("<root>", b"root@relay.test", id="a relay domain"),
        pytest.param("<root>", b"root@else.test", id="a foreign domain"),
        pytest.param("<root>", b"joe@kite.test", id="another name"),
        pytest.param("<root>", b"root%else.test@kite.test", id="routing"),
        pytest.param("<root>", b"\xff", id="unreadable"),
        pytest.param("<>", b"kite.test", id="null path"),
        pytest.param("root", b"root@kite.test", id="no brackets"),
        pytest.param('<"root">', b"root@kite.test", id="quoted"),
        pytest.param(r"<ro\ot>", b"root@kite.test", id="escaped"),
        pytest.param("<root(c)>", b"root@kite.test", id="comment"),
        pytest.param("< root>", b"root@kite.test", id="blank"),
        pytest.param("<root> X=y", b"root@kite.test", id="parameter"),
        pytest.param("<root/x>", b"root/x@kite.test", id="slash"),
        pytest.param("<ro\u00f6t>", "ro\u00f6t@kite.test".encode(), id="not ASCII"),
        pytest.param("<else.test!root>", b"root@kite.test", id="bang"),
        pytest.param("<root%else.test>", b"root@kite.test", id="percent"),
        pytest.param('<"root@else.test">', b"root@kite.test", id="quoted at"),
    ],
)
def test_name_that_is_not_local(recipient: str, rcpt_addr: bytes | None) -> None:
    """Nor is one that leaves something to interpret, whatever the MTA makes of it."""
    assert outcome(decide(recipient, rcpt_addr=rcpt_addr)) == "reject no-rule"


def test_name_asks_no_table_without_need() -> None:
    """Where the MTA reads a name as another one nothing is looked up; else the table must answer."""
    rule = permit_local_recipient(Ours(DomainList(FailingNames())))
    assert isinstance(rule.ask(request(client(STRANGER), b"<root>", rcpt_addr=b"joe@kite.test")), NoOpinion)
    with pytest.raises(LookupFailed):
        rule.ask(request(client(STRANGER), b"<root>", rcpt_addr=b"root@kite.test"))
