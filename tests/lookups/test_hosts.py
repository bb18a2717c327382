"""Hosts by name: found within the time there is, by one thread for each name at a time."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from relaymilter.lookups import deadline, hosts
from tests.rig.waiting import wait_for


class Names:
    """A getaddrinfo that answers for names when it is let."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[str] = []

    def find(self, host: str, port: int, *, type: int, flags: int) -> object:
        """As socket.getaddrinfo."""
        if flags == socket.AI_NUMERICHOST:
            raise socket.gaierror
        self.asked.append(host)
        assert self.released.wait(20)
        if host == "gone.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, type, 6, "", ("192.0.2.1", port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """They stand for those of the system."""
    found = Names()
    monkeypatch.setattr(socket, "getaddrinfo", found.find)
    return found


def found_in_time(host: str, seconds: float = 20) -> list[hosts.Found]:
    """The addresses of a host, within this time."""
    deadline.begin(seconds)
    return hosts.resolve(host)


@pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
def test_an_address_is_none_to_wait_for(text: str) -> None:
    """Even where there is no time at all."""
    assert [text] == [found.address[0] for found in found_in_time(text, 0)]


def test_one_thread_for_each_name(names: Names) -> None:
    """Many who ask for a name wait for one answer; who has no time left gets none."""
    with ThreadPoolExecutor(8) as threads:
        with pytest.raises(OSError, match=r"^a\.test: no address in time$"):
            found_in_time("a.test", 0)
        asked = [threads.submit(found_in_time, "a.test") for _ in range(8)]
        other = threads.submit(found_in_time, "b.test")
        names.released.set()
        assert {"192.0.2.1"} == {found.address[0] for future in [*asked, other] for found in future.result(20)}
    assert names.asked[0] == "a.test"
    wait_for(lambda: not hosts._under_way, "all have ended")


def test_a_name_is_asked_for_again(names: Names) -> None:
    """An answer, or none, is for those who wait for it."""
    names.released.set()
    for _ in range(2):
        with pytest.raises(OSError, match="not known"):
            found_in_time("gone.test")
    assert ["gone.test"] * 2 == names.asked


@pytest.mark.parametrize("host", ["", f"{'x' * 64}.test", "a..test"])
def test_what_is_no_name(host: str) -> None:
    """An OSError, and no other."""
    with pytest.raises(OSError, match="."):
        found_in_time(host)


def test_connect_tries_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that takes the connection has it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = [hosts.Found(socket.AF_INET6, ("::1", 0, 0, 0)), hosts.Found(socket.AF_INET, ("127.0.0.1", 0))]
        monkeypatch.setattr(hosts, "resolve", lambda _: found)
        deadline.begin(20)
        with hosts.connect("any.test", server.getsockname()[1]) as connection:
            assert server.getsockname() == connection.getpeername()
