"""Sessions of all kinds, drawn at random and offered to a real MTA by several clients at once; and what it said."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.rig import HOST_NAME, SUBMISSION_PORT, Mta, Smtp

CLIENTS = 6
"""At once."""
STRANGERS = ("203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10", "2001:db8::7", "2001:db8::9")


@dataclass
class Offered:
    """One message that was offered, and what became of it."""

    client: str
    helo: str
    login: str | None
    sender: str
    accepted: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    sent: bool = False
    reset: bool = False
    """It was given up by RSET, in an orderly way."""


def offer(mta: Mta, random: Random, sessions: int) -> list[Offered]:
    """So many sessions, each with some messages."""
    numbers = count()
    with ThreadPoolExecutor(CLIENTS) as pool:
        seeds = [random.randrange(2**32) for _ in range(sessions)]
        offered = pool.map(lambda seed: list(_session(mta, Random(seed), numbers)), seeds)
        return [each for several in offered for each in several]


def _session(mta: Mta, random: Random, numbers: Iterator[int]) -> Iterator[Offered]:
    client = random.choice(STRANGERS)
    submits = random.random() < 0.5
    with mta.smtp(client, SUBMISSION_PORT if submits else 25) as smtp:
        helo = f"host-{random.randrange(100)}.example.net"
        smtp.ehlo(helo)
        if random.random() < 0.15:
            assert smtp.starttls().ok
            smtp.ehlo(helo)
        login = _log_in(mta, smtp, random) if submits else None
        for number in range(random.choice((1, 1, 1, 2, 3))):
            offered = Offered(client, helo, login, f"s{next(numbers)}@example.net" if random.random() < 0.95 else "")
            if number and random.random() < 0.3:
                smtp.rset()
            yield offered
            if not _message(smtp, random, offered, numbers):
                return
        smtp.quit()


def _log_in(mta: Mta, smtp: Smtp, random: Random) -> str | None:
    """The login as a milter would be told, and as logs have it."""
    if random.random() < 0.1:
        assert not smtp.auth("alice", "wrong").ok
        return None
    login = random.choice(("alice", "bob", "bob+tag"))
    assert smtp.auth(login, mechanism=random.choice(("PLAIN", "LOGIN", "CRAM-MD5"))).ok
    return f"{login}@{HOST_NAME}" if mta.name == "postfix" else login


def _message(smtp: Smtp, random: Random, offered: Offered, numbers: Iterator[int]) -> bool:
    """Whether the connection goes on."""
    assert smtp.mail(f"<{offered.sender}>").ok
    for _ in range(random.choice((1, 1, 1, 1, 2, 3, 12))):
        typed = _recipient(random, numbers)
        if smtp.rcpt(f"<{typed}>").ok:
            offered.accepted.add(typed)
        else:
            offered.refused.append(typed)
    end = random.random()
    if end < 0.05:
        smtp.rset()
        offered.reset = True
        return True
    if end < 0.1:
        if end < 0.07:
            smtp.command("DATA")
        return False
    offered.sent = smtp.message().ok
    if not offered.accepted:
        smtp.rset()
    return True


def _recipient(random: Random, numbers: Iterator[int]) -> str:
    """Ours, others', one that is forwarded, one that is not there, and such as have to be quoted."""
    kind = random.random()
    if kind < 0.35:
        return random.choice(("alice@example.org", "forwarded@example.org", f"bob@{HOST_NAME}"))
    if kind < 0.45:
        return f"nobody{next(numbers)}@{HOST_NAME}"
    if kind < 0.5:
        return f'"a, b{next(numbers)}"@example.com'
    if kind < 0.55:
        return f"r{next(numbers)}%example.com@example.org"
    return f"r{next(numbers)}@example{random.randrange(5)}.com"
