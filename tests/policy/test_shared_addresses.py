"""An address that hides outsiders is noticed within so many sessions; sound sites are not, over weeks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import islice
from random import Random

import pytest

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.envelope import Request, client, request
from relaymilter.policy.local_clients import LocalClients
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.relay import permit_local_client
from relaymilter.policy.shared_addresses import RULES, Alarm, Evidence, Watch, looks_shared, shared
from relaymilter.policy.sketches import DAY, Sketches
from relaymilter.policy.verdict import NoOpinion, Permit

from .sites import HIDING, SOUND, Said, Site
from .test_sketches import HERE, NOON, Octets

MIDNIGHT = NOON // DAY * DAY
OWN = {"example.org", *(f"brand{number}.com" for number in range(5))}
OUTSIDERS = [Said(f"mx.firm{number}.com", f"a@firm{number}.com") for number in range(40)]


def asking(said: Said, address: str = str(HERE)) -> Request:
    """A recipient in this session."""
    helo, sender = said.helo.encode(), f"<{said.sender}>".encode()
    return request(client(address, 1), b"<v@example.com>", login=said.login, helo=helo, sender=sender)


@dataclass
class Seen:
    """A watch, its clock, and what it has told."""

    distrusts: bool = False
    known: tuple[str, ...] = ()
    own: Callable[[str], bool] = OWN.__contains__
    now: int = NOON
    told: list[Alarm] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sketches = Sketches(Octets())
        known = Networks(map(parse_network, self.known))
        self.watch = Watch(self.sketches, lambda: self.now, self.own, self.told.append, self.distrusts, known)

    def see(self, sessions: Iterable[Said]) -> Evidence:
        """These come: what the address has shown then."""
        for said in sessions:
            self.watch.see(asking(said))
        slot = self.sketches.slot(HERE)
        return Evidence() if slot is None else Evidence._make(self.sketches.counts(slot, self.now // DAY))


@pytest.mark.parametrize("site", SOUND.values(), ids=SOUND)
def test_sound_site(site: Site) -> None:
    """Nothing is said of it in twenty days, nor would it be if two thirds of what a rule says were enough."""
    chance, seen, most = Random(11), Seen(), Evidence()
    for day in range(20):
        seen.now = MIDNIGHT + day * DAY
        most = Evidence._make(map(max, most, seen.see(site(chance, day))))
    assert seen.told == []
    for rule in RULES:
        assert any(shown < 2 / 3 * least for shown, least in zip(most, rule, strict=True))


@pytest.mark.parametrize(
    ("name", "within"), [("inbound", 40), ("bots", 80), ("infected", 30), ("roaming", 250)], ids=[*HIDING]
)
def test_hidden_outsiders(name: str, within: int) -> None:
    """They are noticed within so many sessions, whatever the chance."""
    for number in range(100):
        seen = Seen()
        seen.see(islice(HIDING[name](Random(number), 0), within))
        assert [alarm.address for alarm in seen.told] == [HERE]


def test_among_insiders() -> None:
    """Outsiders are noticed among ten times as many sessions of an office."""
    seen, chance = Seen(), Random(5)
    outsiders = HIDING["inbound"](chance, 0)
    insiders = (said for day in range(2) for said in SOUND["office"](chance, day))
    for _ in range(40):
        seen.see([next(outsiders), *islice(insiders, 10)])
    assert len(seen.told) == 1


def test_once_a_day() -> None:
    """It is told once a day while it goes on, with the evidence, and not after it has stopped."""
    seen = Seen()
    seen.see(OUTSIDERS)
    assert [alarm.distrusted for alarm in seen.told] == [False]
    assert seen.told[0].evidence == Evidence(12, 12, 12)
    seen.now += DAY
    seen.see(OUTSIDERS)
    assert len(seen.told) == 2
    seen.now += 3 * DAY
    seen.see(OUTSIDERS[:5])
    assert len(seen.told) == 2
    assert [*shared(seen.sketches, seen.now)] == []


def test_told_while_it_lasts() -> None:
    """Who asks is told of an address that looks shared, and of no other."""
    seen = Seen()
    seen.see(OUTSIDERS)
    seen.watch.see(asking(OUTSIDERS[0], "192.0.2.7"))
    ((address, evidence, distrusted),) = shared(seen.sketches, seen.now)
    assert (address, distrusted) == (HERE, False)
    assert looks_shared(evidence)


def test_distrust() -> None:
    """An address that looks shared is local no more, even when it shows nothing, and another one stays so."""
    seen = Seen(distrusts=True)
    clients = LocalClients(Addresses(Networks([parse_network("172.17.0.0/16")])), distrusted=seen.watch.distrusted)
    ask = permit_local_client(clients, seen.watch.see).ask
    answers = [type(ask(asking(said))) for said in OUTSIDERS]
    assert answers[0] is Permit
    assert answers[-1] is NoOpinion
    assert answers == sorted(answers, key=lambda answer: answer is NoOpinion)
    assert [alarm.distrusted for alarm in seen.told] == [True]
    seen.now += 100 * DAY
    assert isinstance(ask(asking(OUTSIDERS[0])), NoOpinion)
    assert isinstance(ask(asking(OUTSIDERS[0], "172.17.0.2")), Permit)
    assert [alarm.distrusted for alarm in shared(seen.sketches, seen.now)] == [True]
    seen.sketches.forget()
    assert isinstance(ask(asking(OUTSIDERS[0])), Permit)


def test_distrusted_by_a_policy_before() -> None:
    """Where a reload turns to warnings, or names the address as shared by ours, it is local again."""
    seen = Seen(distrusts=True)
    seen.see(OUTSIDERS)
    assert seen.watch.distrusted(HERE)
    for distrusts, known in ((False, ()), (True, ("172.17.0.1",))):
        after = Seen(distrusts, known)
        after.sketches.memory.octets[:] = seen.sketches.memory.octets
        assert not after.watch.distrusted(HERE)
    after = Seen(distrusts=True, known=("172.17.0.0/16", "!172.17.0.1"))
    after.sketches.memory.octets[:] = seen.sketches.memory.octets
    assert after.watch.distrusted(HERE)


def test_known() -> None:
    """Of an address that is known to be shared nothing is kept."""
    seen = Seen(known=("172.17.0.0/16",))
    assert seen.see(OUTSIDERS) == Evidence()
    assert seen.sketches.slot(HERE) is None


@pytest.mark.parametrize("address", ["", "unknown", "127.0.0.1"], ids=["none", "name", "not by SMTP"])
def test_no_client(address: str) -> None:
    """What has no address is not kept, nor what did not come by SMTP."""
    seen = Seen()
    seen.watch.see(asking(OUTSIDERS[0])._replace(client=client(address, 0)))
    assert [*seen.sketches] == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (Said("mx1.example.net", "a@b.test"), Evidence(1, 1, 1)),
        (Said("MX1.Example.NET.", "a@B.test"), Evidence(1, 1, 1)),
        (Said("mx1.example.org", "a@example.org"), Evidence(0, 0, 1)),
        (Said("mx1.office.example.org", "a@x.example.org"), Evidence(0, 0, 1)),
        (Said("[203.0.113.9]", ""), Evidence(0, 0, 1)),
        (Said("[8.8.8.8]", ""), Evidence(1, 0, 1)),
        (Said("[IPv6:2606:4700::1111]", ""), Evidence(1, 0, 1)),
        (Said("8.8.8.8", ""), Evidence(1, 0, 1)),
        (Said("[172.17.0.1]", ""), Evidence(0, 0, 1)),
        (Said("[192.168.0.5]", ""), Evidence(0, 0, 1)),
        (Said("laptop.fritz.box", ""), Evidence(0, 0, 1)),
        (Said("smtpclient.apple", ""), Evidence(0, 0, 1)),
        (Said("PC-7", "root"), Evidence(0, 0, 1)),
        (Said("\N{SNOWMAN} .", "a@\N{SNOWMAN}", "bob"), Evidence(0, 0, 1, 1)),
        (Said("x" * 2000, "a@[8.8.8.8]"), Evidence(0, 0, 1)),
        (Said("", ""), Evidence()),
    ],
    ids=lambda value: repr(value[0])[:30] if isinstance(value, Said) else "",
)
def test_what_counts(said: Said, shown: Evidence) -> None:
    """Names and public addresses that others use on the Internet, by the domain that somebody has registered."""
    assert Seen().see([said]) == shown


def test_domains() -> None:
    """Hosts of one domain are one, also below a country's second level; two providers' addresses are two."""
    names = ("mx1.a.co.uk", "mx2.a.co.uk", "mx.b.co.uk", "[8.8.8.8]", "[8.8.4.4]", "[9.9.9.9]")
    assert Seen().see(Said(name, "") for name in names) == Evidence(4, 0, 6)


@pytest.mark.parametrize("error", [MustWait(), LookupFailed("down")], ids=["waits", "fails"])
def test_domains_not_known(error: Exception) -> None:
    """Where it cannot be known now whether a domain is ours it is taken for one of others; nobody is deferred."""

    def own(domain: str) -> bool:
        raise error

    assert Seen(own=own).see([Said("mx.example.org", "a@example.org")]) == Evidence(1, 1, 1)


def test_public_own_address() -> None:
    """A client that greets by its own public address shows nothing of others."""
    seen = Seen()
    seen.watch.see(asking(Said("[8.8.8.8]", ""), "8.8.8.8"))
    slot = seen.sketches.slot(IPv4Address("8.8.8.8"))
    assert slot is not None
    assert seen.sketches.counts(slot, seen.now // DAY) == (0, 0, 1, 0)


def test_no_room() -> None:
    """Where all room is taken by addresses that have lost their trust, another one is local, and not watched."""
    seen = Seen(distrusts=True)
    for number in range(255):
        slot = seen.sketches.add(IPv4Address(number + 1), NOON, [])
        assert slot is not None
        seen.sketches.write(slot, seen.sketches.head(slot)._replace(distrusted=1))
    assert seen.see(OUTSIDERS) == Evidence()
    assert seen.told == []
