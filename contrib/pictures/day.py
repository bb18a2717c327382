# SPDX-License-Identifier: GPL-2.0-or-later
"""A day of decisions that nobody has sent, as JSON: people at work, strangers who try, two stolen logins."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = "alice bob carla david erika farid grace hiro ines jonas kim lena mira nils olga paul".split()
OTHERS = [name for name in NAMES if name not in ("grace", "nils")]
DENIED = "554 5.7.1 {}: Relay access denied"
LIMIT = "450 4.7.1 {}: Sending limit reached for this account"
SUSPENDED = "550 5.7.1 {}: Account suspended for relaying"


def day(count: int, seed: int = 1) -> Iterator[str]:
    """About so many lines, in the order of their times."""
    chance = random.Random(seed)  # noqa: S311
    thefts = sorted([*_theft(chance, "grace", 11.4, 40, "suspended"), *_theft(chance, "nils", 3.2, 25, "throttled")])
    rest = count - len(thefts)
    at = 0
    for number in range(rest):
        hour = _hour((number + 0.5) / rest)
        while at < len(thefts) and thefts[at][0] < hour:
            yield from thefts[at][1]
            at += 1
        yield _line(hour, number, *_usual(chance))
    for _, lines in thefts[at:]:
        yield from lines


def _hour(share: float) -> float:
    """Few by night, most at noon."""
    return 24 * (share + 0.09 * math.sin(2 * math.pi * share))


def _usual(chance: random.Random) -> tuple[str, str | None, str, str, str, str, str, str]:
    drawn, name = chance.random(), chance.choice(OTHERS[: 1 + int(chance.paretovariate(0.6)) % len(OTHERS)])
    someone = f"<{chance.choice(NAMES)}@{chance.choice(('example.com', 'example.net', 'partner.example'))}>"
    if drawn < 0.34:
        address = f"198.51.100.{20 + NAMES.index(name)}"
        return address, name, f"<{name}@example.org>", someone, "permit", "authorised-login", f"login {name}", ""
    if drawn < 0.42:
        return "10.0.0.7", None, "<web@example.org>", someone, "permit", "local-client", "in 10.0.0.0/8", ""
    stranger = f"203.0.113.{1 + int(chance.paretovariate(0.8)) % 250}"
    if drawn < 0.95:
        to = f"<{chance.choice(NAMES)}@example.org>"
        return stranger, None, someone, to, "permit", "local-recipient", "example.org is a local domain", ""
    victim = f"<{chance.choice(NAMES)}@{chance.choice(('victim.example', 'example.com', 'mail.example'))}>"
    if drawn < 0.987:
        return f"192.0.2.{chance.randrange(9)}", None, someone, victim, "reject", "no-rule", "no rule permits", DENIED
    if drawn < 0.994:
        to, why = f"<{chance.choice(NAMES)}@example.org>", "listed by zen.example (127.0.0.2)"
        return stranger, None, someone, to, "reject", "dnsbl", why, "554 5.7.1 {}: Client host blocked"
    if drawn < 0.996:
        to = f"<{chance.choice(NAMES)}@example.org>"
        return stranger, None, someone, to, "defer", "uncertain", "domains: timed out", "451 4.3.0 {}: Try again later"
    return (
        "198.51.100.21",
        "bob",
        "<bob@example.org>",
        victim,
        "defer",
        "ledger",
        "over 2500 recipients/day per login",
        LIMIT,
    )


def _theft(chance: random.Random, login: str, hour: float, tries: int, ends: str) -> list[tuple[float, list[str]]]:
    """Some get out, then it is throttled, then, if it is the worse one, suspended."""
    found = []
    for number in range(9 * tries):
        at = hour + number / 140
        recipient = f"<u{chance.randrange(10**6)}@victim{chance.randrange(40)}.example>"
        client = f"192.0.2.{100 + number % 5}" if number % 3 else f"2001:db8:{number % 7:x}::25"
        asked = (client, login, f"<{login}@example.org>", recipient)
        if number < 18:
            answer = ("permit", "authorised-login", f"login {login}", "")
        elif number < 2 * tries or ends != "suspended":
            answer = ("defer", "ledger", "too much that is new at once in a day", LIMIT)
        else:
            answer = ("reject", "ledger", "the account is suspended", SUSPENDED)
        step = {18: "throttled", 2 * tries: ends}.get(number)
        said = [] if step is None or (number > 18 and ends != "suspended") else [_step(login, step, number)]
        found.append((at, [*said, _line(at, 900_000 + number, *asked, *answer)]))
    return found


def _step(login: str, step: str, number: int) -> str:
    evidence = "new recipients in a day: 18, strange: 100 % of the room, networks in an hour: 6, "
    evidence += f"refused in a day: {number - 18}"
    return f"WARNING: login {login} is {step}: too much that is new at once in a day; {evidence}"


def _line(
    hour: float, number: int, client: str, login: str | None, sender: str, recipient: str, verdict: str, rule: str,
    reason: str, reply: str,
) -> str:  # fmt: skip
    time = (BEGIN + timedelta(hours=hour)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said = {
        "time": time, "session": f"8b71ff-{number // 2}", "client": client, "helo": f"host{number % 9}.example.net",
        "login": login, "sender": sender, "recipient": recipient, "verdict": verdict, "rule": rule, "reason": reason,
        "reply": reply.format(recipient),
    }  # fmt: skip
    return json.dumps(said)
