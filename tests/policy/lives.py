"""A login that lives: what it sends, from where, over days, as a ledger has it."""

from __future__ import annotations

from dataclasses import dataclass, field

from relaymilter.ledger.memory import MemoryLedger
from relaymilter.policy.guard.footprint import DAY, networks_of
from relaymilter.policy.guard.history import History, decode
from relaymilter.policy.guard.novelty import Sent
from relaymilter.policy.guard.standing import Judgement, Terms, judge
from relaymilter.policy.networks import parse_address

START = 1_800_000_000 // (7 * DAY) * 7 * DAY
HOME, OFFICE, HOTEL, THIEF = "192.0.2.7", "198.51.100.7", "203.0.113.7", "100.64.7.7"
LAPTOP, BOT = "laptop", "bot"


def sent(recipient: str, network: str = HOME, device: str = LAPTOP, common: bool = False) -> Sent:
    """A recipient, by names. A device is NAME, or NAME/PROGRAM, else its program is its own."""
    name, _, program = device.partition("/")
    this, of_device, of_program = (
        text.encode().ljust(8, b".")[:8] for text in (recipient, name, f"p {program or name}")
    )
    return Sent(networks_of(parse_address(network)), this, of_device, common, of_program)


@dataclass
class Life:
    """Of one login."""

    terms: Terms = Terms()
    now: int = START
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    numbers: int = 0

    def writes(
        self, recipient: str, network: str = HOME, device: str = LAPTOP, common: bool = False, opens: bool = True
    ) -> Judgement:
        """To somebody, at once."""
        this = sent(recipient, network, device, common)
        return self.ledger.update("login a", self.now, this.asks, judge(self.terms, this, opens, self.now))

    def strangers(
        self, count: int, network: str = HOME, device: str = LAPTOP, common: bool = False, apart: int = 0
    ) -> list[str]:
        """To so many new people: what became of each."""
        found = []
        for _ in range(count):
            self.numbers += 1
            self.now += apart
            found.append(self.writes(f"s{self.numbers}", network, device, common).standing.name)
        return found

    def friends(self, count: int, network: str, device: str = LAPTOP, common: bool = False) -> list[str]:
        """To so many people it wrote to before, at most forty."""
        return [self.writes(f"f{number}", network, device, common).standing.name for number in range(count)]

    def settles(self, days: int = 20, new: int = 0) -> Life:
        """It writes to forty friends from home each day, and to so many new people."""
        terms, self.terms = self.terms, Terms()
        for _ in range(days):
            self.now += DAY
            assert {"GOOD"} == {*self.friends(40, HOME), *self.strangers(new)}
        self.now += DAY
        self.terms = terms
        return self

    @property
    def history(self) -> History:
        """As the ledger has it."""
        record = self.ledger.read("login a", self.now)
        assert record is not None
        return decode(record)
