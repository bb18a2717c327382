"""A short way for the ordinary recipient: known, written to on a known device, within the hour of the one before.

That is most of all mail, and there nothing but counts changes: so they are changed in the record as it is, which costs
a fifth of taking all of it apart and putting it together. Whatever is not so is left to standing.py, which
would come to the same record and the same answer (a property test says so).
"""

import struct
from functools import lru_cache

from relaymilter.policy.guard.footprint import DAY, KNOWN_AFTER, NETWORK_SIZE
from relaymilter.policy.guard.history import FIXED_SIZE, VERSION, WINDOW_SIZE, Unit
from relaymilter.policy.guard.limits import Limit
from relaymilter.policy.guard.novelty import HOUR, LEARN_DAYS, LEARN_FOR, LIFETIME, Novelty, Sent
from relaymilter.policy.guard.windows import KEPT, SLICES, Window
from relaymilter.policy.ports import Past

ENOUGH = LIFETIME - LIFETIME // 8
"""Seconds: who is remembered for longer is not remembered anew."""

_BEGIN = struct.Struct("<BBBBIHHI")
"""Version, windows, cause, standing, first, days, day, recipients of that day: as history.py packs them."""
_RECIPIENTS = struct.Struct("<I")
_RECIPIENTS_AT = 12
_TOGETHER_AT = 22
_USE = struct.Struct("<IHHH")
"""Of a network, after its key: last, first, days, counted."""
_KEY = 8
_COUNTS = struct.Struct(f"<{KEPT + 1}I")
"""Of a window, after unit and seconds: newest, counts."""


def ordinary(
    past: Past, limits: tuple[Limit, ...], novelty: Novelty, sent: Sent, opens: bool, now: int
) -> bytes | None:
    """The record after this recipient, which is permitted; None: it is not ordinary, or not fine."""
    record, enough = past.record, now + ENOUGH
    recipient, _, device, _, program = past.seen
    if record is None or recipient is None or device is None or program is None:
        return None
    if recipient < enough or device < enough or program < enough or len(record) < FIXED_SIZE:
        return None
    version, count, cause, standing, first, days, day, recipients = _BEGIN.unpack_from(record)
    if version != VERSION or cause or standing or day != now // DAY:
        return None
    after = FIXED_SIZE + count * WINDOW_SIZE
    narrow, wide = _network(record, after, sent.networks.narrow), _network(record, after, sent.networks.wide)
    if narrow is None or wide is None:
        return None
    used, known = _used(record, narrow, day), _used(record, wide, day)
    if used is None or known is None or not now - HOUR <= used[0] <= now:
        return None
    changed = bytearray(record)
    if used[1] < KNOWN_AFTER and known[1] < KNOWN_AFTER:
        learning = days < LEARN_DAYS or now - first < LEARN_FOR
        if not _at_new_place(changed, after, novelty, learning, sent.common, now):
            return None
    if limits and not _charge_limits(changed, after, limits, opens, now):
        return None
    _RECIPIENTS.pack_into(changed, _RECIPIENTS_AT, recipients + 1)
    _RECIPIENTS.pack_into(changed, _TOGETHER_AT, recipient)
    _RECIPIENTS.pack_into(changed, narrow, now)
    _RECIPIENTS.pack_into(changed, wide, now)
    return bytes(changed)


def _network(record: bytes, after: int, key: bytes) -> int | None:
    """Where the uses of a network are, of those that begin at `after`; None: it is not there, or not at once."""
    at = record.find(key, after)
    return None if at < 0 or (at - after) % NETWORK_SIZE or (len(record) - after) % NETWORK_SIZE else at + _KEY


def _used(record: bytes, at: int, day: int) -> tuple[int, int] | None:
    """When it was last used, and on how many days; None: this day is none of them yet."""
    last, _, days, counted = _USE.unpack_from(record, at)
    return (last, days) if counted == day else None


def _at_new_place(changed: bytearray, after: int, novelty: Novelty, learning: bool, common: bool, now: int) -> bool:
    """Who is known is free there on a device of one's own, and while a login is learned; but such are counted."""
    if not learning and common:
        return False
    networks = None if novelty.networks is None or not learning else novelty.networks
    if networks is not None and not _counts(changed, after, _window_key(Unit.NETWORKS, HOUR), now, networks, 0):
        return False
    return all(_counts(changed, after, key, now, None, 1) for key in _FAMILIAR)


def _charge_limits(changed: bytearray, after: int, limits: tuple[Limit, ...], opens: bool, now: int) -> bool:
    """False: one is reached, or its window is not there yet."""
    return all(_counts(changed, after, key, now, most, 1) for key, most in _counted(limits, opens))


@lru_cache(4096)
def _counted(limits: tuple[Limit, ...], opens: bool) -> tuple[tuple[bytes, int], ...]:
    """The windows that someone who is known is charged to, and how many each may hold."""
    most: dict[bytes, int] = {}
    for limit in limits:
        if limit.unit is Unit.RECIPIENTS or (limit.unit is Unit.MESSAGES and opens):
            key = _window_key(limit.unit, limit.seconds)
            most[key] = min(limit.most, most.get(key, limit.most))
    return tuple(most.items())


def _counts(changed: bytearray, after: int, key: bytes, now: int, most: int | None, charge: int) -> bool:
    """Turn a window to now, and charge it; False: it is full, or not there."""
    at = changed.find(key, FIXED_SIZE, after)
    if at < 0 or (at - FIXED_SIZE) % WINDOW_SIZE:
        return False
    at += _KEY
    seconds = int.from_bytes(key[4:], "little")
    newest, *counts = _COUNTS.unpack_from(changed, at)
    number = now // -(-seconds // SLICES)
    if number != newest:
        window = Window(seconds, newest, counts)
        window.total(now)
        newest, counts = window.newest, window.counts
    if most is not None and sum(counts) >= most:
        return False
    counts[newest % KEPT] += charge
    _COUNTS.pack_into(changed, at, newest, *counts)
    return True


@lru_cache(4096)
def _window_key(unit: Unit, seconds: int) -> bytes:
    """What a window begins with."""
    return struct.pack("<II", unit, seconds)


_FAMILIAR = (_window_key(Unit.FAMILIAR, HOUR), _window_key(Unit.FAMILIAR, DAY))
