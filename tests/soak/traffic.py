"""What a busy server sees, and what attackers send, from clients that never pause; how long the good ones wait."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from relaymilter.audit.hostile.corpus import corpus
from tests.mta.attempts import NAMES
from tests.rig import STRANGER, Mta
from tests.rig.repeating import repeating

LONGEST = 900
"""Octets of a line; MTAs break longer ones."""
CORPUS = [each for each in corpus(NAMES) if max(map(len, (each.helo, each.sender, each.recipient))) < LONGEST]
VICTIM = "victim@example.com"
PAUSE = 0.002
"""Seconds between two sessions of a client."""


class Traffic:
    """Clients of MTAs, and of the milter's own socket."""

    def __init__(self, milter: Path, seed: int) -> None:
        self._milter = milter
        self._random = Random(seed)
        self.waits: list[tuple[float, float]] = []
        """When a stranger's mail to us was answered, and after how many seconds."""
        self.heard: Counter[tuple[str, int]] = Counter()
        """What each kind of client heard; code 0: the connection broke."""
        self.opened: list[str] = []
        """What must never be: a stranger's recipient elsewhere that was taken."""

    def works(self, mtas: list[Mta]) -> list[Callable[[], None]]:
        """What a client of each kind does next, of each of these MTAs."""
        kinds = (self._to_us, self._login, self._hostile, self._lost)
        clients = [self._client(kind, mta) for mta in mtas for kind in kinds]
        return [*clients, self._client(self._garbage, mtas[0])]

    def _client(self, kind: Callable[[Mta, int], None], mta: Mta) -> Callable[[], None]:
        numbers = itertools.count(self._random.randrange(1000))

        def work() -> None:
            try:
                kind(mta, next(numbers))
            except (OSError, EOFError):
                self.heard[kind.__name__, 0] += 1

        return work

    def _to_us(self, mta: Mta, number: int) -> None:
        """Strangers with many addresses: mail to us, and to a domain of a table."""
        with mta.smtp(f"198.51.100.{number % 200 + 20}") as client:
            client.ehlo(f"host{number % 50}.example.net")
            client.mail(f"<sender{number % 100}@example.net>")
            began = time.monotonic()
            self._say("to us", client.rcpt("<bob@example.org>").code)
            self.waits.append((began, time.monotonic() - began))
            self._say("to a table's", client.rcpt(f"<a@relayed{number % 3}.example>").code)
            if number % 5 == 0:
                client.message()

    def _login(self, mta: Mta, number: int) -> None:
        """An owner who writes to the same people, from his own network."""
        with mta.smtp("203.0.113.50") as client:
            client.ehlo()
            client.auth("bob")
            client.mail()
            self._say("a login", client.rcpt(f"<friend{number % 5}@example.com>").code)
            if number % 5 == 0:
                client.message()

    def _hostile(self, mta: Mta, number: int) -> None:
        """The envelopes of `selftest`, one after the other."""
        envelope = CORPUS[number % len(CORPUS)]
        with mta.smtp(STRANGER) as client:
            client.command(b"EHLO " + envelope.helo)
            begun = client.command(b"MAIL FROM:" + envelope.sender)
            if not begun.ok:
                return
            codes = [client.rcpt(f"<{VICTIM}>").code, client.command(b"RCPT TO:" + envelope.recipient).code]
        self._say("a victim's", codes[0])
        self._say("hostile", codes[1])
        if codes[0] < 400 or (codes[1] < 400 and not envelope.misread):
            self.opened.append(f"{mta.name}: {codes}: {envelope}")

    def _lost(self, mta: Mta, number: int) -> None:
        """Clients that vanish, at every stage."""
        with mta.smtp(STRANGER) as client:
            for command in ("EHLO x", "MAIL FROM:<a@example.net>", "RCPT TO:<bob@example.org>", "DATA")[: number % 5]:
                client.command(command)

    def _garbage(self, _mta: Mta, number: int) -> None:
        """To the milter itself: noise, and half a packet."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._milter))
            connection.sendall(b"\0\0\0\x0dO" if number % 2 else self._random.randbytes(64))
        time.sleep(0.02)

    def _say(self, kind: str, code: int) -> None:
        self.heard[kind, code] += 1


@contextmanager
def busy(mtas: list[Mta], milter: Path, seed: int) -> Iterator[Traffic]:
    """A client of each kind."""
    traffic = Traffic(milter, seed)
    with repeating(traffic.works(mtas), PAUSE):
        yield traffic
