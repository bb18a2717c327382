"""SMTP clients that never pause, and what they have heard: strangers who write to us and to others, and one of ours."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial

from tests.rig import STRANGER, Mta, wait_for
from tests.rig.repeating import repeating

PAUSE = 0.005
"""Seconds between two attempts of a client: a load, not a benchmark."""


class Kind(Enum):
    """An attempt: from where, to whom, and what it must hear while all is well."""

    TO_US = (STRANGER, "bob@example.org", 250)
    TO_OTHERS = (STRANGER, "victim@example.com", 554)
    FROM_US = ("127.0.0.1", "friend@example.com", 250)


@dataclass(frozen=True, slots=True)
class Heard:
    """The reply to MAIL or to RCPT, whichever refused first; code 0: the connection broke."""

    at: float
    kind: Kind
    code: int


class Load:
    """Clients of an MTA."""

    def __init__(self, mta: Mta) -> None:
        self._mta = mta
        self.heard: list[Heard] = []

    def settled(self) -> None:
        """Wait until every kind hears what it should, three times in a row."""
        began = time.monotonic()

        def well() -> bool:
            since = [each for each in [*self.heard] if each.at > began]
            last = {kind: [each.code for each in since if each.kind is kind][-3:] for kind in Kind}
            return all(codes == [kind.value[2]] * 3 for kind, codes in last.items())

        wait_for(well, "all clients hear what they should", 60)

    def gap(self, since: float) -> float:
        """The longest time, in seconds, that passed between two messages to us that were taken."""
        taken = [
            since,
            *(each.at for each in self.heard if each.kind is Kind.TO_US and each.code == 250 and each.at > since),
        ]
        return max((after - before for before, after in itertools.pairwise(taken)), default=0.0)

    def codes(self, kind: Kind, since: float = 0.0) -> Counter[int]:
        """How often clients of this kind heard each code."""
        return Counter(each.code for each in [*self.heard] if each.kind is kind and each.at >= since)

    def attempt(self, kind: Kind) -> None:
        """One attempt of a client of this kind."""
        code = self._code(kind)
        self.heard.append(Heard(time.monotonic(), kind, code))

    def _code(self, kind: Kind) -> int:
        source, recipient, _ = kind.value
        try:
            with self._mta.smtp(source) as client:
                client.ehlo()
                begun = client.mail()
                return (client.rcpt(f"<{recipient}>") if begun.ok else begun).code
        except (OSError, EOFError):
            return 0


@contextmanager
def loading(mta: Mta, *, settled: bool = True) -> Iterator[Load]:
    """Two clients of each kind; `settled`: begin when all of them hear what they should."""
    load = Load(mta)
    with repeating([partial(load.attempt, kind) for kind in [*Kind] * 2], PAUSE):
        if settled:
            load.settled()
        yield load
