"""Joint novelty: what a stolen login does, and its owner does not.

A traveller writes from a new hotel to people he knows, or to some strangers, on his own laptop. A thief writes from new
places to strangers, by a program of his own. So a recipient counts by all that is new about it: a share of the room
that a login has for such in a day, and the room is that of the login's own normal. What pays in the simulator is here
(contrib/bench/simulate), and nothing else: README.rst there says what was tried.
"""

from typing import NamedTuple

from relaymilter.policy.guard.footprint import DAY, Familiarity, Networks
from relaymilter.policy.guard.history import Cause, History, Unit
from relaymilter.policy.ports import Hash

HOUR = 3600
ROOM = 1 << 24
"""All that there is of Unit.STRANGE in a day."""
LIFETIME = 180 * DAY
"""How long a recipient, a device and a login are remembered after they were last used."""
LEARN_FOR = 14 * DAY
LEARN_DAYS = 3
"""A login is learned of for so long, and on so many days of use, before novelty counts."""
GROUP = 4
"""So much less counts who is written to together with others, as before."""
AT_ONCE = 60
"""Seconds between the recipients of a message."""
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
    """Of ROOM that it takes: for a day, or for an hour where the recipient is known."""
    free: bool
    """It is known, and takes nothing: there is room for two strangers more."""


def case(history: History, seen: Seen, sent: Sent, strange: int | None, opens: bool, now: int) -> Case:
    """What is new about this recipient, and its share of what a login may do of that at once."""
    new, known_device = seen.recipient is None, seen.device is not None
    network = history.footprint.familiarity(sent.networks)
    learning = history.days < LEARN_DAYS or now - history.first < LEARN_FOR
    share = 0
    if strange is not None and not learning and network is not Familiarity.KNOWN:
        if new:
            share = _share_of_new(history, seen, sent.common, network, strange, now)
        elif not _free(history, seen, sent.common, network, strange, now):
            share = _share_of_known(history, seen, strange, opens)
    return Case(new, known_device, seen.refused is not None, network, learning, share, not (new or share))


def _share_of_new(history: History, seen: Seen, common: bool, network: Familiarity, strange: int, now: int) -> int:
    some = strange * 5 // 2
    if network is Familiarity.NEAR:
        return 0 if seen.device is not None else ROOM // max(1, some)
    if seen.device is None:
        return ROOM // max(1, _room_of_a_stranger(history, seen.program is not None, strange, some))
    return ROOM // max(1, _room_of_a_traveller(history, common, some if common else 7 * strange, now))


def _share_of_known(history: History, seen: Seen, strange: int, opens: bool) -> int:
    """Less for a group: who is in one message with the one before, as he was before: an address book has no groups."""
    share = ROOM // max(1, _room_to_known(history, seen, strange, strange * 5 // 2))
    if opens or seen.recipient is None or abs(seen.recipient - history.together) > AT_ONCE:
        return share
    return share // GROUP


def _free(history: History, seen: Seen, common: bool, network: Familiarity, strange: int, now: int) -> bool:
    """Known recipients: from near, or on a device of his own; or among strangers, as in a letter to all.

    A thief who has the address book, and a program that says what the owner's says, begins with the book.
    """
    if network is Familiarity.NEAR or (seen.device is not None and not common):
        return True
    if seen.device is None or history.cause is Cause.NOVELTY:
        return False
    strangers = history.window(Unit.STRANGE, DAY).total(now) * strange * 5 // 2 // ROOM
    return history.window(Unit.FAMILIAR, HOUR).total(now) < 2 * strangers


def _room_of_a_stranger(history: History, program: bool, strange: int, some: int) -> int:
    """By a device that is not known: where it is no thief's, it is a new one, with the program of the old, mostly."""
    usual = 3 * history.busy_day(Unit.NEW, 3) // 2
    return max(some if program else strange, min(usual, some), _room_of_a_tradesman(history))


def _room_to_known(history: History, seen: Seen, strange: int, some: int) -> int:
    """In an hour: an address book comes with many a password; but so do groups, on a journey."""
    if seen.device is not None:
        return max(_room_by_trade(history, some, 7), history.busy_day(Unit.RECIPIENTS, 4) // 2)
    usual = history.busy_day(Unit.RECIPIENTS, 2) // (4 if seen.program is None else 1)
    return max(strange * 4 // 3, min(usual, some), _room_of_a_tradesman(history))


def _room_of_a_tradesman(history: History) -> int:
    """By a device that is not known, who is at a fair with it; 0 for others."""
    usual = 3 * history.busy_day(Unit.NEW, 4) // 2
    return usual if usual > 3 * TRADE else 0


def _room_of_a_traveller(history: History, common: bool, room: int, now: int) -> int:
    """More by trade; and two more for each whom he knows, up to three times as many: a thief knows nobody."""
    room = _room_by_trade(history, room, 7 if common else 12)
    return room + 2 * min(room, history.window(Unit.FAMILIAR, DAY).total(now))


def _room_by_trade(history: History, room: int, quarters: int) -> int:
    """So many quarters of a busy day, for who writes to many strangers in many weeks."""
    if history.busy_day(Unit.NEW, 4) < TRADE:
        return room
    return max(room, history.busy_day(Unit.NEW, 2) * quarters // 4)
