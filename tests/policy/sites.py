"""What stands behind an address of a local network: sound sites, and what hides outsiders. A day of each, by chance.

A session is a HELO name, a sender and a login. Sizes are on the large side of what is ordinary, so that a rule that
keeps silent here keeps silent there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple


class Said(NamedTuple):
    """What a client says in a session."""

    helo: str
    sender: str
    login: str | None = None


Site = Callable[[Random, int], Iterator[Said]]
"""The sessions of a day, by its number."""


def smarthost(chance: Random, day: int) -> Iterator[Said]:
    """Relays for a whole company with sixty domains, of which five are ours, and forwards what others send it."""
    for _ in range(800):
        yield Said("relay3.holding.example.net", f"a@brand{chance.randrange(60)}.com")


def web_application(chance: Random, day: int) -> Iterator[Said]:
    """Sends in the name of its customers, from ten containers whose names change with each release."""
    for _ in range(1500):
        container = f"app-{day // 3}-{chance.randrange(10)}"
        yield Said(container, f"a@customer{chance.randrange(900)}.de")


def mailing_lists(chance: Random, day: int) -> Iterator[Said]:
    """Bounces come back to the list, and aliases forward what members send, with their senders."""
    for _ in range(2000):
        forwarded = chance.random() < 0.4
        sender = f"a@member{chance.randrange(700)}.org" if forwarded else "list+b=c@lists.example.org"
        yield Said("lists.example.org", sender)


def webmail(chance: Random, day: int) -> Iterator[Said]:
    """A thousand people log in by one host."""
    for _ in range(2000):
        number = chance.randrange(1000)
        yield Said("webmail.example.org", f"u{number}@example.org", f"u{number}")


def printers(chance: Random, day: int) -> Iterator[Said]:
    """Thirty printers behind NAT, which greet by their serial numbers, and scan for everybody."""
    for _ in range(200):
        yield Said(f"BRN{chance.randrange(30):06}", "scanner@example.org")


def filter_in_front(chance: Random, day: int) -> Iterator[Said]:
    """A filter that takes the mail of the world and hands it on: one name, all senders there are."""
    for _ in range(3000):
        yield Said("filter.example.org", sender_of_the_world(chance))


def office(chance: Random, day: int) -> Iterator[Said]:
    """Fifty people behind NAT: two programs each, most of which greet by a private address that changes; visitors."""
    for _ in range(400):
        person = chance.randrange(50)
        private = chance.random() < 0.03
        sender = f"p{person}@{FREE[person % len(FREE)]}" if private else f"p{person}@example.org"
        yield Said(_program(chance, person, day), sender, f"p{person}@example.org")
    for visitor in range(3):
        number = day * 3 + visitor
        yield Said(f"nb{number}.visitor{number % 40}.com", f"v@visitor{number % 40}.com", "guest")


def trusted_office(chance: Random, day: int) -> Iterator[Said]:
    """The same, without logins, since their network may relay."""
    return (said._replace(login=None) for said in office(chance, day))


def inbound(chance: Random, day: int) -> Iterator[Said]:
    """The mail of the world: a proxy in front of the MTA. Half of it comes from few hosts of many senders."""
    while True:
        sender = sender_of_the_world(chance)
        if chance.random() < 0.5:
            yield Said(f"mx{chance.randrange(90)}.{chance.choices(PROVIDERS, WEIGHTS)[0]}", sender)
        else:
            number = _tail(chance)
            yield Said(f"mail.firm{number}.net", f"a@firm{number}.net")


def bots(chance: Random, day: int) -> Iterator[Said]:
    """Spam from a botnet: names without a domain, and senders of anybody."""
    while True:
        yield Said("".join(chance.choices("abcdefghijklmnop", k=7)), f"x@firm{_tail(chance)}.net")


def infected(chance: Random, day: int) -> Iterator[Said]:
    """The same, greeting by the addresses of the machines, or by the names that their providers gave them."""
    while True:
        octets = [chance.randrange(1, 224), *(chance.randrange(256) for _ in range(3))]
        address = ".".join(map(str, octets))
        helo = f"[{address}]" if chance.random() < 0.5 else f"{address.replace('.', '-')}.dyn.isp{_tail(chance)}.com"
        yield Said(helo, f"x@firm{_tail(chance)}.net")


def roaming(chance: Random, day: int) -> Iterator[Said]:
    """A proxy in front of port 587 alone: five hundred users of ours, wherever they are."""
    while True:
        person = chance.randrange(500)
        yield Said(_program(chance, person, day), f"p{person}@example.org", f"p{person}")


SOUND: dict[str, Site] = {
    each.__name__: each
    for each in (smarthost, web_application, mailing_lists, webmail, printers, filter_in_front, office, trusted_office)
}
HIDING: dict[str, Site] = {each.__name__: each for each in (inbound, bots, infected, roaming)}

FREE = ("gmail.com", "outlook.com", "gmx.net", "web.de", "yahoo.com", "icloud.com", "posteo.de", "mail.ru")
PROVIDERS = ("google.com", "outlook.com", "amazonses.com", "sendgrid.net", "mailgun.net", "ovh.net", "ionos.com")
WEIGHTS = (30, 25, 15, 12, 8, 5, 5)


def sender_of_the_world(chance: Random) -> str:
    """Somebody, at a domain of those that send much more often than at another."""
    return f"a@firm{_tail(chance)}.net" if chance.random() < 0.6 else f"a@{chance.choice(FREE)}"


def _tail(chance: Random) -> int:
    """The number of a domain of a hundred thousand, of which few send much (Zipf)."""
    return int(100_000 ** chance.random())


def _program(chance: Random, person: int, day: int) -> str:
    match person % 4 if chance.random() < 0.5 else 4:
        case 0:
            return f"PC-{person}"
        case 1:
            return f"laptop{person}.fritz.box"
        case 2:
            return f"pc{person}.intern.example.org"
        case 3:
            return "smtpclient.apple"
    return f"[192.168.1.{(person * 7 + day) % 254 + 1}]"
