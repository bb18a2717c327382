"""Programs: what they say of themselves in HELO, which mechanism of AUTH they take, and what TLS they agree on.

A mail program that is asked for its name gives one of its own, or one of a few that many give. README.rst has where
the table is from.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import NamedTuple

from relaymilter.policy.guard.footprint import Networks
from relaymilter.policy.guard.novelty import Sent

AES_128, AES_256 = "TLSv1.3 TLS_AES_128_GCM_SHA256", "TLSv1.3 TLS_AES_256_GCM_SHA384"
OLDER = "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"
LOCALHOST, APPLE, PRIVATE, LOOPBACK, PUBLIC = "localhost", "smtpclient.apple", "[private]", "[loopback]", "[public]"
LITERALS = (PRIVATE, LOOPBACK, PUBLIC)
COMMON = (LOCALHOST, APPLE, *LITERALS)
"""What many programs say alike; others a name of their own."""


class Program(NamedTuple):
    """One program on one computer or telephone."""

    helo: str
    mechanism: str
    tls: str

    def sent(self, networks: Networks, recipient: bytes) -> Sent:
        """A recipient, in the terms of a ledger: as relaymilter.policy.guard.marks has it."""
        helo = "[IPv6]" if self.helo in (PRIVATE, PUBLIC) and networks.narrow[:1] == b"6" else self.helo
        common = self.helo in COMMON
        agreed = f"{self.mechanism} {self.tls}"
        device = _hash(f"{helo} {agreed}" if common else helo)
        return Sent(networks, recipient, device, common, _hash(f"{helo if common else ''} {agreed}"))

    def updated(self, random: Random) -> Program:
        """It agrees on something else from now on."""
        return self._replace(tls=random.choice([tls for tls in (AES_128, AES_256, OLDER) if tls != self.tls]))


def _hash(text: str) -> bytes:
    found = _HASHES.get(text)
    if found is None:
        found = _HASHES[text] = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return found


_HASHES: dict[str, bytes] = {}


def own(random: Random) -> str:
    """A name that no other computer has."""
    return random.randbytes(8).hex()


Kind = tuple[float, str, str, str]
"""How many of a hundred, what they say (empty: a name of their own), the mechanism, TLS."""

LAPTOPS: tuple[Kind, ...] = (
    (20, "", "LOGIN", OLDER),  # Outlook, Windows 10
    (20, "", "LOGIN", AES_256),  # Outlook, Windows 11
    (8, "", "PLAIN", AES_128),  # Apple Mail, of older releases
    (12, "", "PLAIN", AES_256),  # Evolution, KMail, mutt with msmtp
    (22, PRIVATE, "PLAIN", AES_128),  # Thunderbird
    (3, PRIVATE, "PLAIN", AES_256),  # others that give their address
    (12, APPLE, "PLAIN", AES_128),  # Apple Mail
    (3, APPLE, "PLAIN", OLDER),
)
PHONES: tuple[Kind, ...] = (
    (42, APPLE, "PLAIN", AES_128),  # iOS
    (8, APPLE, "PLAIN", OLDER),
    (17, LOCALHOST, "PLAIN", AES_128),  # Android
    (8, LOCALHOST, "LOGIN", AES_128),
    (12, LOOPBACK, "PLAIN", AES_128),  # K-9, Thunderbird for Android
    (13, PRIVATE, "PLAIN", AES_128),
)
SERVERS: tuple[Kind, ...] = (
    (40, "", "PLAIN", AES_256),
    (30, "", "LOGIN", AES_256),
    (20, "", "LOGIN", OLDER),
    (10, "", "PLAIN", AES_128),
)
HELO_OF_BOTS = ((65, ""), (9, PUBLIC), (9, PRIVATE), (7, LOOPBACK), (10, LOCALHOST))
TOOLS = (
    (33, "PLAIN", AES_256),  # smtplib of Python, nodemailer: OpenSSL
    (25, "LOGIN", AES_256),  # PHPMailer
    (20, "LOGIN", OLDER),  # programs for Windows
    (17, "PLAIN", AES_128),  # Go, and Java on telephones
    (5, "LOGIN", ""),  # without TLS, where a server lets it
)
IMITATE = 0.05
"""So many thieves use a mail program, or imitate one wholly."""


def some(random: Random, kinds: tuple[Kind, ...]) -> Program:
    """One of a population."""
    _, helo, mechanism, tls = random.choices(kinds, [kind[0] for kind in kinds])[0]
    return Program(helo or own(random), mechanism, tls)


def another(random: Random, old: Program, kinds: tuple[Kind, ...]) -> Program:
    """Of a new computer or telephone: mostly the same program, with another name where it has one."""
    if random.random() < 0.3:
        return some(random, kinds)
    return old if old.helo in COMMON else old._replace(helo=own(random))


def laptop(random: Random) -> Program:
    """Of a computer."""
    return some(random, LAPTOPS)


def phone(random: Random) -> Program:
    """Of a telephone."""
    return some(random, PHONES)


def bot(random: Random) -> Program:
    """A thief's."""
    if random.random() < IMITATE:
        return some(random, random.choice((LAPTOPS, PHONES)))
    helo = random.choices(HELO_OF_BOTS, [kind[0] for kind in HELO_OF_BOTS])[0][1]
    _, mechanism, tls = random.choices(TOOLS, [kind[0] for kind in TOOLS])[0]
    return Program(helo or own(random), mechanism, tls)
