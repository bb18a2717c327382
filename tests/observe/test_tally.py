"""Counts in shared memory: kept by name, by one writer after the other, whatever the names are."""

from __future__ import annotations

import mmap
import os
import threading

from relaymilter.observe.tally import CELLS, CROWDED, SIZE, Tally


def memory() -> memoryview:
    """As much as a tally takes, for processes to share."""
    return memoryview(mmap.mmap(-1, SIZE))


def counted(octets: memoryview) -> dict[tuple[str, ...], int]:
    """What somebody else reads there, without what is zero."""
    return {name: value for name, value in Tally(octets) if value}


def test_a_writer_goes_on_where_another_process_ended() -> None:
    """Killed in the midst of counting, it has lost nothing; the next one adds to it."""
    octets = memory()
    for _ in range(2):
        if (pid := os.fork()) == 0:
            tally = Tally(octets)
            for number in range(1000):
                tally.count(("of", str(number % 10)))
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
    assert counted(octets) == {("of", str(digit)): 200 for digit in range(10)}


def test_a_reader_sees_names_that_come_later() -> None:
    """It has looked before they were there."""
    octets = memory()
    reader, writer = Tally(octets), Tally(octets)
    assert not [*reader]
    writer.count(("one",), 3)
    writer.put(("two", ""), -4)
    assert {("one",): 3, ("two", ""): -4, CROWDED: 0} == dict(reader)


def test_of_now() -> None:
    """What says how things stood is dropped, by the first word of the name; the rest stays."""
    octets = memory()
    Tally(octets).count(("open",), 7)
    Tally(octets).count(("breaker", "DNS", ""), 1)
    Tally(octets).count(("sessions",), 9)
    Tally(octets).drop("open", "breaker")
    assert {("sessions",): 9} == counted(octets)


def test_threads_claim_a_name_once() -> None:
    """And count together."""
    octets = memory()
    tally = Tally(octets)

    def count() -> None:
        for number in range(2000):
            tally.count(("of", str(number % 100)))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(octets) == {("of", str(number)): 80 for number in range(100)}


def test_more_names_than_cells() -> None:
    """What has no cell is counted all the same, without its name."""
    octets = memory()
    tally = Tally(octets)
    for number in range(CELLS + 10):
        tally.count(("of", str(number)))
    tally.count(("of", str(CELLS + 5)))
    found = counted(octets)
    assert 12 == found.pop(CROWDED)
    assert {("of", str(number)): 1 for number in range(CELLS - 1)} == found


def test_any_name() -> None:
    """One that is long is cut, and keeps what stands behind it; NUL and half a character do no harm."""
    octets = memory()
    tally = Tally(octets)
    tally.count(("lookups", "\N{SNOWMAN}" * 100, "not-asked"))
    tally.count(("lookups", "a\0b", "found"))
    tally.count(("lookups", "\udcff", "found"))
    found = counted(octets)
    assert {"not-asked", "found"} == {name[2] for name in found}
    assert {"\N{SNOWMAN}" * 50, "a b", "\\udcff"} == {name[1] for name in found}
    assert [*found.values()] == [1, 1, 1]
