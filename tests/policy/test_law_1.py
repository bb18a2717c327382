"""Rules open, restrictions close: no restriction there is, whatever is in it, turns a refusal into a permit."""

from __future__ import annotations

import importlib
import ipaddress
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from relaymilter import policy
from relaymilter.lookups.first_of import FirstOf
from relaymilter.policy import logins, reputation, restrictions, senders
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.block_lists import NEVER_LISTED, parse_site
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Request, client, request
from relaymilter.policy.grants import Grant, Grants
from relaymilter.policy.guard import charges
from relaymilter.policy.guard.history import Unit
from relaymilter.policy.guard.limits import Limit, Per
from relaymilter.policy.guard.novelty import Novelty
from relaymilter.policy.guard.releasing import suspend
from relaymilter.policy.guard.standing import Terms
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import Mailboxes
from relaymilter.policy.networks import Address, Networks, parse_network
from relaymilter.policy.ports import Change, LookupFailed, MailExchanger, Map, MustWait, Names, Past
from relaymilter.policy.recipients import Ours
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.ruleset import UNCERTAIN, Ruleset
from relaymilter.policy.verdict import Decision, Defer, NoOpinion, Permit, Reject
from tests.policy.asking import FailingNames, relay_rules
from tests.policy.lists import OneByOne
from tests.policy.maps import FailingMap, Known, table
from tests.policy.oracle import only_ours
from tests.policy.test_properties import damaged, mailboxes
from tests.policy.test_relay import HONEST, HONEST_BUT_ODD, HOSTILE
from tests.policy.test_senders import NULL_FORMS, SPOOFS

Strategy: TypeAlias = st.SearchStrategy[Any]

# Contents: what is known, what is everything, what is down, and what can only be asked by waiting.

LOGINS = ["joe", "Joe", "ann@kite.test", "@kite.test", "*", "a@b@c", "\u212aim", "joe, ann", "joe@"]
ENTRIES = [
    "joe@kite.test",
    "@kite.test",
    "kite.test",
    ".test",
    "else.test",
    "<>",
    "b",
    "b@else.test",
    "*",
    "b@kite.test",
]
VALUES = [
    "",
    "none",
    "internal",
    "joe",
    "joe, ann",
    "*",
    "@kite.test",
    "192.0.2.0/24",
    "!192.0.2.0/24, x",
    "else.test b@",
]
TEXTS = ["192.0.2.0/24", "!192.0.2.66", "203.0.113.7", "127.0.0.0/8", "2001:db8::/32", "!2001:db8:1::/48"]


class Everything:
    """A list that holds whatever it is asked for."""

    def __contains__(self, name: object, /) -> bool:
        return True


class Waiting:
    """A list and a map that can only be asked where one may wait."""

    def __contains__(self, name: object, /) -> bool:
        raise MustWait

    def find(self, key: str, /) -> str | None:
        raise MustWait


@dataclass(frozen=True)
class Always:
    """A map with this value for every key."""

    value: str

    def find(self, key: str, /) -> str | None:
        return self.value


@dataclass(frozen=True)
class Saying(OneByOne):
    """A DNS that says the same of everything, but of what no list may have."""

    texts: Sequence[str]
    hosts: Sequence[str]
    problem: Exception | None = None

    def addresses(self, host: str, /) -> tuple[Address, ...]:
        if self.problem:
            raise self.problem
        return tuple(map(ipaddress.ip_address, self.texts))

    def listed(self, zone: str, address: Address, /) -> tuple[Address, ...]:
        return () if address.is_loopback else self.addresses(zone)

    def names(self, address: Address, /) -> tuple[str, ...]:
        self.addresses("")
        return tuple(self.hosts)

    def exchangers(self, domain: str, /) -> tuple[MailExchanger, ...]:
        return tuple(MailExchanger(0, host) for host in self.names(NEVER_LISTED))

    def refuses_mail(self, domain: str, /) -> bool:
        return "." in self.names(NEVER_LISTED)


@dataclass(frozen=True)
class Remembering:
    """A ledger that says the same of everybody, whatever becomes of him."""

    record: bytes | None
    seen: int | None = None
    problem: Exception | None = None

    def update(self, subject: str, now: int, asks: tuple[bytes, ...], change: Callable[[Past], Change[Any]], /) -> Any:
        if self.problem:
            raise self.problem
        return change(Past(self.record, (self.seen,) * len(asks))).result

    def read(self, subject: str, now: int, /) -> bytes | None:
        return self.record

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        return iter(())

    def forget(self, subject: str, /) -> bool:
        return False


NAMES: st.SearchStrategy[Names] = st.one_of(
    st.frozensets(st.sampled_from([*LOGINS, *ENTRIES]), max_size=6),
    st.sampled_from([Everything(), FailingNames(), Waiting()]),
)
TABLES: st.SearchStrategy[Map[str]] = st.one_of(
    st.dictionaries(st.sampled_from([*LOGINS, *ENTRIES]), st.sampled_from(VALUES), max_size=6).map(Known),
    st.one_of(st.sampled_from(VALUES), st.text(max_size=8)).map(Always),
    st.sampled_from([FailingMap(), Waiting()]),
)


def maps(parse: Callable[[str], Any]) -> Strategy:
    """Maps whose values are text, which may be no value."""
    return TABLES.map(lambda table: FirstOf({}, parse, (table,)))


NETWORKS = st.lists(st.sampled_from(TEXTS), max_size=4).map(lambda texts: Networks(map(parse_network, texts)))
ADDRESSES = st.builds(Addresses, NETWORKS, NAMES)
DOMAINS = NAMES.map(DomainList)
MAILBOXES = NAMES.map(Mailboxes)
FOLDS = st.sampled_from(list(Fold))
OURS = st.builds(Ours, DOMAINS, st.lists(DOMAINS, max_size=2).map(tuple))
EXEMPT = st.builds(restrictions.Exempt, NAMES, ADDRESSES)
GRANTED = Grant("joe", logins=frozenset({"joe"}), to_ours=True)
GRANTS = st.builds(lambda ours: Grants((GRANTED,), Fold.EXACT, str, ours), OURS)
INSIDERS = st.builds(reputation.Insiders, ADDRESSES, st.one_of(st.none(), NAMES), st.one_of(st.none(), GRANTS))
SITES = st.lists(
    st.sampled_from(["bl.test", "bl.test=127.0.0.3*2", "other.test*2", "good.test*-3"]).map(parse_site), min_size=1
)
REPLIES = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "203.0.113.7", "2001:db8:2::7"]
DNS: st.SearchStrategy[Saying] = st.one_of(
    st.builds(
        Saying,
        st.lists(st.sampled_from(REPLIES), max_size=2),
        st.lists(st.sampled_from(["mx.test", "."]), max_size=2),
    ),
    st.sampled_from([Saying((), (), LookupFailed("the DNS is down")), Saying((), (), MustWait())]),
)
LEDGERS = st.sampled_from(
    [
        Remembering(None),
        Remembering(suspend(1_800_000_000)(Past(None, ())).record),
        Remembering(b"\xff"),
        Remembering(None, None, LookupFailed("the ledger is down")),
        Remembering(None, None, MustWait()),
    ]
)
LIMITS = st.lists(
    st.builds(
        Limit,
        st.integers(0, 1),
        st.sampled_from([Unit.RECIPIENTS, Unit.MESSAGES]),
        st.just(86_400),
        st.sampled_from(list(Per)),
    ),
    max_size=3,
).map(tuple)
NUMBERS = st.one_of(st.none(), st.integers(0, 3))
CHARGES = st.builds(
    lambda ledger, spare, ours, fold, terms, others, named, administrators: charges.Charges(
        *(ledger, spare, b"k" * 16, lambda: 1_800_000_000.0, ours, fold, terms, others, named, administrators)
    ),
    *(LEDGERS, LEDGERS, OURS, FOLDS),
    st.builds(
        lambda limits, novelty: Terms(tuple(limit._replace(per=Per.LOGIN) for limit in limits), novelty),
        *(LIMITS, st.builds(Novelty, NUMBERS, NUMBERS, NUMBERS, NUMBERS)),
    ),
    *(LIMITS, st.one_of(st.none(), maps(charges.parse_named), st.just(Always(()))), st.one_of(st.none(), MAILBOXES)),
)
SWITCH = st.sampled_from([lambda: True, lambda: False])


def owned_senders(fold: Fold) -> Strategy:
    """What logins own, compared so."""
    owners = st.one_of(st.none(), maps(partial(senders.parse_owners, fold)))
    return st.builds(senders.Owned, owners, st.one_of(st.none(), NAMES), st.just(fold))


OWNED_SENDERS = FOLDS.flatmap(owned_senders)


def owned(fold: Fold) -> Strategy:
    """Restrictions by what logins own, compared so."""
    return st.builds(senders.reject_sender_not_owned, maps(partial(senders.parse_owners, fold)), st.just(fold))


EVERY: dict[str, Strategy] = {
    "defer_over_limit": CHARGES.map(charges.defer_over_limit),
    "reject_client": st.builds(restrictions.reject_client, ADDRESSES),
    "reject_helo": st.builds(restrictions.reject_helo, DOMAINS),
    "reject_sender": st.builds(restrictions.reject_sender, MAILBOXES),
    "reject_recipient": st.builds(restrictions.reject_recipient, MAILBOXES),
    "defer_in_lockdown": st.builds(restrictions.defer_in_lockdown, SWITCH, EXEMPT, FOLDS, OURS),
    "reject_login_client": st.builds(logins.reject_login_client, maps(logins.parse_networks)),
    "reject_login_recipient": st.builds(logins.reject_login_recipient, maps(logins.parse_recipients), OURS),
    "reject_sender_not_owned": FOLDS.flatmap(
        lambda fold: st.builds(
            senders.reject_sender_not_owned, maps(partial(senders.parse_owners, fold)), st.just(fold)
        )
    ),
    "reject_null_sender": st.builds(senders.reject_null_sender, NAMES, FOLDS),
    "reject_listed_client": st.builds(reputation.reject_listed_client, INSIDERS, SITES, st.integers(1, 4), DNS),
    "reject_unconfirmed_client": st.builds(reputation.reject_unconfirmed_client, INSIDERS, DNS),
    "reject_unknown_sender_domain": st.builds(reputation.reject_unknown_sender_domain, OURS, DNS),
    "reject_local_client_sender": st.builds(senders.reject_local_client_sender, ADDRESSES, MAILBOXES, OWNED_SENDERS),
}
"""Every restriction there is, with any content."""

RESTRICTIONS = st.builds(
    lambda restriction, warns: replace(restriction, warns=warns), st.one_of(*EVERY.values()), st.booleans()
)
MANY_RESTRICTIONS = st.lists(RESTRICTIONS, min_size=1, max_size=6)

CASES = [case.values[0] for case in (*HOSTILE, *HONEST, *HONEST_BUT_ODD, *SPOOFS)]
PATHS = [*(case if isinstance(case, bytes) else str(case).encode() for case in CASES), *NULL_FORMS]
"""As clients have been seen, or thought of, to write them."""
RECIPIENTS = st.sampled_from([b"<b@kite.test>", b"<b@else.test>", b"<b@relay.test>", *PATHS])
SENDERS = st.sampled_from([b"<>", b"", b"<joe@kite.test>", b"<b@else.test>", *PATHS])
WITNESSES = st.sampled_from([None, b"b@kite.test", b"b@else.test", b"b", b"", b"\xff"])
TEXTS_OF_ADDRESSES = st.sampled_from(
    ["203.0.113.7", "192.0.2.7", "192.0.2.66", "::ffff:192.0.2.7", "2001:db8:1::7", "127.0.0.1", ""]
)
CLIENTS = st.builds(client, TEXTS_OF_ADDRESSES, st.sampled_from([None, 0, 25]))
WHO = st.sampled_from([None, "", *LOGINS])
HELOS = st.sampled_from([b"", b"else.test", b"a.kite.test", b"\xff"])
REQUESTS = st.builds(
    lambda client, recipient, login, rcpt_addr, helo, sender: request(
        client, recipient, login=login, rcpt_addr=rcpt_addr, helo=helo, sender=sender
    ),
    *(CLIENTS, RECIPIENTS, WHO, WITNESSES, HELOS, SENDERS),
)


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function of policy/ that is named as a restriction."""
    for found in pkgutil.walk_packages(policy.__path__, f"{policy.__name__}."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if name.startswith(("reject_", "defer_")) and getattr(value, "__module__", "") == module.__name__:
                yield name, value


def test_every_restriction_is_searched() -> None:
    """A restriction that is written must be searched for counterexamples, too: it has its line in EVERY."""
    assert dict(functions()).keys() == EVERY.keys()


@pytest.mark.parametrize("name", EVERY)
def test_no_type_says_permit(name: str) -> None:
    """What makes a restriction gives one, which is asked for nothing but reject, defer and no opinion."""
    assert typing.get_type_hints(dict(functions())[name])["return"] is Restriction
    takes, answers = typing.get_args(typing.get_type_hints(Restriction)["ask"])
    assert takes == [Request]
    assert isinstance(answers, types.UnionType)
    assert {NoOpinion} < set(typing.get_args(answers)) <= {NoOpinion, Reject, Defer}


def decided(ruleset: Ruleset, asked: Request, trail: bool = False) -> Decision | None:
    """The decision, or None where it must wait."""
    try:
        return ruleset.decide(asked, trail)
    except MustWait:
        return None


def permits(ruleset: Ruleset, asked: Request) -> bool:
    """It permits at once."""
    decision = decided(ruleset, asked)
    return decision is not None and decision.word == "permit"


@given(asked=REQUESTS, restriction=RESTRICTIONS)
@settings(max_examples=200)
def test_no_restriction_permits(asked: Request, restriction: Restriction) -> None:
    """Whatever a restriction is asked, it rejects, defers, has no opinion, or could not find out."""
    try:
        answer = restriction.ask(asked)
    except (LookupFailed, MustWait):
        return
    assert isinstance(answer, Reject | Defer | NoOpinion)
    assert not isinstance(answer, Permit)


RULES: st.SearchStrategy[tuple[RelayRule, ...]] = st.one_of(
    st.just(relay_rules(logins=frozenset({"joe"}))),
    st.just(relay_rules()),
    st.just(()),
    st.builds(lambda local, logins: relay_rules(local=local, logins=logins), NAMES, st.one_of(st.none(), NAMES)),
)


@given(
    rules=RULES, first=st.lists(RESTRICTIONS, max_size=3), added=MANY_RESTRICTIONS, at=st.integers(0, 3), asked=REQUESTS
)
@settings(max_examples=300)
def test_restrictions_only_close(
    rules: tuple[RelayRule, ...], first: list[Restriction], added: list[Restriction], at: int, asked: Request
) -> None:
    """Added anywhere, they open nothing; what the rules refuse stays refused in the same words."""
    free = decided(Ruleset(rules), asked)
    before = Ruleset(rules, tuple(first))
    after = Ruleset(rules, (*first[:at], *added, *first[at:]))
    if free is None or free.word != "permit":
        assert free == decided(before, asked) == decided(after, asked)
    if not permits(before, asked):
        assert not permits(after, asked)
    decision = decided(after, asked)
    if decision is not None and decision.word == "permit":
        assert free is not None
        assert (free.verdict, free.rule) == (decision.verdict, decision.rule)


@given(rules=RULES, added=MANY_RESTRICTIONS, asked=REQUESTS)
@settings(max_examples=200)
def test_warnings_change_nothing(rules: tuple[RelayRule, ...], added: list[Restriction], asked: Request) -> None:
    """Restrictions that only warn leave every decision as it was, and tell exactly what they would have refused."""
    warning = decided(Ruleset(rules, tuple(replace(each, warns=True) for each in added)), asked)
    free = decided(Ruleset(rules), asked)
    if warning is None or free is None:
        return
    assert (free.verdict, free.rule) == (warning.verdict, warning.rule)
    refusing = decided(Ruleset(rules, tuple(replace(each, warns=False) for each in added)), asked)
    if refusing is not None and free.word == "permit":
        assert bool(warning.warnings) is (refusing.word != "permit")


@pytest.mark.parametrize("name", EVERY)
def test_the_search_reaches_refusals(name: str) -> None:
    """The properties above are not empty: each restriction refuses something that the rules permit."""

    def refuses(case: tuple[Any, Request]) -> bool:
        decision = decided(Ruleset(relay_rules(), (case[0],)), case[1])
        return decision is not None and decision.rule == case[0].name and decision.verdict.reply is not UNCERTAIN

    found = find(
        st.tuples(EVERY[name], REQUESTS),
        refuses,
        settings=settings(max_examples=2000, derandomize=True, database=None, phases=[Phase.generate]),
    )
    assert refuses(found)


# A login's senders, told without the parser.

OWNED = table(
    partial(senders.parse_owners, Fold.EXACT),
    dict.fromkeys(["kite.test", ".sub.test", "xn--bcher-kva.test", "relay.test"], "joe")
    | dict.fromkeys(["[192.0.2.25]", "[192.0.2.26]", "[ipv6:2001:db8::25]", "postmaster"], "joe"),
)


@given(sender=damaged(st.one_of(mailboxes(), st.sampled_from(PATHS))))
@settings(max_examples=300)
def test_owned_is_what_all_would_read_so(sender: bytes) -> None:
    """A login that owns exactly our domains may use a sender only if whoever reads it finds one of them."""
    answer = senders.reject_sender_not_owned(OWNED, Fold.EXACT).ask(
        request(client("192.0.2.7"), b"<b@else.test>", login="joe", sender=sender)
    )
    if isinstance(answer, NoOpinion) and not senders.is_null(sender):
        assert only_ours(sender)


@given(rules=RULES, restrictions=st.lists(RESTRICTIONS, max_size=4), asked=REQUESTS)
@settings(max_examples=300)
def test_a_trail_changes_nothing(rules: tuple[RelayRule, ...], restrictions: list[Restriction], asked: Request) -> None:
    """What is decided, by which rule, why, and with which warnings, is the same whether or not somebody looks on."""
    ruleset = Ruleset(rules, tuple(restrictions))
    with_trail = decided(ruleset, asked, trail=True)
    assert decided(ruleset, asked) == (with_trail and with_trail._replace(trail=()))
    assert with_trail is None or with_trail.trail
