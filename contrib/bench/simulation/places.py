"""Networks: where mail is sent from."""

from __future__ import annotations

from random import Random

from relaymilter.policy.guard.footprint import Networks

_WIDES = 40_000
"""/16s that are in use, about."""


def fresh(random: Random) -> Networks:
    """A /24 somewhere in the world, in a /16 that most likely nobody else here uses."""
    return narrow(random, wide(random))


def wide(random: Random) -> bytes:
    """A /16."""
    return b"w" + random.randrange(_WIDES).to_bytes(2, "big") + bytes(5)


def narrow(random: Random, wide: bytes) -> Networks:
    """A /24 in it."""
    return Networks(b"4" + wide[1:3] + random.randrange(256).to_bytes(1, "big") + bytes(4), wide)


class Pool:
    """What a provider gives its customers in turn: many /24s in a few /16s, or a /48 each time in a /32."""

    def __init__(self, random: Random, wides: tuple[int, int], narrows: tuple[int, int], ipv6: bool) -> None:
        if ipv6:
            prefix = random.randbytes(4)
            self.networks = [
                Networks(b"6" + prefix + random.randbytes(2) + b"\0", b"x" + prefix + bytes(3)) for _ in range(400)
            ]
        else:
            parts = [wide(random) for _ in range(random.randint(*wides))]
            self.networks = [narrow(random, random.choice(parts)) for _ in range(random.randint(*narrows))]

    def draw(self, random: Random) -> Networks:
        """One of them."""
        return random.choice(self.networks)
