"""Joint novelty: what a stolen login does, and its owner does not.

A traveller writes from a new hotel to people he knows, or to some strangers, on his own laptop. A thief writes from new
places to strangers, by a program of his own. So a recipient counts by all that is new about it: a share of the room
that a login has for such in a day, and the room is that of the login's own normal. What pays in the simulator is here
(contrib/bench/simulate), and nothing else: README.rst there says what was tried.
"""

from typing import NamedTuple

from relaymilter.policy.footprint import DAY, Familiarity, Networks
from relaymilter.policy.history import History, Unit
from relaymilter.policy.ports import Hash

HOUR = 3600
ROOM = 1 << 24
"""All that there is of Unit.STRANGE in a day."""
LIFETIME = 180 * DAY
"""How long a recipient, a device and a login are remembered after they were last used."""
LEARN_FOR = 14 * DAY
LEARN_DAYS = 3
"""A login is learned of for so long, and on so many days of use, before novelty counts."""
TRADE = 12
"""Who writes to so many new recipients on some day of four weeks in ten does so by trade."""


class Sent(NamedTuple):
    """One permitted recipient that is not ours, in the terms of a ledger."""

    networks: Networks
    recipient: Hash
    device: Hash
    """What the client calls itself in HELO, which is its own as a rule; what many say, with its program."""
    common: bool
    """Many programs call themselves so."""
    program: Hash
    """What programs of this kind say alike: the form of HELO, the mechanism of AUTH, and what TLS agreed on."""

    @property
    def asks(self) -> tuple[Hash, Hash, Hash, Hash, Hash]:
        """What a ledger is asked for: as Seen has it."""
        return self.recipient, self.refused, self.device, self.trial, self.program

    @property
    def refused(self) -> Hash:
        """Stands for the recipient as one that was refused lately."""
        return self.recipient[::-1]

    @property
    def trial(self) -> Hash:
        """Stands for the device as one that is not known yet."""
        return self.device[::-1]


class Seen(NamedTuple):
    """What the ledger says to Sent.asks: until when each is remembered, or None."""

    recipient: int | None
    """It was written to."""
    refused: int | None
    """It was refused within a day."""
    device: int | None
    """It is known."""
    trial: int | None
    """It was used, to write to somebody known."""
    program: int | None
    """Some known device has the same."""


class Novelty(NamedTuple):
    """Thresholds; None leaves one out."""

    new: int | None = 200
    """New recipients a day."""
    strange: int | None = 15
    """New recipients a day from a new network and device. What is less strange has more room, in proportion."""
    networks: int | None = 20
    """An hour, where neither the network nor the device is known."""
    suspend: int | None = 100
    """Different new recipients refused within a day; a quarter of it from many networks, four times from a device that
    is known."""


class Case(NamedTuple):
    """What is new about a recipient."""

    new: bool
    known_device: bool
    tried: bool
    """It was refused lately."""
    network: Familiarity
    learning: bool
    share: int
    """Of ROOM that it takes."""


def case(history: History, seen: Seen, sent: Sent, strange: int | None, now: int) -> Case:
    """What is new about this recipient, and its share of what a login may do of that in a day."""
    new, known_device = seen.recipient is None, seen.device is not None
    network = history.footprint.familiarity(sent.networks)
    learning = history.days < LEARN_DAYS or now - history.first < LEARN_FOR
    share = 0
    if strange is not None and not learning and network is not Familiarity.KNOWN:
        room = _room(history, seen, sent.common, network, strange, now)
        share = ROOM // room if room else 0
    return Case(new, known_device, seen.refused is not None, network, learning, share)


def _room(history: History, seen: Seen, common: bool, network: Familiarity, strange: int, now: int) -> int:
    """How many recipients such as this one a login may write to in a day; 0: any number."""
    some, new = strange * 5 // 2, seen.recipient is None
    if network is Familiarity.NEAR:
        return max(1, some) if new and seen.device is None else 0
    if seen.device is None:
        program = seen.program is not None
        return max(1, (_room_of_a_stranger if new else _room_to_known)(history, program, strange, some))
    if not new:
        return 0
    return max(1, _room_of_a_traveller(history, common, some if common else 7 * strange, now))


def _room_of_a_stranger(history: History, program: bool, strange: int, some: int) -> int:
    """By a device that is not known: where it is no thief's, it is a new one, with the program of the old, mostly."""
    return some if program else max(strange, min(3 * history.busy_day(Unit.NEW, 3) // 2, some))


def _room_to_known(history: History, program: bool, strange: int, some: int) -> int:
    """Known recipients: an address book comes with many a password; but so do groups, on a journey."""
    usual = history.busy_day(Unit.RECIPIENTS, 2)
    return max(strange * 4 // 3, min(usual, some) if program else usual // 4)


def _room_of_a_traveller(history: History, common: bool, room: int, now: int) -> int:
    """More by trade; and one more for each whom he knows, up to twice as many: a thief knows nobody."""
    if history.busy_day(Unit.NEW, 4) >= TRADE:
        room = max(room, history.busy_day(Unit.NEW, 2) * (2 if common else 3))
    return room + min(room, history.window(Unit.FAMILIAR, DAY).total(now))
