"""What a real name server says of lists, of clients' names and of senders' domains, and lists that fail."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from relaymilter.audit.explain import Explanation, explain_request
from relaymilter.config.reader import Flags, read
from relaymilter.dns_lists import DnsLists
from relaymilter.lookups import waiting
from relaymilter.lookups.breaker import LONGEST_PAUSE
from relaymilter.lookups.crowd import MOST, MOST_WITH_LISTS, SLOW, Crowd
from relaymilter.lookups.guard import Lasting, Limits
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.block_lists import PATIENCE, parse_site
from relaymilter.policy.envelope import client, request
from relaymilter.policy.networks import Address
from relaymilter.policy.ports import LookupFailed, MustWait, Outage
from relaymilter.policy.reputation import Insiders, reject_listed_client
from relaymilter.policy.verdict import NoOpinion, Reject
from tests.daemon.process import STRANGER, Daemon
from tests.rig import running, wait_for
from tests.servers.unbound import Unbound
from tests.wire.mta import Reply

from .conftest import resolver
from .impostor import Impostor, Say, coded, truthful
from .test_daemon import LATER
from .test_faults import NONSENSE

SIX = "2001:db8:2::7"
NIBBLES = ipaddress.ip_address(SIX).reverse_pointer.removesuffix(".ip6.arpa")
RECORDS = "\n".join(
    [
        "7.113.0.203.bl A 127.0.0.2",
        "7.113.0.203.bl A 127.0.0.10",
        f"{NIBBLES}.bl A 127.0.0.3",
        "8.113.0.203.bl A 192.0.2.1",
        "9.113.0.203.bl A 127.255.255.254",
        "*.world A 127.0.0.2",
        "*.parked A 192.0.2.1",
        "*.refusing A 127.255.255.255",
        "mx.here A 203.0.113.7",
        f"six.here AAAA {SIX}",
        "forged.here A 192.0.2.1",
        "mail MX 10 mx.here",
        "null MX 0 .",
        "null A 192.0.2.1",
        "half MX 0 .",
        "half MX 10 mx.here",
        "host A 192.0.2.1",
        "",
    ]
)
NAMES = (
    ("203.0.113.7", "other.here.test"),
    ("203.0.113.7", "MX.Here.test"),
    (SIX, "six.here.test"),
    ("203.0.113.8", "forged.here.test"),
)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory, unbound: Unbound) -> Iterator[Unbound]:
    """A name server that has lists, and names of addresses."""
    with running(Unbound(tmp_path_factory.mktemp("lists"), RECORDS, NAMES)) as server:
        yield server


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("203.0.113.7", {"127.0.0.2", "127.0.0.10"}, id="IPv4"),
        pytest.param(SIX, {"127.0.0.3"}, id="IPv6"),
        pytest.param("203.0.113.8", {"192.0.2.1"}, id="whatever it says"),
        pytest.param("203.0.113.1", set(), id="not listed"),
        pytest.param("2001:db8:2::8", set(), id="not listed, IPv6"),
    ],
)
def test_listed(lists: Unbound, address: str, expected: set[str]) -> None:
    """The octets, or the nibbles, in reverse order before the zone (RFC 5782 2.1, 2.4)."""
    assert expected == set(map(str, resolver(lists.address).listed("bl.test", ipaddress.ip_address(address))))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", ("mx.here.test", "other.here.test")),
        (SIX, ("six.here.test",)),
        ("203.0.113.1", ()),
    ],
)
def test_names(lists: Unbound, address: str, expected: tuple[str, ...]) -> None:
    """In lower case."""
    assert expected == resolver(lists.address).names(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("domain", "exchangers", "refuses"),
    [("mail.test", 1, False), ("null.test", 0, True), ("half.test", 2, False), ("host.test", 0, False)],
)
def test_null_mx(lists: Unbound, domain: str, exchangers: int, refuses: bool) -> None:
    """A null MX is no mail exchanger, and is told from having none, by one question."""
    asking = resolver(lists.address)
    assert exchangers == len(asking.exchangers(domain))
    lists.hang()
    try:
        assert refuses is asking.refuses_mail(domain)
    finally:
        lists.resume()


@pytest.mark.parametrize("zone", ["refused.example", "failing.example", "lost.example", "silent.example"])
def test_list_that_is_down(lists: Unbound, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """It fails for three clients, and then at once for all; other lists answer as ever."""
    asking = resolver(lists.address, lifetime=0.2)
    for number in range(3):
        with pytest.raises(LookupFailed, match=rf"^{zone}: "):
            asking.listed(zone, ipaddress.ip_address(f"203.0.113.{number}"))
    assert asking.listed("bl.test", ipaddress.ip_address(STRANGER))
    monkeypatch.setattr(waiting, "allowed", lambda: False)
    with pytest.raises(LookupFailed, match=rf"^{zone}: not asked for a while: "):
        asking.listed(zone, ipaddress.ip_address("203.0.113.99"))
    with pytest.raises(MustWait):
        asking.listed("bl.test", ipaddress.ip_address("203.0.113.99"))
    assert asking.listed("bl.test", ipaddress.ip_address(STRANGER))


def test_list_that_refuses_us(lists: Unbound) -> None:
    """An error in the place of a reply is a failure, and the list is left in peace for a while."""
    asking = resolver(lists.address)
    with pytest.raises(LookupFailed, match=r"^bl\.test: 127\.255\.255\.254 is an error"):
        asking.listed("bl.test", ipaddress.ip_address("203.0.113.9"))
    for number in range(3):
        with pytest.raises(LookupFailed, match=r"^refusing\.test: 127\.255\.255\.255 is an error"):
            asking.listed("refusing.test", ipaddress.ip_address(f"203.0.113.{number}"))
    with pytest.raises(LookupFailed, match=r"^refusing\.test: not asked for a while: "):
        asking.listed("refusing.test", ipaddress.ip_address("203.0.113.99"))


def test_list_without_ipv6() -> None:
    """One that fails for every IPv6 address answers for IPv4 as ever."""

    def say(question: bytes) -> bytes:
        ours = truthful(question, "7.113.0.203.bl.test A 127.0.0.2")
        return ours if b"\x03203" in question else coded(question, "SERVFAIL")

    with Impostor(say) as server:
        asking = resolver(server.address)
        for number in range(4):
            with pytest.raises(LookupFailed, match=r"^bl\.test: "):
                asking.listed("bl.test", ipaddress.ip_address(f"2001:db8:2::{number}"))
        assert asking.listed("bl.test", ipaddress.ip_address(STRANGER))


def judged(server: tuple[str, int], *sites: str, lifetime: float = 5) -> Reject | NoOpinion:
    """What these lists come to for a stranger."""
    asking = resolver(server, lifetime=lifetime)
    ask = reject_listed_client(Insiders(Addresses()), map(parse_site, sites), 1, asking).ask
    return ask(request(client(STRANGER), b"<bob@example.org>"))


@pytest.mark.parametrize("say", NONSENSE.values(), ids=NONSENSE)
def test_nonsense(say: Say) -> None:
    """What is no answer is none: the client is neither listed nor not."""
    with Impostor(say) as server, pytest.raises(LookupFailed, match=r"^bl\.test: "):
        judged(server.address, "bl.test", lifetime=0.05)


@pytest.mark.parametrize(
    ("zone", "answer"), [("parked.test", NoOpinion("in no list")), ("world.test", LookupFailed), ("bl.test", Reject)]
)
def test_what_answers_everything(lists: Unbound, zone: str, answer: object) -> None:
    """A zone with an address for every name lists nobody, and a list with everyone in it has failed."""
    if isinstance(answer, NoOpinion):
        assert answer == judged(lists.address, zone)
    elif answer is Reject:
        assert isinstance(judged(lists.address, zone), Reject)
    else:
        with pytest.raises(LookupFailed, match=r"^world\.test: it lists 127\.0\.0\.1, and so everything$"):
            judged(lists.address, zone)


@pytest.mark.parametrize("address", ["192.0.2.1", "127.0.0.1", "0.0.0.0"])
def test_name_server_that_answers_everything(address: str) -> None:
    """One that gives every name an address, as some do to show advertisements, makes nobody listed."""

    def say(question: bytes) -> bytes:
        return truthful(question, f"7.113.0.203.bl.test A {address}", f"1.0.0.127.bl.test A {address}")

    with Impostor(say) as server:
        assert NoOpinion("in no list") == judged(server.address, "bl.test")


def test_strangers_do_not_take_every_thread(lists: Unbound) -> None:
    """While names that never answer keep many threads busy, others are no answer, at once, and lists answer."""
    with Impostor(lambda _: None) as server, ThreadPoolExecutor(MOST) as threads:
        asking = resolver(server.address, lifetime=3)
        asked = [threads.submit(asking.names, ipaddress.ip_address(f"192.0.2.{number}")) for number in range(MOST)]
        wait_for(lambda: server.asked >= MOST, "they are under way")
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > SLOW, "they are slow")
        with pytest.raises(LookupFailed, match=rf"^DNS: {MOST} questions are under way, and slow$"):
            asking.exchangers("mail.test")
        server.say = lambda question: truthful(question, "7.113.0.203.bl.test A 127.0.0.2", "mail.test MX 1 mx.test")
        assert asking.listed("bl.test", ipaddress.ip_address(STRANGER))
        wait_for(lambda: all(future.done() for future in asked), "all have ended")
        assert asking.exchangers("mail.test")


# In the daemon, and in `explain`.

LOCAL = b"<bob@example.org>"
BLOCKED = Reply(554, "5.7.1", f"Service unavailable; Client host [{STRANGER}] blocked using bl.test")


def flags(server: Unbound, *others: str) -> tuple[str, ...]:
    """With this name server."""
    return ("--local-domain", "example.org", "--dns-server", server.server, *others)


@pytest.mark.parametrize("runtime", ["libmilter", "loop"])
def test_one_list_hangs(lists: Unbound, tmp_path: Path, runtime: str) -> None:
    """A list that hangs is soon not waited for, and counts as silent: the other one decides on strangers."""
    silent = ("--dnsbl", "silent.example", "--dnsbl", "bl.test", "--runtime", runtime)
    with Daemon(tmp_path, *flags(lists, *silent)) as daemon:
        wait_for(lambda: daemon.ask(LOCAL) == BLOCKED, "it is refused by the other list")
        others = map("203.0.113.{}".format, range(100, 255))
        wait_for(lambda: quick(daemon, next(others)), "no list is waited for")
        denied = daemon.ask(b"<v@example.com>", "203.0.113.1")
        assert denied == Reply(554, "5.7.1", "<v@example.com>: Relay access denied")


def quick(daemon: Daemon, address: str) -> bool:
    """A client that was not asked for passes; while the list is still waited for it is deferred."""
    answer = daemon.ask(LOCAL, address)
    assert answer in (LATER, "continue")
    return answer == "continue"


def test_answers_are_kept(lists: Unbound, tmp_path: Path) -> None:
    """What a list has said serves while the name server is gone; without it a stranger is deferred, a login is not."""
    with Daemon(tmp_path, *flags(lists, "--dnsbl", "bl.test", "--local-network", "192.0.2.0/24")) as daemon:
        assert BLOCKED == daemon.ask(LOCAL)
        assert "continue" == daemon.ask(LOCAL, "203.0.113.1")
        lists.kill()
        try:
            assert BLOCKED == daemon.ask(LOCAL)
            assert "continue" == daemon.ask(LOCAL, "203.0.113.1")
            assert LATER == daemon.ask(LOCAL, "203.0.113.2")
            assert "continue" == daemon.ask(LOCAL, "192.0.2.7")
        finally:
            lists.start()


CONFIRMED, EXISTS = "forward-confirmed", "sender-domain-exists"


def explained(lists: Unbound, address: str, sender: str, **given: str) -> Explanation:
    """What `explain` says of a recipient of ours."""
    texts = {key.replace("_", "-"): (value,) for key, value in given.items()}
    settings = read(Flags({"local-domain": ("example.org",), "dns-server": (lists.server,)} | texts)).settings
    return explain_request(settings.policy, request(client(address), LOCAL, sender=sender.encode()))


@pytest.mark.parametrize(
    ("address", "sender", "verdict", "last"),
    [
        ("203.0.113.7", "<a@mail.test>", "permit", ("dnsbl", "no opinion", "in no list")),
        (SIX, "<a@host.test>", "permit", ("dnsbl", "no opinion", "in no list")),
        ("203.0.113.8", "<a@mail.test>", "reject", (CONFIRMED, "reject", "forged.here.test is not at 203.0.113.8")),
        ("203.0.113.1", "<a@mail.test>", "reject", (CONFIRMED, "reject", "203.0.113.1 has no name")),
        ("203.0.113.7", "<a@null.test>", "reject", (EXISTS, "reject", "null.test takes no mail")),
        ("127.0.0.1", "<a@gone.test>", "reject", (EXISTS, "reject", "gone.test has no mail exchanger and no address")),
        ("127.0.0.1", "<a@host.test>", "permit", ("dnsbl", "no opinion", "a local client")),
        ("203.0.113.7", "<a@x.failing.example>", "defer", None),
    ],
)  # fmt: skip
def test_explained(lists: Unbound, address: str, sender: str, verdict: str, last: tuple[str, str, str] | None) -> None:
    """`explain` asks as the daemon does, and says what came of it."""
    ask = partial(explained, lists, address, sender, dnsbl="parked.test", forward_confirmed="yes")
    explanation = ask(sender_domain_exists="yes")
    assert (verdict, last or explanation.trail[-1]) == (explanation.verdict, explanation.trail[-1])


# Lists, asked at the same time.


def slow(*late: str, seconds: float = 0.4) -> Say:
    """A list that answers in time, but each of the zones that begin with one of these only after a while."""

    def say(question: bytes) -> bytes | None:
        if any(word.encode() in question for word in late):
            time.sleep(seconds)
        return truthful(question, "7.113.0.203.bl.test A 127.0.0.2")

    return say


def test_lists_are_asked_at_the_same_time() -> None:
    """All questions are on their way before any answer: four name servers that wait for each other do not wait long."""
    barrier = threading.Barrier(4, timeout=5)
    sites = [f"list{number}.test" for number in range(4)]

    def say(question: bytes) -> bytes:
        barrier.wait()
        return truthful(question)

    with ExitStack() as servers:
        asked = [resolver(servers.enter_context(Impostor(say)).address) for _ in sites]
        by_zone = dict(zip(sites, asked, strict=True))
        lists = asked[0]
        questions = {zone: partial(each.listed, zone, ipaddress.ip_address(STRANGER)) for zone, each in by_zone.items()}
        assert dict.fromkeys(sites, ()) == dict(lists.together(questions))


def test_the_first_that_decides() -> None:
    """A list that hangs keeps nobody waiting where another, given after it, is enough."""
    released = threading.Event()

    def hang(question: bytes) -> bytes | None:
        released.wait(10)
        return None

    with Impostor(hang) as hanging, Impostor(slow()) as good:
        late, early = resolver(hanging.address), resolver(good.address)
        address = ipaddress.ip_address(STRANGER)
        questions = {
            "late.test": partial(late.listed, "late.test", address),
            "bl.test": partial(early.listed, "bl.test", address),
        }
        answers = early.together(questions)
        assert next(answers)[0] == "bl.test"
        assert not released.is_set()
        released.set()


def test_lists_have_the_time_of_the_decision() -> None:
    """What has not answered by then has not answered; nobody waits for it."""
    with Impostor(lambda _: None) as server:
        asking = resolver(server.address)
        sites = [parse_site(f"list{number}.test") for number in range(5)]
        ask = reject_listed_client(Insiders(Addresses()), sites, 1, asking).ask
        with waiting.allowing(time.monotonic() + 0.2), pytest.raises(LookupFailed, match="no answer in time"):
            ask(request(client(STRANGER), b"<bob@example.org>"))


def test_strangers_in_lists_do_not_take_every_thread() -> None:
    """While lists keep that many decisions waiting others get no answer from lists, at once."""
    with Impostor(lambda _: None) as server, ThreadPoolExecutor(MOST_WITH_LISTS) as threads:
        asking = resolver(server.address)

        def ask(number: int) -> list[tuple[str, object]]:
            address = ipaddress.ip_address(f"192.0.2.{number}")
            return [*asking.together({f"list{number}.test": partial(asking.listed, f"list{number}.test", address)})]

        asked = [threads.submit(ask, number) for number in range(MOST_WITH_LISTS)]
        wait_for(lambda: server.asked >= MOST_WITH_LISTS, "they are under way")
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > SLOW, "they are slow")
        [(zone, problem)] = ask(99)
        assert (zone, str(problem)) == ("list99.test", f"DNS: {MOST_WITH_LISTS} questions are under way, and slow")
        assert all(isinstance(future.result(10)[0][1], LookupFailed) for future in asked)


def test_a_list_that_is_out_for_long(caplog: pytest.LogCaptureFixture) -> None:
    """The only list makes strangers wait for so long, and then passes them, which the log says once, and loudly."""
    now = 0.0

    def answers(name: str) -> Lasting[tuple[Address, ...]]:
        if fails:
            raise LookupFailed(f"{name} A: no answer in time")
        return Lasting((), 60)

    lists = DnsLists(answers, Limits(), Crowd("DNS"), lambda: now)
    ask = reject_listed_client(Insiders(Addresses()), [parse_site("bl.test")], 1, lists).ask

    def outcomes(first: int) -> set[object]:
        found: set[object] = set()
        for number in range(first, first + 9):
            try:
                found.add(ask(request(client(f"203.0.113.{number}"), b"<bob@example.org>")))
            except LookupFailed:
                found.add(LookupFailed)
        return found

    fails = True
    assert {LookupFailed} == outcomes(0)
    now = PATIENCE - 1
    assert {LookupFailed} == outcomes(10)
    now = PATIENCE + LONGEST_PAUSE
    assert {NoOpinion("in no list; silent: bl.test")} == outcomes(20)
    assert ["ERROR"] == [record.levelname for record in caplog.records if "counts as silent" in record.message]
    fails, now = False, now + 2 * LONGEST_PAUSE
    assert {NoOpinion("in no list")} == outcomes(30)
    fails = True
    assert {LookupFailed} == outcomes(40)
    assert 1 == sum("counts as silent" in record.message for record in caplog.records)


def test_a_list_of_everything_is_out(lists: Unbound) -> None:
    """One that was closed, and has everyone in it, is silent after some failures where another decides."""
    asking = resolver(lists.address)
    ask = reject_listed_client(Insiders(Addresses()), map(parse_site, ("world.test", "bl.test")), 1, asking).ask
    for number in range(1, 3):
        with pytest.raises(LookupFailed, match=r"^world\.test: it lists 127\.0\.0\.1, and so everything$"):
            ask(request(client(f"203.0.113.20{number}"), b"<bob@example.org>"))
    answer = ask(request(client("203.0.113.200"), b"<bob@example.org>"))
    assert NoOpinion("in no list; silent: world.test") == answer


def test_a_list_that_is_asked_late_is_not_out() -> None:
    """Who makes the questions before them slow does not make lists silent: they had no time to answer."""
    with Impostor(lambda _: None) as server:
        asking = resolver(server.address)
        numbers = iter(range(255))

        def outage(whole: float) -> bool:
            question = partial(asking.listed, "bl.test", ipaddress.ip_address(f"192.0.2.{next(numbers)}"))
            with waiting.allowing(time.monotonic() + 0.1, whole):
                [(_, failure)] = asking.together({"bl.test": question})
            return isinstance(failure, Outage)

        assert not any(outage(2.0) for _ in range(9))
        wait_for(lambda: outage(0.1), "it is out, after failures in good time")
