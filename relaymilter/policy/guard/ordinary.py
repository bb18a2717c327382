"""A short way for the ordinary recipient: known, written to on a known device, within the hour of the one before.

That is most of all mail, and there nothing but counts changes: so they are changed in the record as it is, which costs
a fifth of taking all of it apart and putting it together. Whatever is not so is left to standing.py, which
would come to the same record and the same answer (a property test says so).
"""

import struct
from functools import lru_cache
from typing import TypeAlias

from relaymilter.policy.guard.footprint import DAY, KNOWN_AFTER, NETWORK_SIZE
from relaymilter.policy.guard.history import FIXED_SIZE, VERSION, WINDOW_SIZE, Unit
from relaymilter.policy.guard.limits import Limit
from relaymilter.policy.guard.novelty import HOUR, LEARN_DAYS, LEARN_FOR, LIFETIME, Novelty, Sent
from relaymilter.policy.guard.windows import KEPT, Window
from relaymilter.policy.ports import Past

ENOUGH = LIFETIME - LIFETIME // 8
"""Seconds: who is remembered for longer is not remembered anew."""

_BEGIN = struct.Struct("<BBBBIHHI")
"""Version, windows, cause, standing, first, days, day, recipients of that day: as history.py packs them."""
_NUMBER = struct.Struct("<I")
_RECIPIENTS_AT = 12
_TOGETHER_AT = 22
_USE = struct.Struct("<IHHH")
"""Of a network, after its key: last, first, days, counted."""
_KEY = 8
_COUNTS = struct.Struct(f"<{KEPT}I")
"""Of a window, after unit, seconds and newest."""

_Kind: TypeAlias = tuple[bytes, int, int]
"""Of a window: what it begins with, its seconds, and those of a slice."""


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
    _NUMBER.pack_into(changed, _RECIPIENTS_AT, recipients + 1)
    _NUMBER.pack_into(changed, _TOGETHER_AT, recipient)
    _NUMBER.pack_into(changed, narrow, now)
    _NUMBER.pack_into(changed, wide, now)
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
    most = novelty.networks
    if learning and most is not None and not _counts(changed, after, _NETWORKS, now, most, 0):
        return False
    return _counts(changed, after, _IN_AN_HOUR, now, None, 1) and _counts(changed, after, _IN_A_DAY, now, None, 1)


def _charge_limits(changed: bytearray, after: int, limits: tuple[Limit, ...], opens: bool, now: int) -> bool:
    """False: one is reached, or its window is not there yet."""
    return all(_counts(changed, after, kind, now, most, 1) for kind, most in _counted(limits, opens))


@lru_cache(4096)
def _counted(limits: tuple[Limit, ...], opens: bool) -> tuple[tuple[_Kind, int], ...]:
    """The windows that someone who is known is charged to, and how many each may hold."""
    most: dict[_Kind, int] = {}
    for limit in limits:
        if limit.unit is Unit.RECIPIENTS or (limit.unit is Unit.MESSAGES and opens):
            kind = _kind(limit.unit, limit.seconds)
            most[kind] = min(limit.most, most.get(kind, limit.most))
    return tuple(most.items())


def _counts(changed: bytearray, after: int, kind: _Kind, now: int, most: int | None, charge: int) -> bool:
    """Turn a window to now, and charge it; False: it is full, or not there."""
    key, seconds, slice_ = kind
    at = changed.find(key, FIXED_SIZE, after)
    if at < 0 or (at - FIXED_SIZE) % WINDOW_SIZE:
        return False
    at += _KEY
    [newest] = _NUMBER.unpack_from(changed, at)
    if newest != now // slice_:
        newest = _turn(changed, at, seconds, now)
    if most is not None and sum(_COUNTS.unpack_from(changed, at + _NUMBER.size)) >= most:
        return False
    if charge:
        at += _NUMBER.size * (1 + newest % KEPT)
        _NUMBER.pack_into(changed, at, _NUMBER.unpack_from(changed, at)[0] + charge)
    return True


def _turn(changed: bytearray, at: int, seconds: int, now: int) -> int:
    """To now, as windows turn; the number of the latest slice."""
    [newest] = _NUMBER.unpack_from(changed, at)
    window = Window(seconds, newest, list(_COUNTS.unpack_from(changed, at + _NUMBER.size)))
    window.total(now)
    _NUMBER.pack_into(changed, at, window.newest)
    _COUNTS.pack_into(changed, at + _NUMBER.size, *window.counts)
    return window.newest


def _kind(unit: Unit, seconds: int) -> _Kind:
    return struct.pack("<II", unit, seconds), seconds, Window(seconds).slice


_NETWORKS, _IN_AN_HOUR, _IN_A_DAY = _kind(Unit.NETWORKS, HOUR), _kind(Unit.FAMILIAR, HOUR), _kind(Unit.FAMILIAR, DAY)
