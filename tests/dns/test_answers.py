"""What a real name server says, and what we make of it: an answer, surely none, or no answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.resolver
import pytest

from relaymilter.dns import LONGEST, SHORTEST, Resolver
from relaymilter.lookups import waiting
from relaymilter.lookups.guard import KeyFailed, Limits
from relaymilter.policy.networks import Address, parse_address
from relaymilter.policy.ports import LookupFailed, MailExchanger, MustWait
from tests.rig import wait_for
from tests.servers.unbound import Unbound

from .conftest import resolver
from .impostor import Impostor, coded, section, truthful

BACKED = (MailExchanger(10, "mx1.backed.test"), MailExchanger(20, "mx2.here.test"))


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        pytest.param("backed.test", BACKED, id="two"),
        pytest.param("alias.test", BACKED, id="behind a CNAME"),
        pytest.param("short0.test", (MailExchanger(10, "mx1.backed.test"),), id="behind a chain of eight"),
        pytest.param("mixed.test", (MailExchanger(10, "mx1.backed.test"),), id="in lower case"),
        pytest.param(
            "half.test", (MailExchanger(0, "."), MailExchanger(10, "mx2.here.test")), id="null MX and another"
        ),
        pytest.param(
            "many.test",
            tuple(MailExchanger(n, f"mx{n}.with-a-name-that-fills-the-packet.test") for n in range(32)),
            id="too much for UDP: by TCP",
        ),
        pytest.param("null.test", (), id="null MX"),
        pytest.param("host.test", (), id="no MX, but an address"),
        pytest.param("nowhere.test", (), id="no such name"),
        pytest.param("dangling.test", (), id="CNAME to no such name"),
        pytest.param("x" * 63 + ".test", (), id="a long label"),
        pytest.param("x." * 125 + "test", (), id="a name that is too long to exist"),
        pytest.param("x" * 64 + ".test", (), id="a label that is too long to exist"),
    ],
)
def test_exchangers(unbound: Unbound, domain: str, expected: tuple[MailExchanger, ...]) -> None:
    """The best first; none where there surely is none."""
    assert expected == resolver(unbound.address).exchangers(domain)


def addresses(*texts: str) -> tuple[Address, ...]:
    """These."""
    return tuple(address for text in texts if (address := parse_address(text)))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("mx1.backed.test", addresses("192.0.2.1", "2001:db8::1"), id="both families"),
        pytest.param("mapped.test", addresses("192.0.2.2", "192.0.2.3"), id="IPv4-mapped"),
        pytest.param("mx.far.test", addresses("203.0.113.99"), id="one"),
        pytest.param("backed.test", (), id="none"),
        pytest.param("nowhere.test", (), id="no such name"),
        pytest.param(".", (), id="the host of a null MX"),
    ],
)
def test_addresses(unbound: Unbound, host: str, expected: tuple[Address, ...]) -> None:
    """All of a host's."""
    assert expected == resolver(unbound.address).addresses(host)


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        pytest.param("loop.test", "SERVFAIL", id="CNAMEs in a loop"),
        pytest.param("chain0.test", "ChainTooLong", id="CNAMEs without end"),
        pytest.param("toomany.test", "more than 32 records", id="too many"),
        pytest.param("failing.example", "SERVFAIL", id="its name servers fail"),
        pytest.param("refused.example", "REFUSED", id="refused"),
        pytest.param("silent.example", "no answer in time", id="no answer"),
        pytest.param("lost.example", "no answer in time", id="its name servers are lost"),
    ],
)
def test_no_answer(unbound: Unbound, domain: str, said: str) -> None:
    """A domain of which nothing can be said is neither yes nor no, and not asked about again for a while."""
    asking = resolver(unbound.address, lifetime=0.7)
    with pytest.raises(LookupFailed, match=f"^DNS: {domain} MX: .*{said}"):
        asking.exchangers(domain)
    with pytest.raises(LookupFailed, match=f"^DNS: not asked for a while: {domain} MX: .*{said}"):
        asking.exchangers(domain)


def test_too_many_addresses(unbound: Unbound) -> None:
    """More addresses than a sane host has are none."""
    with pytest.raises(LookupFailed, match=r"wide\.test A: more than 32 records"):
        resolver(unbound.address).addresses("wide.test")


def test_dead_domains_do_not_close_the_dns(unbound: Unbound) -> None:
    """However many domains fail, by silence or by SERVFAIL, others are answered at once."""
    asking = resolver(unbound.address, lifetime=0.3)
    for domain in ("silent.example", "a.silent.example", "b.silent.example", "c.failing.example", "d.failing.example"):
        with pytest.raises(LookupFailed, match=f"^DNS: {domain} "):
            asking.exchangers(domain)
    asking._lifetime = 5.0
    assert BACKED == asking.exchangers("backed.test")


def test_a_key_failed_is_the_domains_fault(unbound: Unbound, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of a name server that knows localhost proves it well, one that says nothing of it is not."""
    monkeypatch.setattr("relaymilter.dns.PROBE", 0.4)
    with Impostor(lambda _: None) as deaf:
        for server, kind in ((unbound.address, KeyFailed), (deaf.address, LookupFailed)):
            with pytest.raises(LookupFailed) as failed:
                resolver(server, lifetime=0.1)._ask_exchangers("silent.example")
            assert kind is type(failed.value)


def test_kept(unbound: Unbound) -> None:
    """An answer is kept, a sure none, too, and not asked for again; each for its time."""
    with Impostor(lambda question: truthful(question, "backed.test MX 10 mx1.backed.test")) as server:
        for limits, count in ((Limits(), 2), (Limits(negative=0), 3), (Limits(positive=0), 3)):
            server.asked = 0
            asking = resolver(server.address, limits=limits)
            for domain in ("backed.test", "host.test", "backed.test", "host.test"):
                asking.exchangers(domain)
            assert count == server.asked


def test_no_waiting(unbound: Unbound, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing may wait nothing is asked, but what is kept is given."""
    asking = resolver(unbound.address)
    asking.exchangers("backed.test")
    monkeypatch.setattr(waiting, "allowed", lambda: False)
    assert BACKED == asking.exchangers("backed.test")
    for ask in (asking.addresses, asking.exchangers):
        with pytest.raises(MustWait):
            ask("host.test")


def test_absolute_names(unbound: Unbound, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A search list of the system is not applied: `backed` is no `backed.test`."""
    asking = with_resolv_conf(monkeypatch, tmp_path, "nameserver 127.0.0.1\nsearch test\nndots 5\n")
    asking._stub.port = unbound.address[1]
    assert () == asking.exchangers("backed.backed.test")
    assert BACKED == asking.exchangers("backed.test")


def with_resolv_conf(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str | None) -> Resolver:
    """One that finds this in /etc/resolv.conf, or no such file."""
    path = folder / "resolv.conf"
    if text is not None:
        path.write_text(text)
    true_read: Callable[[Any, Any], None] = dns.resolver.Resolver.read_resolv_conf
    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda self, _: true_read(self, str(path)))
    return Resolver((), Limits())


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        pytest.param("nameserver 192.0.2.53\nnameserver 2001:db8::53\n", ["192.0.2.53", "2001:db8::53"], id="two"),
        pytest.param("search example.org\n", ["127.0.0.1"], id="none"),
        pytest.param(None, ["127.0.0.1"], id="no file"),
    ],
)
def test_system_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, servers: list[str]) -> None:
    """Unless told otherwise it asks those of /etc/resolv.conf, or the one of this machine."""
    assert servers == [str(server) for server in with_resolv_conf(monkeypatch, tmp_path, text)._stub.nameservers]


def test_second_server(unbound: Unbound) -> None:
    """A name server that is silent, or will not answer, is passed over for the next."""
    for say in (
        lambda _: None,
        lambda question: coded(question, "REFUSED"),
        lambda question: coded(question, "SERVFAIL"),
    ):
        with Impostor(say) as bad:
            asking = Resolver((("127.0.0.2", bad.address[1]), unbound.address), Limits(), 0.8)
            assert BACKED == asking.exchangers("backed.test")


SOA = "SOA ns.test hostmaster.test 1 3600 900 604800"


@pytest.mark.parametrize(
    ("say", "seconds"),
    [
        pytest.param({"answer": ("backed.test 0 MX 10 mx.test",)}, SHORTEST, id="no TTL"),
        pytest.param({"answer": ("backed.test 77 MX 10 mx.test",)}, 77, id="its TTL"),
        pytest.param({"answer": ("backed.test 999999 MX 10 mx.test",)}, LONGEST, id="a long TTL"),
        pytest.param(
            {"answer": ("backed.test 66 CNAME other.test", "other.test 77 MX 10 mx.test")}, 66, id="that of an alias"
        ),
        pytest.param({"authority": (f"test 300 {SOA} 88",)}, 88, id="no record, the minimum"),
        pytest.param({"authority": (f"test 44 {SOA} 88",)}, 44, id="no record, the SOA's own"),
        pytest.param({"authority": (f"test 300 {SOA} 88",), "code": "NXDOMAIN"}, 88, id="no name, the minimum"),
        pytest.param({"authority": (f"test 99999 {SOA} 99999",), "code": "NXDOMAIN"}, LONGEST, id="a long minimum"),
        pytest.param({"authority": (f"test 300 {SOA} 0",), "code": "NXDOMAIN"}, SHORTEST, id="no minimum"),
        pytest.param({}, SHORTEST, id="no record, no SOA"),
        pytest.param({"code": "NXDOMAIN"}, SHORTEST, id="no name, no SOA"),
        pytest.param({"authority": (f"else 300 {SOA} 88",)}, SHORTEST, id="the SOA of another zone"),
    ],
)
def test_time_to_live(say: dict[str, Any], seconds: float) -> None:
    """An answer is kept for the least TTL on its way, a no as RFC 2308 5 has it, each within bounds."""
    with Impostor(lambda question: section(question, **say)) as server:
        assert seconds == resolver(server.address)._ask_exchangers("backed.test").seconds


def test_time_to_live_of_both_families(unbound: Unbound) -> None:
    """Addresses are kept for as long as those of the family that is kept for less."""

    def say(question: bytes) -> bytes:
        return truthful(question, "backed.test 99 A 192.0.2.1", "backed.test 44 AAAA 2001:db8::1")

    with Impostor(say) as server:
        assert 44 == resolver(server.address)._ask_addresses("backed.test").seconds


def test_change_is_seen_when_the_answer_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is used for its TTL, whatever tables keep, and no longer."""
    monkeypatch.setattr("relaymilter.dns.SHORTEST", 0.2)
    records = ["backed.test 0 MX 10 mx1.backed.test"]
    with Impostor(lambda question: truthful(question, *records)) as server:
        asking = resolver(server.address, limits=Limits(positive=1000))
        assert (MailExchanger(10, "mx1.backed.test"),) == asking.exchangers("backed.test")
        records[0] = "backed.test 0 MX 10 other.test"
        wait_for(lambda: asking.exchangers("backed.test") == (MailExchanger(10, "other.test"),), "the other answer", 10)


def test_many_threads(unbound: Unbound) -> None:
    """One resolver serves all threads of a pool."""
    asking = resolver(unbound.address, limits=Limits(positive=0, negative=0))
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(20):
            found = asking.exchangers("backed.test"), asking.exchangers("host.test"), asking.addresses("mx.far.test")
            if found != (BACKED, (), addresses("203.0.113.99")):
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [] == wrong


def test_ipv6_server() -> None:
    """A name server may have an IPv6 address."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.bind(("::1", 0))
        server.settimeout(10)

        def serve() -> None:
            question, client = server.recvfrom(512)
            server.sendto(truthful(question, "backed.test MX 10 mx1.backed.test"), client)

        thread = threading.Thread(target=serve)
        thread.start()
        asking = resolver(("::1", server.getsockname()[1]))
        assert (MailExchanger(10, "mx1.backed.test"),) == asking.exchangers("backed.test")
        thread.join(10)
