"""Honest logins of all kinds: people, those who write to strangers by trade, and machines."""

from __future__ import annotations

from random import Random

from relaymilter.policy.guard.footprint import Networks

from .people import Login
from .places import fresh
from .programs import SERVERS, Program, some


class Sales(Login):
    """Writes to strangers by trade, and once a month from a fair."""

    kind = "sales"

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.rate = random.uniform(6, 25)
        self.new_share = random.uniform(0.3, 0.6)
        self.traveller = True
        self.office = self.office or fresh(random)
        self.fair_day = random.randrange(4, 30)

    def live(self, day: int) -> None:
        super().live(day)
        if 0 <= (day - self.fair_day) % 30 < 3:
            if (day - self.fair_day) % 30 == 0:
                self.away, self.away_until = [fresh(self.random) for _ in range(2)], day + 2
            for _ in range(self.random.randint(20, 60)):
                self.message(day, [self.meet()])


class Fixed(Login):
    """A machine in one place."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.place, self.name = fresh(random), some(random, SERVERS)
        self.groups, self.merges, self.flood, self.job_day = [], False, None, None

    def where(self, day: int) -> tuple[Networks, Program]:
        return self.place, self.name

    @property
    def own(self) -> tuple[Networks, Program]:
        return self.place, self.name


class Newsletter(Fixed):
    """Once a week to five thousand, with some who are new; a second server is added one day."""

    kind = "newsletter"

    def live(self, day: int) -> None:
        random = self.random
        if day == 0:
            self.book = [self.contact() for _ in range(5000)]
        if random.random() < 1 / 90:
            self.place = fresh(random)
        if day % 7 == 2:
            at = self.when(day)
            for _ in range(random.randint(20, 150)):
                self.meet()
            for number, contact in enumerate(self.book):
                self.send(at + number, self.place, self.name, [contact])


class Tickets(Fixed):
    """Answers whoever writes, strangers mostly; now and then everybody does."""

    kind = "tickets"

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.rate, self.new_share = random.uniform(15, 120), 0.6

    def live(self, day: int) -> None:
        random = self.random
        crowd = 4 if random.random() < 0.02 else 1
        for _ in range(self.poisson(self.rate * crowd * (1 if day % 7 < 5 else 0.4))):
            self.message(day, [self.meet() if random.random() < self.new_share else self.known()])


class Printer(Fixed):
    """Scans to the same few; when the office moves, from elsewhere."""

    kind = "printer"

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.rate, self.new_share, self.book_size = random.uniform(1, 15), 0.04, 25

    def live(self, day: int) -> None:
        if self.random.random() < 1 / 300:
            self.place = fresh(self.random)
        for _ in range(self.poisson(self.rate if day % 7 < 5 else 0.1)):
            self.message(day, [self.meet() if self.random.random() < self.new_share else self.known()])


SHARES = ((Newsletter, 0.005), (Tickets, 0.02), (Printer, 0.02), (Sales, 0.08), (Login, 1.0))


def login(seed: int, number: int) -> Login:
    """The login of this number; always the same one."""
    random = Random(f"{seed}/{number}")  # noqa: S311
    share = random.random()
    for kind, part in SHARES:
        if share < part:
            return kind(random)
        share -= part
    raise AssertionError
