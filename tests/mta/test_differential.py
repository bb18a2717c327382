"""The same envelopes to MTAs that are closed by themselves, and to the same MTAs, open but for relaymilter.

All four take the same domains. What the first refuses, the second must refuse: there only relaymilter stands between
the MTA and the world. What relaymilter refuses and the MTA would take is safe, and counted by kind; each is explained.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from relaymilter.audit.hostile.envelopes import shown
from tests.rig import HOST_NAME, STRANGER, Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, Smtp, running

from .attempts import RELAYED, Attempt, attempts

PACK = 40
"""Transactions that are written before their replies are read."""

DOMAINS = ("--local-domain", "example.org", "--local-domain", HOST_NAME, "--relay-domain", RELAYED)
TAKES = {"postfix": f"relay_domains = {RELAYED}\n", "sendmail": f"RELAY_DOMAIN(`{RELAYED}')dnl\n"}
CLOSES = {
    "postfix": "smtpd_relay_restrictions = reject_unauth_destination\n",
    "sendmail": "undefine(`_PROMISCUOUS_RELAY_')dnl\n",
}
REFUSES_TO_RELAY = re.compile("Relay access denied|Relaying denied")

EXPLAINED = {
    "unreadable": "no path by RFC 5321's syntax: how an MTA reads it is a guess, and to guess the same is not certain",
    "sent on": "it asks to be sent on, here to a mailbox of the MTA's own after all: no stranger needs that",
    "literal": "an address in the place of a domain, which is no local domain unless it is named as one",
    "localhost": "it is a local domain of Sendmail's, and of relaymilter's only where it is named as one",
    "bare name": "it has no domain, and Sendmail does not say where it goes; or there are comments in it",
}
"""Why relaymilter refuses what an MTA takes."""


class Line(NamedTuple):
    """What four MTAs say to one RCPT, by their names."""

    attempt: Attempt
    path: bytes
    closed: dict[str, str]
    """By themselves."""
    guarded: dict[str, str]
    """By relaymilter alone."""

    def __str__(self) -> str:
        """As a conversation with the replies behind it."""
        said = " ".join(
            f"| {name} {self.closed[name]} | {name} with relaymilter {self.guarded[name]}" for name in self.closed
        )
        return f"{self.attempt}\nrcpt   {shown(self.path)} {said}\n"


def accepted(reply: str) -> bool:
    """It is 2xx."""
    return reply.startswith("2")


def kind(path: bytes, reply: str) -> str:
    """Of a path that relaymilter refuses though the MTA takes it, a key of EXPLAINED, or what nobody has explained."""
    mailbox = re.sub(rb"\([^()]*\)", b"", path)
    if reply.startswith("501 5.1.3"):
        return "unreadable"
    if mailbox.count(b"@") > 1 or re.search(rb"[%!]|@[^>]*:", mailbox):
        return "sent on"
    if b"[" in mailbox:
        return "literal"
    if re.search(rb"@localhost\b", mailbox):
        return "localhost"
    return "bare name" if b"@" not in mailbox else f"not explained: {shown(path)}"


def replies(mta: Mta, tried: list[Attempt]) -> Iterator[tuple[Attempt, tuple[str, ...]]]:
    """What is said to every RCPT of each attempt; many of one HELO are in one session."""
    by_helo: dict[bytes, list[Attempt]] = {}
    for attempt in tried:
        by_helo.setdefault(attempt.helo, []).append(attempt)
    for helo, same in by_helo.items():
        for begin in range(0, len(same), PACK):
            with mta.smtp(STRANGER) as client:
                if not client.command(b"EHLO " + helo).ok:
                    client.ehlo()
                yield from zip(same[begin:], _played(client, same[begin : begin + PACK]), strict=False)
                assert client.quit().code == 221


def _played(client: Smtp, pack: list[Attempt]) -> list[tuple[str, ...]]:
    """All at once, and then the replies, which come in the same order (RFC 2920)."""
    for attempt in pack:
        lines = [b"MAIL FROM:" + attempt.mail, *(b"RCPT TO:" + path for path in attempt.rcpt), b"RSET"]
        client.write(b"".join(line + b"\r\n" for line in lines))
    said = []
    for attempt in pack:
        client.read_reply()
        said.append(tuple(str(client.read_reply()) for _ in attempt.rcpt))
        assert client.read_reply().code == 250, attempt
    return said


@pytest.fixture(scope="module")
def tried(request: pytest.FixtureRequest) -> list[Attempt]:
    """What the MTAs are to hear, of a seed that is printed."""
    count, seed = (request.config.getoption(name) for name in ("--envelopes", "--seed"))
    sys.stdout.write(f"--envelopes {count} --seed {seed}\n")
    return attempts(Random(seed), count)


@pytest.fixture(scope="module")
def lines(namespace: Namespace, release_folder: Path, tried: list[Attempt]) -> list[Line]:
    """What four MTAs said."""
    closed: dict[str, dict[Attempt, tuple[str, ...]]] = {}
    guarded: dict[str, dict[Attempt, tuple[str, ...]]] = {}
    with ExitStack() as stack:
        folder = release_folder / "differential"
        folder.mkdir()
        daemon = stack.enter_context(running(Relaymilter(folder / "relaymilter", *DOMAINS)))
        for make in (Postfix, Sendmail):
            name = make.name
            alone = make(namespace, folder / f"{name}-closed", MtaSettings(extra=TAKES[name] + CLOSES[name]))
            closed[name] = dict(replies(stack.enter_context(running(alone)), tried))
            second = make(namespace, folder / f"{name}-guarded", MtaSettings((daemon.milter,), extra=TAKES[name]))
            guarded[name] = dict(replies(stack.enter_context(running(second)), tried))
    return [
        Line(
            attempt,
            path,
            {name: said[attempt][number] for name, said in closed.items()},
            {name: said[attempt][number] for name, said in guarded.items()},
        )
        for attempt in tried
        for number, path in enumerate(attempt.rcpt)
    ]


def test_nothing_more(lines: list[Line]) -> None:
    """What an MTA by itself refuses, for whatever reason, it refuses with relaymilter, too."""
    more = [
        line
        for line in lines
        if any(accepted(line.guarded[name]) and not accepted(reply) for name, reply in line.closed.items())
    ]
    assert not more, "\n".join(map(str, more))


def test_nothing_that_either_refuses_to_relay(lines: list[Line]) -> None:
    """What one of the two MTAs refuses to relay, relaymilter permits on neither."""
    more = [
        line
        for line in lines
        if any(map(accepted, line.guarded.values())) and any(map(REFUSES_TO_RELAY.search, line.closed.values()))
    ]
    assert not more, "\n".join(map(str, more))


def test_what_is_less_is_explained(
    lines: list[Line], capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """What is refused beyond what an MTA would refuse is counted; the envelopes are such that much is taken, too."""
    seed = request.config.getoption("--seed")
    less, taken = Counter[str](), Counter[str]()
    for line in lines:
        for name, reply in line.guarded.items():
            if accepted(reply):
                taken[name] += 1
            elif accepted(line.closed[name]):
                less[kind(line.path, reply)] += 1
    with capsys.disabled():
        sys.stdout.write(
            f"\ndifferential, seed {seed}: {len(lines):,} recipients, taken {dict(taken)}, refused beyond {dict(less)} "
        )
    assert less.keys() <= EXPLAINED.keys()
    assert min(taken["postfix"], taken["sendmail"]) > len(lines) / 50
    assert (
        sum(bool(REFUSES_TO_RELAY.search(reply)) for line in lines for reply in line.closed.values()) > len(lines) / 5
    )
