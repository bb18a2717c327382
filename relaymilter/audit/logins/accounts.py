"""What a ledger has of a login, laid open for its administrator: standing, counts beside limits, known networks.

Only looked at: nothing here changes a ledger (standings.py does). Times are Unix time, as the ledger has them.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from relaymilter.policy.guard.footprint import DAY, KNOWN_AFTER, Network
from relaymilter.policy.guard.history import Cause, History, Standing, Unit, decode
from relaymilter.policy.guard.limits import UNITS, Per, period
from relaymilter.policy.guard.novelty import HOUR, ROOM
from relaymilter.policy.guard.standing import Evidence, Terms, evidence
from relaymilter.policy.ports import Ledger, LookupFailed

CAUSES = {
    Cause.NONE: "",
    Cause.LIMIT: "a limit",
    Cause.NOVELTY: "looks like theft",
    Cause.ADMINISTRATOR: "an administrator",
}
_UNITS = {unit: name for name, unit in UNITS.items()} | {
    Unit.STRANGE: "strangeness",
    Unit.NETWORKS: "networks",
    Unit.REFUSED: "refused",
    Unit.FAMILIAR: "known-recipients-from-new-network",
}
_LENGTHS = {ord("4"): (3, 4, 24), ord("w"): (2, 4, 16), ord("6"): (6, 16, 48), ord("x"): (4, 16, 32)}
"""By the first octet of a network's key: how many octets follow, of how many, and the length of the prefix."""


class Stand(NamedTuple):
    """How a login stands at a moment."""

    standing: Standing
    since: int
    """When it came to stand so; of one that stands well, when it was first heard of."""
    cause: Cause
    until: int
    """When it stands well again by itself; 0: never, or it does already."""


class Count(NamedTuple):
    """What has happened in a window, beside what may."""

    unit: str
    period: str
    total: int
    """Of `strangeness`: per cent of the room."""
    most: int | None
    """None: there is no limit."""


class KnownNetwork(NamedTuple):
    """A network that a login has come from."""

    network: str
    """Of narrow ones as /24 or /48, of the wider ones that they lie in as /16 or /32."""
    known: bool
    days: int
    """Of ordinary use."""
    first: int
    """The beginning of the day of the first use."""
    last: int


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that a ledger has of a login."""

    login: str
    stand: Stand
    first: int
    """When the login was first heard of."""
    days: int
    """On which it has sent."""
    evidence: Evidence
    """Of the moment at which it was suspended, else of now."""
    counts: tuple[Count, ...]
    networks: tuple[KnownNetwork, ...]
    """The latest first."""
    remembered: int
    """Correspondents and programs: the ledger has hashes, and cannot tell one sort from the other."""


def stand(history: History, now: int) -> Stand:
    """How a login with this history stands; a throttle ends by itself."""
    over = history.standing is Standing.THROTTLED and not history.since - DAY <= now < history.until
    if over or history.standing is Standing.GOOD:
        return Stand(Standing.GOOD, history.first, Cause.NONE, 0)
    return Stand(history.standing, history.since, history.cause, history.until)


def accounts(ledger: Ledger, prefix: str, now: int) -> Iterator[tuple[str, Stand | None]]:
    """Every login whose name begins so, by name, and how it stands. Raises LookupFailed and MustWait.

    None: its record cannot be read; the daemon defers what it sends.
    """
    for subject in sorted(ledger.subjects(f"login {prefix}", now)):
        record = ledger.read(subject, now)
        if record is not None:
            yield subject.partition(" ")[2], readable(record, now)


def readable(record: bytes, now: int) -> Stand | None:
    """How the login of this record stands; None: the record cannot be read."""
    try:
        return stand(decode(record), now)
    except LookupFailed:
        return None


def account(ledger: Ledger, subject: str, terms: Terms, now: int) -> Account | None:
    """All of a login that is held to these terms; None where nothing is known. Raises LookupFailed and MustWait."""
    record = ledger.read(subject, now)
    if record is None:
        return None
    history = decode(record)
    standing = stand(history, now)
    then = standing.since if standing.standing is Standing.SUSPENDED else now
    return Account(
        login=subject.partition(" ")[2],
        stand=standing,
        first=history.first,
        days=history.days,
        evidence=evidence(decode(record), then),
        counts=tuple(_counts(history, terms, now)),
        networks=tuple(map(_known, sorted(history.footprint, key=lambda each: -each.last))),
        remembered=ledger.remembered(subject, now),
    )


def _counts(history: History, terms: Terms, now: int) -> Iterator[Count]:
    """Of each window that has a limit, and of each other one in which something has happened."""
    limits = _limits(history, terms)
    for unit, seconds in sorted({*limits, *history.windows}):
        total = history.window(Unit(unit), seconds).total(now)
        if unit == Unit.STRANGE:
            total = -(-100 * total // ROOM)
        if total or (unit, seconds) in limits:
            yield Count(_UNITS[Unit(unit)], period(seconds), total, limits.get((unit, seconds)))


def _limits(history: History, terms: Terms) -> dict[tuple[int, int], int]:
    """By unit and seconds, the lowest of each."""
    novelty = terms.novelty
    lowest: dict[tuple[int, int], int] = {}
    if novelty.new is not None:
        lowest[Unit.NEW, DAY] = max(novelty.new, 2 * history.busy_day(Unit.NEW, 3))
    if novelty.strange is not None:
        lowest |= {(Unit.STRANGE, DAY): 100, (Unit.STRANGE, 7 * DAY): 200}
    for unit, seconds, most in ((Unit.NETWORKS, HOUR, novelty.networks), (Unit.REFUSED, DAY, novelty.suspend)):
        if most is not None:
            lowest[unit, seconds] = most
    for limit in terms.limits:
        if limit.per is Per.LOGIN:
            key = (limit.unit, limit.seconds)
            lowest[key] = min(limit.most, lowest.get(key, limit.most))
    return lowest


def _known(network: Network) -> KnownNetwork:
    return KnownNetwork(
        network_text(network.key), network.days >= KNOWN_AFTER, network.days, network.first * DAY, network.last
    )


def network_text(key: bytes) -> str:
    """`192.0.2.0/24`, of a key as policy.guard.footprint has it; of one that is none, `unknown`."""
    if key[0] not in _LENGTHS:
        return "unknown"
    count, octets, length = _LENGTHS[key[0]]
    return str(ipaddress.ip_network((key[1 : 1 + count].ljust(octets, bytes(1)), length)))
