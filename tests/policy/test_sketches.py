"""How many names an address has shown: never more than the truth, for two days, in a fixed piece of memory."""

from __future__ import annotations

import ipaddress
from contextlib import AbstractContextManager, nullcontext

from hypothesis import given
from hypothesis import strategies as st

from relaymilter.policy.networks import Address
from relaymilter.policy.sketches import DAY, KINDS, MOST, SIZE, Sketches, mark

NOON = 20_000 * DAY + DAY // 2
HERE = ipaddress.IPv4Address("172.17.0.1")
SETS = st.lists(st.sets(st.text(max_size=8), max_size=80), min_size=KINDS, max_size=KINDS)


class Octets:
    """Memory of this process alone."""

    def __init__(self) -> None:
        self.octets = memoryview(bytearray(SIZE))

    def locked(self) -> AbstractContextManager[None]:
        """Nobody else is there."""
        return nullcontext()


def sketches() -> Sketches:
    """Empty ones."""
    return Sketches(Octets())


def number(first: int) -> Address:
    """The address of this number."""
    return ipaddress.IPv4Address(0x0A000000 + first)


@given(SETS)
def test_never_more(names: list[set[str]]) -> None:
    """A count is no more than the names there were, and hardly less."""
    ours = sketches()
    slot = ours.add(HERE, NOON, [mark(kind, name) for kind, found in enumerate(names) for name in found])
    assert slot is not None
    for count, found in zip(ours.counts(slot, NOON // DAY), names, strict=True):
        assert count <= len(found)
        assert count >= len(found) * 0.7 - 2


def test_two_days() -> None:
    """Names count today and tomorrow, and not the day after; a clock that goes back loses nothing."""
    ours, today = sketches(), NOON // DAY
    slot = ours.add(HERE, NOON, [mark(0, "a")])
    assert slot is not None
    assert ours.add(HERE, NOON + DAY, [mark(0, "b")]) == slot
    assert ours.counts(slot, today + 1) == (2, 0, 0, 0)
    assert ours.add(HERE, NOON, [mark(0, "c")]) == slot
    assert ours.counts(slot, today + 1) == (3, 0, 0, 0)
    assert ours.counts(slot, today + 2) == (2, 0, 0, 0)
    assert ours.counts(slot, today + 3) == (0, 0, 0, 0)
    ours.add(HERE, NOON + 2 * DAY, [mark(0, "d")])
    assert ours.counts(slot, today + 2) == (3, 0, 0, 0)
    ours.add(HERE, NOON + 9 * DAY, [mark(0, "e")])
    assert ours.counts(slot, today + 9) == (1, 0, 0, 0)


def test_what_is_known() -> None:
    """What was seen today need not be written again."""
    ours, today = sketches(), NOON // DAY
    slot = ours.add(HERE, NOON, [mark(0, "a"), mark(1, "a")])
    assert slot is not None
    assert ours.knows(slot, today, [mark(1, "a")])
    assert not ours.knows(slot, today, [mark(1, "a"), mark(2, "a")])
    assert not ours.knows(slot, today + 1, [mark(1, "a")])
    assert ours.knows(slot, today - 1, [mark(1, "a")])


def test_longest_silent_goes() -> None:
    """Of more addresses than there is room for, the one goes that was silent for longest, and all that it showed."""
    ours = sketches()
    for each in range(MOST):
        ours.add(number(each), NOON + each, [mark(0, "a")])
    ours.add(number(0), NOON + MOST, [mark(0, "b")])
    slot = ours.add(number(MOST), NOON + MOST, [mark(1, "c")])
    assert slot is not None
    assert ours.counts(slot, NOON // DAY) == (0, 1, 0, 0)
    assert ours.slot(number(1)) is None
    assert {address for address, _ in ours} == {number(each) for each in range(MOST + 1) if each != 1}


def test_distrusted_stays() -> None:
    """One that has lost its trust is never given up, even where there is room for no other then."""
    ours = sketches()
    for each in range(MOST):
        slot = ours.add(number(each), NOON + each, [])
        assert slot is not None
        ours.write(slot, ours.head(slot)._replace(distrusted=1))
    assert ours.add(number(MOST), NOON, [mark(0, "a")]) is None
    ours.forget()
    assert [*ours] == []
    assert ours.add(number(MOST), NOON, [mark(0, "a")]) == 0


def test_addresses() -> None:
    """IPv4 and IPv6 addresses have slots of their own, also where the octets of one stand across two others."""
    ours = sketches()
    given = [
        HERE,
        ipaddress.IPv6Address("2001:db8::1"),
        ipaddress.IPv6Address("2001:db8:0:0:1::"),
        ipaddress.IPv6Address("1::2001:db8:0:0"),
        ipaddress.IPv6Address("::1:2001:db8:0:0"),
    ]
    assert [ours.add(address, NOON, []) for address in given] == [0, 1, 2, 3, 4]
    assert [ours.slot(address) for address in given] == [0, 1, 2, 3, 4]
    across = ipaddress.IPv6Address((given[2].packed + given[3].packed)[8:24])
    assert ours.slot(across) is None
    assert [address for address, _ in ours] == given
