"""Stolen logins: what a thief sends, and from where, as events of people.py; to strangers, where not otherwise said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from .people import DAY, Event, Login, stranger
from .places import fresh
from .programs import bot

MOST = 5000
"""Recipients of a theft."""

Theft = Callable[[Random, Login, int], Iterator[Event]]


def burst(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """From one address, one recipient every two seconds."""
    networks, device = fresh(random), bot(random)
    for number in range(MOST):
        yield at + 2 * number, device.sent(networks, stranger(random)), True


def batches(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """From one address, fifty recipients a message, a message a minute."""
    networks, device = fresh(random), bot(random)
    for number in range(MOST):
        yield at + 60 * (number // 50), device.sent(networks, stranger(random)), number % 50 == 0


def botnet(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """Ten thousand addresses, one recipient each, one a second."""
    device = bot(random)
    for number in range(2 * MOST):
        yield at + number, device.sent(fresh(random), stranger(random)), True


def slow(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """Twenty an hour, for ten days, each from another /24."""
    device = bot(random)
    for number in range(20 * 24 * 10):
        yield at + 180 * number, device.sent(fresh(random), stranger(random)), True


def own_network(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """From the victim's own PC and network, one every ten seconds, for three days."""
    networks, device = victim.own
    for number in range(3 * 8640):
        yield at + 10 * number, device.sent(networks, stranger(random)), True


def address_book(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """First up to 150 whom the victim has written to, one every five seconds; then strangers; from one address."""
    networks, device = fresh(random), bot(random)
    book = list({event[1].recipient for event in victim.events if event[0] < at})
    random.shuffle(book)
    contacts = book[:150]
    for number in range(MOST):
        contact = contacts[number] if number < len(contacts) else stranger(random)
        yield at + 5 * number, device.sent(networks, contact), True


def pause(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """One message to the thief himself, then again after three days, and a burst from the same place."""
    networks, device, himself = fresh(random), bot(random), stranger(random)
    yield at, device.sent(networks, himself), True
    yield at + 3 * DAY, device.sent(networks, himself), True
    for number in range(MOST):
        yield at + 3 * DAY + 60 + 2 * number, device.sent(networks, stranger(random)), True


def neighbour(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """From a customer of the same carrier as the victim's phone: a wider network that may be known."""
    networks, device = victim.phone_pool.draw(random), bot(random)
    for number in range(MOST):
        yield at + 2 * number, device.sent(networks, stranger(random)), True


def careful(random: Random, victim: Login, at: int) -> Iterator[Event]:
    """Fifteen a day for twenty days, from one address, and nothing more."""
    networks, device = fresh(random), bot(random)
    for number in range(15 * 20):
        yield at + number // 15 * DAY + number % 15 * 600, device.sent(networks, stranger(random)), True


FOREIGN: dict[str, Theft] = {
    "burst, one address": burst,
    "burst, 50 a message": batches,
    "botnet of 10,000": botnet,
    "low and slow": slow,
    "address book first": address_book,
    "pause of three days": pause,
}
NEWSLETTER: dict[str, Theft] = {"of a newsletter's login": burst}
"""From a foreign network, too; of such a login."""
OTHER: dict[str, Theft] = {"own PC and network": own_network, "same carrier": neighbour, "careful, 15 a day": careful}
