"""Restrictions that ask the DNS: for whom, what they make of an answer, and of none."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from relaymilter.milter.replies import Mta, words
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.block_lists import PATIENCE, parse_site
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Certificate, Macros, Need, Request, client
from relaymilter.policy.grants import Grant, Grants
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Address, Networks, parse_network
from relaymilter.policy.ports import Dns, LookupFailed, MailExchanger, MustWait, Outage
from relaymilter.policy.recipients import Ours
from relaymilter.policy.reputation import (
    BAD_SENDER,
    DOMAIN_NOT_FOUND,
    NULL_MX,
    Insiders,
    reject_listed_client,
    reject_unconfirmed_client,
    reject_unknown_sender_domain,
)
from relaymilter.policy.rules import Closes, Restriction
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Defer, NoOpinion, Reject
from tests.policy.asking import STRANGER, FailingNames, outcome, relay_rules
from tests.policy.lists import OneByOne
from tests.policy.maps import asks

DOWN, WAIT, OUT, LONG_OUT = "down", "wait", "out", "out for long"


@dataclass
class Zone(OneByOne):
    """What the DNS says, by name: `DOWN` is none, `WAIT` is none yet; and what it was asked."""

    records: Mapping[str, tuple[str, ...] | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def find(self, name: str) -> tuple[str, ...]:
        """The records of a name."""
        self.asked.append(name)
        found = self.records.get(name, ())
        if found == WAIT:
            raise MustWait
        if found in (OUT, LONG_OUT):
            raise Outage(f"{name} is {found}", PATIENCE if found == LONG_OUT else PATIENCE - 1)
        if isinstance(found, str):
            raise LookupFailed(f"{name} is {found}")
        return found

    def listed(self, zone: str, address: Address) -> tuple[Address, ...]:
        return self._addresses(f"{address} {zone}")

    def names(self, address: Address) -> tuple[str, ...]:
        return self.find(str(address))

    def addresses(self, host: str) -> tuple[Address, ...]:
        return self._addresses(host)

    def exchangers(self, domain: str) -> tuple[MailExchanger, ...]:
        return tuple(MailExchanger(0, host) for host in self.find(f"MX {domain}") if host != ".")

    def refuses_mail(self, domain: str) -> bool:
        return "." in self.find(f"MX {domain}") and not self.exchangers(domain)

    def _addresses(self, name: str) -> tuple[Address, ...]:
        return tuple(map(ipaddress.ip_address, self.find(name)))


INSIDERS = Insiders(
    Addresses(
        Networks(parse_network(text) for text in ("192.0.2.0/24", "!192.0.2.66", "2001:db8:1::/48")),
        frozenset({"198.51.100.7"}),
    ),
    frozenset({"printer|ca"}),
)


def listing(*sites: str, threshold: int = 1, dns: Dns, insiders: Insiders = INSIDERS) -> Closes:
    """The restriction by lists."""
    return reject_listed_client(insiders, [parse_site(site) for site in sites], threshold, dns).ask


LISTED: dict[str, tuple[str, ...] | str] = {f"{STRANGER} bl.test": ("127.0.0.2",), f"{STRANGER} down.test": DOWN}

BY_STRANGER = [
    pytest.param(lambda dns: listing("bl.test", dns=dns), id="dnsbl"),
    pytest.param(lambda dns: reject_unconfirmed_client(INSIDERS, dns).ask, id="forward-confirmed"),
]


def told(subject: str) -> Macros:
    """A verified certificate of the CA."""
    return Macros(certificate=Certificate(subject, "ca"))


class Everything(Zone):
    """A DNS that lists every client, and knows the name of none."""

    def listed(self, zone: str, address: Address) -> tuple[Address, ...]:
        self.asked.append(str(address))
        return () if address.is_loopback else (ipaddress.ip_address("127.0.0.2"),)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        pytest.param(asks(address="192.0.2.7"), "a local client", id="local network"),
        pytest.param(asks(address="::ffff:192.0.2.7"), "a local client", id="local network, mapped"),
        pytest.param(asks(address="2001:db8:1::7"), "a local client", id="local network, IPv6"),
        pytest.param(asks(address="198.51.100.7"), "a local client", id="local address"),
        pytest.param(asks(login="joe"), "the client has a login", id="login"),
        pytest.param(asks(macros=told("printer")), "the client has an authorised certificate", id="certificate"),
        pytest.param(
            asks(address="127.0.0.1", port=0), "did not come by SMTP, so it cannot be refused", id="not by SMTP"
        ),
        pytest.param(asks(address="unknown"), "the client has no usable address", id="no address"),
        pytest.param(asks(address="fe80::1%eth0"), "the client has no usable address", id="zone"),
    ],
)
@pytest.mark.parametrize("make", BY_STRANGER)
def test_no_stranger(make: Callable[[Dns], Closes], asked: Request, why: str) -> None:
    """Who is no stranger is not asked for."""
    dns = Everything()
    assert NoOpinion(why) == make(dns)(asked)
    assert [] == dns.asked


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(asks(), id="stranger"),
        pytest.param(asks(address="192.0.2.66"), id="excluded"),
        pytest.param(asks(address="2001:db8:2::7"), id="IPv6"),
        pytest.param(asks(login=""), id="empty login"),
        pytest.param(asks(macros=told("other")), id="other certificate"),
        pytest.param(asks(macros=Macros()), id="no certificate"),
    ],
)
@pytest.mark.parametrize("make", BY_STRANGER)
def test_stranger(make: Callable[[Dns], Closes], asked: Request) -> None:
    """Everyone else is, whatever the recipient and the sender."""
    assert isinstance(make(Everything())(asked), Reject)


def test_certificates_may_not_count() -> None:
    """Where no certificate is authorised none makes a client known."""
    insiders = Insiders(Addresses())
    assert insiders.include(asks(macros=told("printer"))) is None


def test_who_is_local_is_down() -> None:
    """Where it cannot be told who is a stranger there is no answer; with a login none is needed."""
    insiders = Insiders(Addresses(others=FailingNames()))
    assert isinstance(insiders.include(asks(login="joe")), NoOpinion)
    with pytest.raises(LookupFailed):
        insiders.include(asks())


# Lists.


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (STRANGER, f"554 5.7.1 Service unavailable; Client host [{STRANGER}] blocked using bl.test"),
        ("2001:db8:2::7", "554 5.7.1 Service unavailable; Client host [2001:db8:2::7] blocked using bl.test"),
    ],
)
@pytest.mark.parametrize("mta", [Mta.POSTFIX, Mta.SENDMAIL], ids=["postfix", "sendmail"])
def test_words_of_a_list(mta: Mta, address: str, said: str) -> None:
    """The client reads what Postfix's reject_rbl_client would say."""
    asked = asks(address=address)
    answer = listing("bl.test", dns=Everything())(asked)
    assert isinstance(answer, Reject)
    assert said == str(words(answer.reply, asked, mta))


A, B, GOOD = "a.test*2", "b.test", "good.test*-2"


@pytest.mark.parametrize(
    ("sites", "threshold", "hits", "answer"),
    [
        pytest.param([A], 1, "a", "a.test", id="one"),
        pytest.param([A], 1, "", None, id="none"),
        pytest.param([A, B], 3, "ab", "a.test", id="together"),
        pytest.param([B, A], 3, "ab", "a.test", id="the worst is named"),
        pytest.param([A, B], 3, "a", None, id="not enough"),
        pytest.param([A, B], 1, "b", "b.test", id="the second"),
        pytest.param([A, GOOD], 1, "a good", None, id="a good client"),
        pytest.param([GOOD, A, B], 1, "ab good", "a.test", id="not good enough"),
        pytest.param([GOOD], 1, "good", None, id="good alone"),
        pytest.param(["a.test=127.0.0.2", "a.test=127.0.0.[2..3]*2"], 3, "a", "a.test", id="twice the same list"),
        pytest.param(["a.test=127.0.0.2", "a.test=127.0.0.3*9"], 2, "a", None, id="other replies"),
        # A list that fails:
        pytest.param([A, B], 1, "a -b", "a.test", id="enough without it"),
        pytest.param([B, A], 1, "a -b", "a.test", id="enough without it, which is asked first"),
        pytest.param([A, B], 2, "-b", None, id="never enough with it"),
        pytest.param([A, B], 1, "-b", LookupFailed, id="perhaps enough with it"),
        pytest.param([A, B], 3, "a -b", LookupFailed, id="enough with it alone"),
        pytest.param([A, GOOD], 1, "a -good", LookupFailed, id="perhaps good"),
        pytest.param([GOOD, A, "c.test*2"], 2, "ac -good", "a.test", id="bad though it may be good"),
        pytest.param([GOOD, A], 1, "-good", None, id="good or not"),
        pytest.param([A], 1, "-a", LookupFailed, id="alone"),
        pytest.param([A, B], 3, "-a -b", LookupFailed, id="all"),
        # A list whose answer is not there yet:
        pytest.param([A, B], 1, "a ?b", "a.test", id="no need to wait: enough"),
        pytest.param([A, B], 2, "?b", None, id="no need to wait: never enough"),
        pytest.param([A, B], 1, "?b", MustWait, id="wait"),
        pytest.param([A, B], 3, "-a ?b", MustWait, id="wait, though one fails"),
        pytest.param([A, B], 3, "?a -b", MustWait, id="wait, though a later one fails"),
        # A list that is out:
        pytest.param([A, B], 1, "xb", None, id="silent where another decides"),
        pytest.param([B, A], 1, "xb", None, id="silent where a later one decides"),
        pytest.param([A, B], 3, "a xb", None, id="silent where it alone would be enough"),
        pytest.param([A, B], 1, "xa -b", LookupFailed, id="out, and no other answers"),
        pytest.param([A, B], 1, "xa xb", LookupFailed, id="all are out"),
        pytest.param([A], 1, "xa", LookupFailed, id="the only one is out"),
        pytest.param([A], 1, "Xa", None, id="the only one is out for long"),
        pytest.param([A, B], 1, "Xa Xb", None, id="all are out for long"),
        pytest.param([A, B], 1, "Xa xb", LookupFailed, id="all are out, one for long"),
        pytest.param([A, B], 1, "Xa ?b", MustWait, id="wait for another than what is out for long"),
        pytest.param([A, B, "c.test"], 1, "xb ?c", MustWait, id="wait for another than what is silent"),
        pytest.param([A, GOOD], 1, "a xgood", LookupFailed, id="perhaps good, and out"),
        pytest.param([A, GOOD], 1, "a Xgood", "a.test", id="perhaps good, and out for long"),
        pytest.param([GOOD, B], 1, "xb", None, id="silent where a list of good clients answers"),
    ],
)  # fmt: skip
def test_score(sites: list[str], threshold: int, hits: str, answer: object) -> None:
    """Weights add up; what is not known does not matter where it cannot change the answer, else there is none."""
    state: dict[str, tuple[str, ...] | str] = {}
    for zone in ("a", "b", "c", "good"):
        tokens = hits.replace("ab", "a b").replace("ac", "a c").split()
        said: dict[str, tuple[str, ...] | str] = {zone: ("127.0.0.2",)}
        said |= {f"-{zone}": DOWN, f"?{zone}": WAIT, f"x{zone}": OUT, f"X{zone}": LONG_OUT}
        state |= {f"{STRANGER} {zone}.test": said[token] for token in tokens if token in said}
    ask = listing(*sites, threshold=threshold, dns=Zone(state))
    if isinstance(answer, type) and issubclass(answer, Exception):
        with pytest.raises(answer):
            ask(asks())
        return
    found = ask(asks())
    blocked = found.reply.text.rpartition(" ")[2] if isinstance(found, Reject) else None
    assert answer == blocked


def test_lists_are_asked_once_and_no_longer_than_needed() -> None:
    """Each list once, for all its entries, and a hit only after its test entry; none once the answer is certain."""
    dns = Zone({f"{STRANGER} a.test": ("127.0.0.2",)})
    listing("a.test=127.0.0.2", "b.test", "a.test=127.0.0.3", dns=dns)(asks())
    assert [f"{STRANGER} a.test", "127.0.0.1 a.test"] == dns.asked


@pytest.mark.parametrize(
    ("records", "answer"),
    [
        pytest.param({f"{STRANGER} a.test": ("127.0.0.2",), "127.0.0.1 a.test": ("127.0.0.2",)}, "", id="everything"),
        pytest.param({f"{STRANGER} a.test": ("127.0.0.2",), "127.0.0.1 a.test": DOWN}, "", id="down meanwhile"),
        pytest.param({f"{STRANGER} a.test": ("192.0.2.1",), "127.0.0.1 a.test": DOWN}, "in no list", id="parked"),
        pytest.param({f"{STRANGER} a.test": ("127.0.0.1",), "127.0.0.1 a.test": DOWN}, "in no list", id="blocked"),
    ],
)  # fmt: skip
def test_list_that_is_none(records: Mapping[str, tuple[str, ...] | str], answer: str) -> None:
    """A list with everything in it has failed (RFC 5782 5); other addresses are no listing."""
    ask = listing("a.test", dns=Zone(records))
    if answer:
        assert NoOpinion(answer) == ask(asks())
        return
    with pytest.raises(LookupFailed, match=r"127\.0\.0\.1"):
        ask(asks())


# Names.


@pytest.mark.parametrize(
    ("records", "answer"),
    [
        ({STRANGER: ("mx.test",), "mx.test": (STRANGER,)}, "mx.test is its name"),
        ({STRANGER: ("a.test", "mx.test"), "mx.test": ("::1", "192.0.2.1", STRANGER)}, "mx.test is its name"),
        ({STRANGER: ("down.test", "mx.test"), "down.test": DOWN, "mx.test": (STRANGER,)}, "mx.test is its name"),
        ({}, Reject),
        ({STRANGER: ("mx.test",)}, Reject),
        ({STRANGER: ("mx.test",), "mx.test": ("203.0.113.70",)}, Reject),
        ({STRANGER: ("mx.test",), "mx.test": ("::cb00:7107",)}, Reject),
        ({STRANGER: DOWN}, LookupFailed),
        ({STRANGER: ("mx.test",), "mx.test": DOWN}, LookupFailed),
        ({STRANGER: ("a.test", "b.test"), "a.test": DOWN, "b.test": ()}, LookupFailed),
        ({STRANGER: ("a", "b", "c"), "a": DOWN, "b": DOWN, "c": (STRANGER,)}, LookupFailed),
        ({STRANGER: tuple("abcdefgh"), "h": (STRANGER,)}, "h is its name"),
        ({STRANGER: tuple("abcdefgh")}, Reject),
        ({STRANGER: tuple("abcdefghi"), "i": (STRANGER,)}, LookupFailed),
        ({STRANGER: WAIT}, MustWait),
        ({STRANGER: ("mx.test",), "mx.test": WAIT}, MustWait),
    ],
)  # fmt: skip
def test_confirmed(records: Mapping[str, tuple[str, ...] | str], answer: str | type) -> None:
    """A name that has the address in its turn; without, a sure no, or no answer."""
    ask = reject_unconfirmed_client(Insiders(Addresses()), Zone(records)).ask
    if isinstance(answer, str):
        assert NoOpinion(answer) == ask(asks())
    elif answer is Reject:
        assert isinstance(ask(asks()), Reject)
    else:
        with pytest.raises(answer):
            ask(asks())


def test_words_of_an_unknown_client() -> None:
    """The code and the words are those of RFC 7372 and of Postfix."""
    asked = asks()
    answer = reject_unconfirmed_client(INSIDERS, Zone()).ask(asked)
    assert isinstance(answer, Reject)
    said = str(words(answer.reply, asked, Mta.SENDMAIL))
    assert f"550 5.7.25 Client host rejected: cannot find your hostname, [{STRANGER}]" == said
    assert answer.reason == f"{STRANGER} has no name"


# Domains of senders.

DOMAINS: dict[str, tuple[str, ...] | str] = {
    "MX mail.test": ("mx.test",),
    "MX xn--bcher-kva.test": ("mx.test",),
    "host.test": ("192.0.2.1",),
    "MX null.test": (".",),
    "null.test": ("192.0.2.1",),
    "MX half.test": (".", "mx.test"),
    "MX down.test": DOWN,
    "MX later.test": WAIT,
    "half-down.test": DOWN,
}


@pytest.mark.parametrize(
    ("sender", "answer"),
    [
        ("<a@mail.test>", "mail.test has a mail exchanger"),
        ("a@MAIL.test", "mail.test has a mail exchanger"),
        ("<a@bücher.test>", "xn--bcher-kva.test has a mail exchanger"),
        ("<a@half.test>", "half.test has a mail exchanger"),
        ("<a@host.test>", "host.test has an address"),
        ("<a%nowhere.test@host.test>", "host.test has an address"),
        ("<a@kite.test>", "the sender is ours"),
        ("<a@b.sub.test>", "the sender is ours"),
        ("<>", "the sender has no domain"),
        ("", "the sender has no domain"),
        ('<"">', "the sender has no domain"),
        ("<root>", "the sender has no domain"),
        ("<a@[192.0.2.25]>", "the sender has no domain"),
        ("<a@nowhere.test>", DOMAIN_NOT_FOUND),
        ("<a@mail.test.nowhere.test>", DOMAIN_NOT_FOUND),
        ("<@mail.test:a@nowhere.test>", DOMAIN_NOT_FOUND),
        ('<"a@mail.test"@nowhere.test>', DOMAIN_NOT_FOUND),
        ("<a@null.test>", NULL_MX),
        ("<a@mail.test", BAD_SENDER),
        ("<a@mail.test>,<b@nowhere.test>", BAD_SENDER),
        ("< >", BAD_SENDER),
        ("<a@down.test>", LookupFailed),
        ("<a@half-down.test>", LookupFailed),
        ("<a@later.test>", MustWait),
    ],
)
@pytest.mark.parametrize(
    "who",
    [
        {"address": STRANGER},
        {"address": "192.0.2.7"},
        {"login": "joe"},
        {"address": "unknown"},
    ],
    ids=["stranger", "local", "login", "no address"],
)
def test_sender_domain(who: dict[str, str], sender: str, answer: object) -> None:
    """For everyone: the domain is in the DNS and takes mail, or is ours, or there is none."""
    ours = Ours(DomainList(frozenset({"kite.test"})), (DomainList(frozenset({".sub.test"})),))
    ask = reject_unknown_sender_domain(ours, Zone(DOMAINS)).ask
    asked = asks(sender=sender, **who)  # type: ignore[arg-type]
    if isinstance(answer, type) and issubclass(answer, Exception):
        with pytest.raises(answer):
            ask(asked)
        return
    found = ask(asked)
    assert answer == (found.reason if isinstance(found, NoOpinion) else found.reply)


def test_sender_not_by_smtp() -> None:
    """Mail that Postfix makes itself cannot be refused, so nothing is asked of it."""
    ask = reject_unknown_sender_domain(Ours(DomainList(FailingNames())), Zone()).ask
    answer = ask(asks(address="127.0.0.1", port=0, sender="<a@nowhere.test>"))
    assert NoOpinion("did not come by SMTP, so it cannot be refused") == answer


def test_which_domains_are_ours_is_down() -> None:
    """Then it cannot be told whether the domain need be in the DNS."""
    with pytest.raises(LookupFailed):
        reject_unknown_sender_domain(Ours(DomainList(FailingNames())), Zone(DOMAINS)).ask(asks(sender="<a@mail.test>"))


def test_words_for_a_sender() -> None:
    """They are Postfix's."""
    asked = asks(sender="<a@nowhere.test>")
    said = [str(words(reply, asked, Mta.POSTFIX)) for reply in (DOMAIN_NOT_FOUND, NULL_MX, BAD_SENDER)]
    assert [
        "550 5.1.8 <a@nowhere.test>: Sender address rejected: Domain not found",
        "550 5.7.27 <a@nowhere.test>: Sender address rejected: Domain does not accept mail (nullMX)",
        "501 5.1.7 Bad sender address syntax",
    ] == said


# In a rule set.


@pytest.mark.parametrize(
    ("recipient", "dns", "expected"),
    [
        ("<bob@kite.test>", Zone(), "permit local-recipient"),
        ("<bob@kite.test>", Everything(), "reject dnsbl"),
        ("<bob@kite.test>", Zone(LISTED), "reject dnsbl"),
        ("<bob@kite.test>", Zone({f"{STRANGER} bl.test": DOWN}), "defer dnsbl"),
        ("<bob@else.test>", Everything(), "reject no-rule"),
        ("<bob@else.test>", Zone({f"{STRANGER} bl.test": DOWN}), "reject no-rule"),
        ("<bob@else.test>", Zone({f"{STRANGER} bl.test": WAIT}), "reject no-rule"),
    ],
)
def test_in_a_rule_set(recipient: str, dns: Zone, expected: str) -> None:
    """Lists are asked of what is permitted; a relay attempt is refused without, in the words of ever."""
    ruleset = Ruleset(relay_rules(), (Restriction("dnsbl", listing("bl.test", dns=dns)),))
    decision = ruleset.decide(asks(recipient))
    assert expected == outcome(decision)
    assert not isinstance(decision.verdict, Defer) or decision.verdict.reply.code == 451
    assert ("no-rule" in expected) is (not dns.asked)


def test_a_client_that_the_mta_does_not_tell() -> None:
    """One without an address is in no list: nothing can be asked of it."""
    assert client("").address is None
    assert isinstance(listing("bl.test", dns=Everything())(asks(address="")), NoOpinion)


PRINTER = Grant(
    "printer",
    networks=Addresses(Networks([parse_network(STRANGER)])),
    senders=Mailboxes(frozenset({"scan@kite.test"})),
    to_ours=True,
)
GRANTED = Insiders(
    Addresses(), grants=Grants((PRINTER,), Fold.EXACT, lambda: "2025-03-01", Ours(DomainList(frozenset({"kite.test"}))))
)


@pytest.mark.parametrize(
    ("sender", "recipient", "known"),
    [
        pytest.param("<scan@kite.test>", "<bob@kite.test>", True, id="covered"),
        pytest.param("<x@else.test>", "<bob@kite.test>", False, id="another sender"),
        pytest.param("<scan@kite.test>", "<bob@else.test>", False, id="another recipient"),
    ],
)
def test_a_client_that_a_grant_covers_is_no_stranger(sender: str, recipient: str, known: bool) -> None:
    """For the mail that the grant is for, and for that alone."""
    answer = listing("bl.test", dns=Everything(), insiders=GRANTED)(asks(recipient, sender=sender))
    assert known is isinstance(answer, NoOpinion)


NOTHING_OURS = Ours(DomainList(frozenset()))


def test_needs_of_those_that_only_strangers_are_asked() -> None:
    """The MTA tells certificates where a list of them, or a grant, names some."""
    signed = Grants(
        (Grant("signed", certificates=frozenset({"a|ca"})),), Fold.EXACT, str, Ours(DomainList(frozenset()))
    )
    assert [set(), {Need.CERTIFICATE}, {Need.CERTIFICATE}] == [
        insiders.needs for insiders in (GRANTED, INSIDERS, Insiders(Addresses(), grants=signed))
    ]
