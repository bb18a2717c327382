"""A stream of the milter protocol, cut into its packets."""

from __future__ import annotations

from typing import TypeAlias

Packet: TypeAlias = tuple[int, bytes]
"""A command and its data."""


def split(received: bytes) -> tuple[list[Packet], bytes]:
    """The whole packets in what was received, and what is left over."""
    packets: list[Packet] = []
    at = 0
    while len(received) - at >= 4:
        after = at + 4 + int.from_bytes(received[at : at + 4], "big")
        if after > len(received):
            break
        packets.append((received[at + 4], received[at + 5 : after]))
        at = after
    return packets, received[at:]
