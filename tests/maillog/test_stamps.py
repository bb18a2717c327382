"""Time stamps with and without a year, and the year that is taken where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from relaymilter.maillog.stamps import Stamps, month_of, stamp, year_of, years_on


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host in a zone with a summer time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


AT = 1_795_544_587.0


@pytest.mark.usefixtures("_berlin")
@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"2026-11-24T18:23:07+00:00 mx x[1]: ", AT),
        (b"2026-11-24T19:23:07.250000+01:00 mx x[1]: ", AT + 0.25),
        (b"2026-11-24T18:23:07Z mx", AT),
        (b"2026-11-24T13:23:07-0500 mx", AT),
        (b"Nov 24 19:23:07 mx x[1]: ", AT),
        (b"Nov  4 19:23:07 mx x[1]: ", AT - 20 * 86_400),
        (b"Jun  4 19:23:07 mx x[1]: ", 1_780_593_787.0),
    ],
)
def test_stamps(line: bytes, seconds: float) -> None:
    """A stamp with a zone is of that zone; one without, of this host's, in summer as well."""
    stamps = Stamps(2026)
    assert [seconds, seconds] == [stamps.seconds(line), stamps.seconds(line)]


@pytest.mark.parametrize(
    "line", [b"", b"x", b"2026", b"2026-11-24 mx", b"2026-99-24T18:23:07Z mx", b"Nov", b"Foo 24 19:23:07"]
)
def test_none(line: bytes) -> None:
    """What is no stamp is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 # whichever part of it is none
        Stamps(2026).seconds(line)


def test_a_stamp_is_read_back() -> None:
    """What is written in place of a journal's stamp."""
    assert AT + 0.125 == Stamps(0).seconds(stamp(AT + 0.125) + b" mx")


def test_the_year_is_the_latest_possible() -> None:
    """The first line of a file is no younger than the file, but for a day, by which clocks and zones may differ."""
    written = time.mktime((2026, 3, 1, 12, 0, 0, 0, 0, -1))
    assert 2026 == year_of(b"Feb 28 10:00:00 mx", written)
    assert 2026 == year_of(b"Mar  2 10:00:00 mx", written)
    assert 2025 == year_of(b"Mar  3 10:00:00 mx", written)


def test_new_year() -> None:
    """Where the month falls back, another year has begun; a line that is late at New Year is of the old one."""
    in_december, in_january = Stamps(2026, 12), Stamps(2027, 1)
    assert in_december.seconds(b"Jan  1 00:00:00 mx") - in_december.seconds(b"Dec 31 23:59:59 mx") == 1
    assert in_january.seconds(b"Jan  1 00:00:00 mx") - in_january.seconds(b"Dec 31 23:59:59 mx") == 1
    assert (2027, 2026, 2026) == (years_on(12, 2026, 1), years_on(1, 2027, 12), years_on(11, 2026, 12))
    assert (11, 0) == (month_of(b"Nov 24"), month_of(b"2026"))
