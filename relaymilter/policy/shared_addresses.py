"""Local addresses that are no single host: outsiders come through them, because something hides their addresses.

A host greets by its own name, whatever it sends: a smarthost, a web application, a host of mailing lists. People behind
NAT greet by bare names and private addresses, and send as their own domain. A proxy or NAT in front of the MTA shows
the names of many mail exchangers that have nothing to do with us, and their senders. What is counted are names of
sessions that come to a recipient, today and yesterday, by sketches.py; RULES say what is too much, and the simulation
in tests/policy/test_shared_addresses.py why.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from relaymilter.policy.domains import domain_form
from relaymilter.policy.envelope import Request
from relaymilter.policy.networks import Address, Networks, parse_address
from relaymilter.policy.ports import LookupFailed, MustWait
from relaymilter.policy.senders import sender_path
from relaymilter.policy.sketches import DAY, Mark, Sketches, mark


class Shown(IntEnum):
    """What an address shows of who is behind it."""

    EXCHANGERS = 0
    """Domains of others in HELO names, `example.net` of `mx1.example.net`, and public addresses but its own."""
    SENDERS = 1
    """Domains of others in senders."""
    NAMES = 2
    """HELO names, whatever they are."""
    LOGINS = 3


class Evidence(NamedTuple):
    """How many of each, at least, in two days."""

    exchangers: int = 0
    senders: int = 0
    names: int = 0
    logins: int = 0


RULES = (
    Evidence(exchangers=12, senders=12),
    Evidence(senders=40, names=60),
    Evidence(names=120, logins=120),
)
"""An address that shows as much as any of these is shared: by mail exchangers, by hosts that have no name, or by the
users of a whole site."""


class Alarm(NamedTuple):
    """An address that looks shared, as it is to be told."""

    address: Address
    evidence: Evidence
    distrusted: bool


_PRIVATE_ENDS = frozenset(
    {
        "arpa",
        "box",
        "corp",
        "home",
        "internal",
        "intern",
        "intra",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "private",
    }
)
"""Last labels of names that mean something in one network alone."""
_APPLE = "smtpclient.apple"
"""How programs for mail greet on Apple's telephones, whoever has them."""
_BELOW_COUNTRIES = frozenset({"ac", "co", "com", "edu", "gob", "gov", "ltd", "ne", "net", "or", "org"})


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at what local clients say."""

    sketches: Sketches
    clock: Callable[[], float]
    """Seconds of Unix time."""
    own: Callable[[str], bool]
    """This domain is ours. It may raise LookupFailed and MustWait."""
    tell: Callable[[Alarm], None]
    """Called once a day for an address that looks shared."""
    distrusts: bool = False
    """An address that looks shared loses its trust."""
    known: Networks = field(default_factory=Networks)
    """Those that are shared by people of ours."""

    def distrusted(self, address: Address) -> bool:
        """It has lost its trust, and is not known to be shared by ours alone."""
        if not self.distrusts:
            return False
        slot = self.sketches.slot(address)
        return slot is not None and self.sketches.head(slot).distrusted != 0 and not self._known(address)

    def see(self, request: Request) -> None:
        """What a local client says with a recipient; told of where it is too much."""
        address = request.client.address
        if address is None or not request.client.by_smtp or self._known(address):
            return
        now, marks = int(self.clock()), [*self._marks(request, address)]
        slot = self.sketches.slot(address)
        if slot is None or not self.sketches.knows(slot, now // DAY, marks):
            with self.sketches.memory.locked():
                alarm = self._add(address, now, marks)
            if alarm is not None:
                self.tell(alarm)

    def _add(self, address: Address, now: int, marks: list[Mark]) -> Alarm | None:
        slot, day = self.sketches.add(address, now, marks), now // DAY
        evidence = None if slot is None else Evidence._make(self.sketches.counts(slot, day))
        if slot is None or evidence is None or not looks_shared(evidence):
            return None
        head = self.sketches.head(slot)
        self.sketches.write(slot, head._replace(told=day, distrusted=self.distrusts or head.distrusted))
        return None if head.told >= day else Alarm(address, evidence, self.distrusts)

    def _known(self, address: Address) -> bool:
        network = self.known.find(address)
        return network is not None and not network.excluded

    def _marks(self, request: Request, address: Address) -> Iterator[Mark]:
        if request.helo:
            greeting = _greeting(request.helo)
            yield greeting.name
            if greeting.literal is not None:
                if greeting.literal != address and greeting.literal.is_global:
                    yield greeting.domain_mark
            elif greeting.domain and not (self._own(greeting.domain) or self._own(greeting.host)):
                yield greeting.domain_mark
        if (sender := _sender(request.sender)) and not (self._own(sender.domain) or self._own(sender.host)):
            yield sender.domain_mark
        if request.login:
            yield mark(Shown.LOGINS, request.login)

    def _own(self, domain: str) -> bool:
        try:
            return self.own(domain)
        except (LookupFailed, MustWait):  # more names are not ours than are, and none decides anything alone
            return False


def looks_shared(evidence: Evidence) -> bool:
    """It is as much as any rule says."""
    return any(all(has >= least for has, least in zip(evidence, rule, strict=True)) for rule in RULES)


def shared(sketches: Sketches, now: int) -> Iterator[Alarm]:
    """All addresses that look shared now, or have lost their trust."""
    for address, slot in sketches:
        evidence, distrusted = Evidence._make(sketches.counts(slot, now // DAY)), sketches.head(slot).distrusted != 0
        if distrusted or looks_shared(evidence):
            yield Alarm(address, evidence, distrusted)


class _Named(NamedTuple):
    """Of a HELO name or a sender."""

    name: Mark
    host: str = ""
    domain: str = ""
    """As somebody registers it; empty for what is no name of the Internet."""
    domain_mark: Mark = (0, 0)
    literal: Address | None = None


@lru_cache(4096)
def _greeting(helo: bytes) -> _Named:
    text = helo[:255].decode("utf-8", "replace").lower()
    name = mark(Shown.NAMES, text)
    bare = text.removeprefix("[").removesuffix("]").removeprefix("ipv6:")
    if (literal := parse_address(bare)) is not None:
        provider = str(literal) if literal.version == 6 else ".".join(str(literal).split(".")[:2])
        return _Named(name, domain_mark=mark(Shown.EXCHANGERS, provider), literal=literal)
    return _named(name, Shown.EXCHANGERS, text)


@lru_cache(4096)
def _sender(sender: bytes) -> _Named | None:
    path = sender_path(sender)
    named = None if path is None or not path.domain else _named((0, 0), Shown.SENDERS, path.domain)
    return named if named and named.domain else None


def _named(name: Mark, kind: Shown, text: str) -> _Named:
    try:
        host = domain_form(text)
    except ValueError:
        return _Named(name)
    labels = host.split(".")
    if len(labels) < 2 or host == _APPLE or labels[-1] in _PRIVATE_ENDS or host.startswith("["):
        return _Named(name, host)
    below = len(labels[-1]) == 2 and labels[-2] in _BELOW_COUNTRIES
    domain = ".".join(labels[-3 if below else -2 :])
    return _Named(name, host, domain, mark(kind, domain))
