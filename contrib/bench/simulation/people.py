"""Honest logins: how much people write, to whom, and from where. README.rst has the model in words."""

from __future__ import annotations

import math
from random import Random

from relaymilter.policy.guard.footprint import Networks
from relaymilter.policy.guard.novelty import Sent

from .places import Pool, fresh
from .programs import LAPTOPS, PHONES, Program, another, laptop, phone

WARM_UP = 60
"""Days before those that are judged: the ledger is not empty, as it is not after two months, or after `learn`."""
DAYS = WARM_UP + 60
DAY = 86_400
START = 1_800_057_600  # a Monday, midnight

Event = tuple[int, Sent, bool]
"""When, the recipient, and whether it is the first of its message."""
Contact = bytes
"""A recipient, as its hash."""


def stranger(random: Random) -> Contact:
    """Someone never heard of."""
    return random.randbytes(8)


class Login:
    """One login and its whole trace."""

    kind = "person"

    def __init__(self, random: Random) -> None:
        self.random = random
        self.book: list[Contact] = []
        self.events: list[Event] = []
        self.laptop, self.phone = laptop(random), phone(random)
        self.home_pool = Pool(random, (3, 8), (100, 600), random.random() < 0.25)
        self.phone_pool = Pool(random, (2, 6), (20, 250), random.random() < 0.25)
        self.phone_network = self.phone_pool.draw(random)
        self.dynamic_home = random.random() < 0.3
        self.home = self.home_pool.draw(random)
        self.office = fresh(random) if random.random() < 0.65 else None
        self.vpn = [fresh(random) for _ in range(30)] if random.random() < 0.04 else None
        self.on_phone = random.betavariate(1.2, 4)
        self.rate = min(80.0, random.lognormvariate(math.log(4.5), 1.0))
        self.new_share = min(0.6, random.betavariate(1.2, 9))
        self.book_size = int(min(2000, 15 + random.lognormvariate(math.log(60), 0.9)))
        self.groups = [
            [self.contact() for _ in range(int(min(120, random.lognormvariate(math.log(20), 0.7))) + 3)]
            for _ in range(random.choice((0, 0, 0, 1, 1, 2)))
        ]
        self.merges = random.random() < 0.15
        self.traveller = random.random() < 0.4
        self.away: list[Networks] | None = None
        self.away_until = -1
        self.job_day = random.randrange(DAYS) if random.random() < 0.03 else None
        self.flood = (random.randrange(DAYS), random.randint(2, 5)) if random.random() < 0.03 else None

    @property
    def own(self) -> tuple[Networks, Program]:
        """Its usual place and its usual device."""
        return self.office or self.home, self.laptop

    def contact(self) -> Contact:
        """Someone who was in the address book before the simulation began."""
        return stranger(self.random)

    def trace(self) -> list[Event]:
        """All that it sends, in order."""
        self.book = [self.contact() for _ in range(self.book_size)]
        for day in range(DAYS):
            self.live(day)
        self.events.sort(key=lambda event: event[0])
        return self.events

    def live(self, day: int) -> None:
        """One day."""
        random = self.random
        self.move(day)
        weekday = day % 7 < 5
        rate = self.rate * random.lognormvariate(-0.25, 0.7) * (1 if weekday else 0.12)
        if random.random() < 0.06:
            rate = 0.0  # ill, or on holiday
        fresh_job = self.job_day is not None and 0 <= day - self.job_day < 20
        if fresh_job:
            rate *= 1.5
        share = 0.5 if fresh_job else self.new_share
        for _ in range(self.poisson(rate)):
            self.message(day, self.recipients(share))
        if self.groups and random.random() < 0.05:
            self.message(day, list(random.choice(self.groups)))
        if self.merges and random.random() < 1 / 120:
            self.merge(day)
        if self.flood and self.flood[0] <= day < sum(self.flood):
            for _ in range(random.randint(8, 40)):
                self.message(day, [self.meet()])

    def merge(self, day: int) -> None:
        """An invitation, a move, a letter to customers: one message each, within minutes."""
        random = self.random
        count = int(min(600, random.lognormvariate(math.log(45), 0.8)))
        at, networks, device = self.when(day), *self.where(day)
        for number in range(count):
            self.send(at + number * 2, networks, device, [self.known() if random.random() < 0.5 else self.meet()])

    def recipients(self, share: float) -> list[Contact]:
        """Of an ordinary message: one, some, or many."""
        random = self.random
        size = random.random()
        count = 1 if size < 0.72 else random.randint(2, 4) if size < 0.93 else random.randint(5, 12)
        if size > 0.985:
            count = random.randint(10, 40)
        found = {self.meet() if random.random() < share else self.known() for _ in range(count)}
        return list(found)

    def known(self) -> Contact:
        """Someone of the address book; a few get most."""
        return self.book[int(len(self.book) * self.random.random() ** 2.5)]

    def meet(self) -> Contact:
        """Someone new, who goes into the address book, anywhere."""
        random = self.random
        contact = stranger(random)
        self.book.insert(random.randrange(len(self.book) + 1), contact)
        return contact

    def move(self, day: int) -> None:
        """Where it is today."""
        random = self.random
        self.phone_network = self.phone_pool.draw(random)
        if self.dynamic_home or random.random() < 1 / 40:
            self.home = self.home_pool.draw(random)
        if random.random() < 1 / 400:
            self.laptop = another(random, self.laptop, LAPTOPS)
        if random.random() < 1 / 500:
            self.phone = another(random, self.phone, PHONES)
        if random.random() < 1 / 300:
            self.laptop = self.laptop.updated(random)
        if random.random() < 1 / 300:
            self.phone = self.phone.updated(random)
        if day == self.job_day:
            self.office = fresh(random)
            if random.random() < 0.5:
                self.laptop = another(random, self.laptop, LAPTOPS)
        if day > self.away_until:
            self.away = None
            if self.traveller and random.random() < 1 / 40:
                self.away = [fresh(random) for _ in range(random.randint(1, 4))]
                self.away_until = day + random.randint(1, 6)

    def where(self, day: int) -> tuple[Networks, Program]:
        """The network and the device of a message."""
        random = self.random
        if self.vpn and random.random() < 0.7:
            return self.vpn[day * 7 % 30], self.laptop
        if random.random() < self.on_phone:
            if random.random() < 0.5 and not self.away:
                return self.wired(day), self.phone  # by the Wi-Fi of where it is
            if self.away and random.random() < 0.4:
                return random.choice(self.away), self.phone
            if random.random() < 0.3:
                self.phone_network = self.phone_pool.draw(random)
            return self.phone_network, self.phone
        if self.away:
            return random.choice(self.away), self.laptop
        if random.random() < 0.015:
            return fresh(random), self.laptop  # a café, a neighbour, a customer
        return self.wired(day), self.laptop

    def wired(self, day: int) -> Networks:
        """At the office, or at home."""
        return self.office if self.office and day % 7 < 5 and self.random.random() < 0.8 else self.home

    def when(self, day: int) -> int:
        """In the daytime mostly."""
        random = self.random
        hour = random.gauss(13, 3.2) if random.random() < 0.93 else random.uniform(0, 24)
        return START + day * DAY + int(min(max(hour, 0), 23.4) * 3600) + random.randrange(1800)

    def message(self, day: int, recipients: list[Contact]) -> None:
        """One message, from wherever it is."""
        self.send(self.when(day), *self.where(day), recipients)

    def send(self, at: int, networks: Networks, device: Program, recipients: list[Contact]) -> None:
        """One message."""
        for number, recipient in enumerate(recipients):
            self.events.append((at, device.sent(networks, recipient), number == 0))

    def poisson(self, mean: float) -> int:
        """As many messages as come in a day."""
        random, count, until = self.random, 0, math.exp(-min(mean, 600.0))
        product = random.random()
        while product > until:
            count += 1
            product *= random.random()
        return count
