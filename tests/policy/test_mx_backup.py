"""The rule for backup mail exchangers: the list, the path, and what the DNS must say."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.backup import Backup
from relaymilter.policy.domains import DomainList
from relaymilter.policy.networks import Address, Networks, parse_address, parse_network
from relaymilter.policy.ports import LookupFailed, MailExchanger, Names
from relaymilter.policy.recipients import Ours
from relaymilter.policy.relay import permit_mx_backup, permit_not_by_smtp
from relaymilter.policy.rules import RelayRule
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import Decision

from .asking import FailingNames, decide, outcome, relay_rules

LISTED = frozenset({"backed.test", ".under.test", "other.test"})
US = frozenset({"mx2.here.test", "mail.here.test"})
DENIED = "reject no-rule"
PERMITTED = "permit mx-backup"
UNCERTAIN = "defer uncertain"

Records = dict[str, tuple[tuple[int, str], ...] | str]
Hosts = dict[str, tuple[str, ...] | str]

PRIMARY: Hosts = {"mx1.backed.test": ("192.0.2.1", "2001:db8:2::1")}
BACKED: Records = {"backed.test": ((10, "mx1.backed.test"), (20, "mx2.here.test"))}


@dataclass
class Zone:
    """A DNS: MX records and addresses by name; text is how a look-up fails."""

    records: Records
    hosts: Hosts
    asked: list[str] = field(default_factory=list)

    def exchangers(self, domain: str) -> tuple[MailExchanger, ...]:
        self.asked.append(domain)
        found = self.records.get(domain, ())
        if isinstance(found, str):
            raise LookupFailed(found)
        return tuple(MailExchanger(*each) for each in found)

    def addresses(self, host: str) -> tuple[Address, ...]:
        self.asked.append(host)
        found = self.hosts.get(host, ())
        if isinstance(found, str):
            raise LookupFailed(found)
        return tuple(address for text in found if (address := parse_address(text)))


def rule(
    zone: Zone,
    networks: tuple[str, ...] = ("192.0.2.0/28", "2001:db8:2::/64", "!192.0.2.9"),
    hosts: frozenset[str] = US,
    addresses: Names = frozenset(),
) -> RelayRule:
    """The rule over that DNS."""
    backup = Backup(zone, Addresses(Networks(map(parse_network, networks)), addresses), hosts)
    local, relayed = DomainList(frozenset({"kite.test"})), DomainList(frozenset({"relay.test"}))
    return permit_mx_backup(DomainList(LISTED), backup, Ours(local, (relayed,)))


def ask(
    recipient: str = "<bob@backed.test>",
    records: Records = BACKED,
    hosts: Hosts = PRIMARY,
    rcpt_addr: bytes | None = None,
) -> Decision:
    """What the rule alone says."""
    return decide(recipient, rcpt_addr=rcpt_addr, ruleset=Ruleset((rule(Zone(records, hosts)),)))


def reason(decision: Decision) -> str:
    """Of the rule."""
    return decision.trail[0].answer.reason


def test_backed_up() -> None:
    """The domain is listed, the best exchanger is where it should be, and we are a lesser one: permitted."""
    decision = ask()
    assert (PERMITTED, "backed.test is a domain to back up") == (outcome(decision), reason(decision))


@pytest.mark.parametrize(
    "recipient", ["<bob@a.under.test>", "<Bob@BACKED.test>", "<bob@backed.test.>", "bob@backed.test"]
)
def test_forms(recipient: str) -> None:
    """A domain is compared as elsewhere: subdomains, case, a dot at the end, no brackets."""
    records: Records = {**BACKED, "a.under.test": BACKED["backed.test"]}
    assert PERMITTED == outcome(ask(recipient, records, rcpt_addr=None))


@pytest.mark.parametrize(
    ("records", "hosts", "said"),
    [
        pytest.param({}, PRIMARY, "backed.test has no mail exchanger", id="no MX"),
        pytest.param(
            {"backed.test": ((10, "mx1.backed.test"), (20, "mx3.there.test"))},
            PRIMARY,
            "this host is no mail exchanger of backed.test",
            id="not listed",
        ),
        pytest.param(
            {"backed.test": ((10, "mx2.here.test"), (20, "mx1.backed.test"))},
            PRIMARY,
            "this host is the best mail exchanger of backed.test, no backup",
            id="we are the best",
        ),
        pytest.param(
            {"backed.test": ((10, "mx1.backed.test"), (10, "mail.here.test"), (20, "mx2.here.test"))},
            PRIMARY,
            "this host is the best mail exchanger of backed.test, no backup",
            id="we are among the best, by another name",
        ),
        pytest.param(
            BACKED,
            {"mx1.backed.test": ("192.0.2.1", "198.51.100.1")},
            "the best mail exchanger, mx1.backed.test, is at 198.51.100.1, in no network to back up",
            id="an address elsewhere",
        ),
        pytest.param(
            BACKED,
            {"mx1.backed.test": ("192.0.2.9",)},
            "the best mail exchanger, mx1.backed.test, is at 192.0.2.9, in no network to back up",
            id="an excluded address",
        ),
        pytest.param(
            BACKED, {}, "the best mail exchanger, mx1.backed.test, has no address", id="no address"
        ),
        pytest.param(
            {"backed.test": ((10, "mx1.backed.test"), (10, "victim.test"), (20, "mx2.here.test"))},
            {**PRIMARY, "victim.test": ("203.0.113.99",)},
            "the best mail exchanger, victim.test, is at 203.0.113.99, in no network to back up",
            id="one of two best is elsewhere",
        ),
        pytest.param(
            {"backed.test": ((10, "mx1.backed.test"), (10, "gone.test"), (20, "mx2.here.test"))},
            PRIMARY,
            "the best mail exchanger, gone.test, has no address",
            id="one of two best has no address",
        ),
    ],
)  # fmt: skip
def test_not_backed_up(records: Records, hosts: Hosts, said: str) -> None:
    """Whatever else the DNS says, surely: refused, and the trail says why."""
    decision = ask(records=records, hosts=hosts)
    assert (DENIED, said) == (outcome(decision), reason(decision))


@pytest.mark.parametrize(
    ("records", "hosts"),
    [
        pytest.param({"backed.test": "SERVFAIL"}, PRIMARY, id="MX"),
        pytest.param(BACKED, {"mx1.backed.test": "SERVFAIL"}, id="address"),
    ],
)
def test_could_not_find_out(records: Records, hosts: Hosts) -> None:
    """A look-up that fails is neither a permit nor a refusal for good."""
    decision = ask(records=records, hosts=hosts)
    assert (UNCERTAIN, "SERVFAIL") == (outcome(decision), reason(decision))


def test_too_many_best() -> None:
    """A domain that would make us look up the addresses of very many hosts is not looked into."""
    for count, expected in ((8, PERMITTED), (9, UNCERTAIN)):
        best = [f"mx{number}.test" for number in range(count)]
        zone = Zone(
            {"backed.test": (*((10, host) for host in best), (20, "mx2.here.test"))},
            dict.fromkeys(best, ("192.0.2.1",)),
        )
        assert expected == outcome(decide("<bob@backed.test>", ruleset=Ruleset((rule(zone),))))


def test_nameless() -> None:
    """A host that does not know its own name cannot find out."""
    decision = decide("<bob@backed.test>", ruleset=Ruleset((rule(Zone(BACKED, PRIMARY), hosts=frozenset()),)))
    assert (UNCERTAIN, "the name of this host is not known") == (outcome(decision), reason(decision))


def test_addresses_in_a_table() -> None:
    """Where the best exchangers must be a table may say; one that fails is no answer, and what is excluded stays so."""
    for hosts, addresses, expected in (
        ({"mx1.backed.test": ("198.51.100.1",)}, frozenset({"198.51.100.1"}), PERMITTED),
        ({"mx1.backed.test": ("198.51.100.1",)}, FailingNames(), UNCERTAIN),
        ({"mx1.backed.test": ("192.0.2.9",)}, frozenset({"192.0.2.9"}), DENIED),
    ):
        assert expected == outcome(
            decide("<bob@backed.test>", ruleset=Ruleset((rule(Zone(BACKED, hosts), addresses=addresses),)))
        )


def test_many_best() -> None:
    """Every one of the best exchangers is where it should be: permitted; where the others are does not matter."""
    records: Records = {
        "backed.test": ((5, "a.test"), (5, "b.test"), (7, "far.test"), (7, "mx2.here.test"), (9, "mail.here.test"))
    }
    zone = Zone(records, {"a.test": ("192.0.2.1",), "b.test": ("192.0.2.2",)})
    assert PERMITTED == outcome(decide("<bob@backed.test>", ruleset=Ruleset((rule(zone),))))
    assert ["backed.test", "a.test", "b.test"] == zone.asked


@pytest.mark.parametrize(
    "recipient",
    [
        pytest.param("<bob@stranger.test>", id="a domain whose DNS names us, but is not listed"),
        pytest.param("<bob@sub.backed.test>", id="a subdomain of a listed one"),
        pytest.param("<bob@under.test>", id="its parent alone is meant"),
        pytest.param("<victim%stranger.test@backed.test>", id="percent"),
        pytest.param("<stranger.test!victim@backed.test>", id="bang"),
        pytest.param('<"victim@stranger.test"@backed.test>', id="quoted at"),
        pytest.param("<@backed.test:victim@stranger.test>", id="source route"),
        pytest.param("<@stranger.test:bob@backed.test>", id="source route to a listed one"),
        pytest.param("<postmaster>", id="postmaster"),
        pytest.param("<bob@[192.0.2.1]>", id="literal of the best exchanger"),
        pytest.param("<>", id="null path"),
    ],
)
def test_the_dns_is_not_asked(recipient: str) -> None:
    """Who controls a domain that is not listed gains nothing by naming us in it: we do not even look."""
    names = ("backed.test", "stranger.test", "sub.backed.test", "under.test", "[192.0.2.1]", "")
    zone = Zone({name: BACKED["backed.test"] for name in names}, PRIMARY)
    assert DENIED == outcome(decide(recipient, ruleset=Ruleset((rule(zone),))))
    assert [] == zone.asked


def test_malformed() -> None:
    """A path that cannot be parsed is not judged by what it resembles."""
    assert "reject bad-path" == outcome(ask("<bob@backed.test>,<victim@stranger.test>"))


@pytest.mark.parametrize(
    ("rcpt_addr", "expected"),
    [
        pytest.param(None, PERMITTED, id="silent"),
        pytest.param(b"bob@backed.test", PERMITTED, id="agrees"),
        pytest.param(b"bob", PERMITTED, id="a local user"),
        pytest.param(b"bob@kite.test", PERMITTED, id="a local domain"),
        pytest.param(b"victim@stranger.test", DENIED, id="reads another domain"),
        pytest.param(b"bob@other.test", DENIED, id="another one to back up, of which the DNS was not asked"),
        pytest.param(b"victim%stranger.test@backed.test", DENIED, id="reads routing"),
        pytest.param(b"@@", DENIED, id="cannot be read"),
    ],
)
def test_second_witness(rcpt_addr: bytes | None, expected: str) -> None:
    """A path that leaves something to interpret is as the MTA reads it; a plain one is judged by itself."""
    assert expected == outcome(ask('<"bob"@backed.test>', rcpt_addr=rcpt_addr))
    assert PERMITTED == outcome(ask(rcpt_addr=rcpt_addr))


def test_beside_the_other_rules() -> None:
    """It adds to them: what they permit the DNS is not asked about, and what it cannot say they can."""
    zone = Zone({"backed.test": "SERVFAIL"}, PRIMARY)
    rules = Ruleset((*relay_rules(), rule(zone)))
    assert "permit local-client" == outcome(decide("<bob@backed.test>", address="192.0.2.7", ruleset=rules))
    assert "permit relay-domain" == outcome(decide("<bob@relay.test>", ruleset=rules))
    assert [] == zone.asked
    assert UNCERTAIN == outcome(decide("<bob@backed.test>", ruleset=rules))
    assert "permit not-by-smtp" == outcome(
        decide("<a@backed.test>", address="127.0.0.1", port=0, ruleset=Ruleset((rule(zone), permit_not_by_smtp())))
    )
