"""The event loop: what blocks holds nobody else up, what is incomplete or too much is closed, and a stop is clean."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from relaymilter.lookups import waiting
from relaymilter.milter import connections, loop
from relaymilter.milter.pool import LookupPool
from relaymilter.milter.session import Service
from relaymilter.policy.envelope import Request
from relaymilter.policy.ports import MustWait
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.ruleset import Ruleset
from relaymilter.policy.verdict import NoOpinion, Permit
from tests.wire.mta import Mta, Reply

DENIED = Reply(554, "5.7.1", "<v@victim.test>: Relay access denied")


class Loop:
    """A loop runtime in a thread of this process."""

    def __init__(self, folder: Path, service: Service, stop_timeout: float = 5.0) -> None:
        self.where = f"unix:{folder}/loop"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/loop")
        listener.listen()
        self.control, theirs = socket.socketpair()
        arguments = (service, [listener], theirs, stop_timeout)
        self.thread = threading.Thread(target=loop.serve, args=arguments, daemon=True)
        self.thread.start()
        self.control.settimeout(10)
        assert self.control.recv(1) == b"R"

    def stop(self) -> None:
        """Ask it to end."""
        self.control.close()

    def ended(self) -> bool:
        """Whether it does, within ten seconds."""
        self.thread.join(10)
        return not self.thread.is_alive()


@contextmanager
def looping(folder: Path, service: Service) -> Iterator[Loop]:
    """A loop, stopped afterwards."""
    running = Loop(folder, service)
    try:
        yield running
    finally:
        running.stop()
        assert running.ended()


def stranger(mta: Mta) -> Mta:
    """A stranger who has begun a message."""
    mta.negotiate()
    mta.connect("203.0.113.7")
    mta.helo()
    mta.mail()
    return mta


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """Lets the rule that blocks answer."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def blocking(answer: threading.Event) -> Service:
    """Its rule blocks for a recipient whose path begins with `<slow`."""

    def ask(request: Request) -> NoOpinion:
        if request.recipient.startswith(b"<slow"):
            if not waiting.allowed():
                raise MustWait("slow")
            answer.wait(10)
        return NoOpinion("asked")

    rules = Ruleset((RelayRule("table", ask),))
    return Service(rules, decisions=None)


PURE = Service(Ruleset(), decisions=None)


def test_a_decision_that_blocks_holds_no_other_session_up(
    tmp_path: Path, blocking: Service, answer: threading.Event
) -> None:
    """The others are answered meanwhile, and this one when its table is, in order."""
    with looping(tmp_path, blocking) as running, Mta(running.where) as slow, Mta(running.where) as quick:
        stranger(slow).send(b"R", b"<slow@victim.test>\0")
        slow.send(b"R", b"<v@victim.test>\0")
        assert stranger(quick).rcpt(b"<v@victim.test>") == DENIED
        answer.set()
        assert [slow.answer(), slow.answer()] == [
            Reply(554, "5.7.1", "<slow@victim.test>: Relay access denied"),
            DENIED,
        ]


def test_a_table_that_hangs_is_answered_for_at_the_deadline(
    tmp_path: Path, blocking: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """451, and the session goes on."""
    monkeypatch.setattr(connections, "LookupPool", lambda **_: LookupPool(deadline=0.1))
    with looping(tmp_path, blocking) as running, Mta(running.where) as mta:
        said = stranger(mta).rcpt(b"<slow@victim.test>")
        assert isinstance(said, Reply)
        assert (said.code, said.status) == (451, "4.7.1")
        assert mta.rcpt(b"<v@victim.test>") == DENIED


class Store:
    """Counts what is charged: in the turn of a loop, or at once by a thread that may wait."""

    def __init__(self, commits: bool) -> None:
        self.commits = commits
        self.charged = 0
        self.turns = 0
        self.made_again = 0

    def charge(self, _: Request) -> NoOpinion:
        """A restriction."""
        turn = waiting.turn()
        if turn is None:
            self.made_again += 1
            self.charged += 1
            return NoOpinion("charged")
        if not turn.open:
            turn.begin(self._commit)
            self.turns += 1
        turn.change()
        return NoOpinion("to be charged")

    def _commit(self) -> bool:
        self.charged += self.commits
        return self.commits


@pytest.mark.parametrize("commits", [True, False])
def test_nothing_is_answered_that_is_not_committed(tmp_path: Path, commits: bool) -> None:
    """Where a turn cannot be committed, the decision is made again where one may wait."""
    store = Store(commits)
    permit = RelayRule("all", lambda _: Permit("all"))
    rules = Ruleset((permit,), (Restriction("ledger", store.charge),))
    with looping(tmp_path, Service(rules, decisions=None)) as running, Mta(running.where) as mta:
        stranger(mta)
        for number in range(1, 4):
            assert mta.rcpt(b"<v@victim.test>") == "continue"
            assert number == store.charged
        assert (3, 0 if commits else 3) == (store.turns, store.made_again)


def test_one_that_must_wait_after_all_makes_no_other_wait(
    tmp_path: Path, blocking: Service, answer: threading.Event
) -> None:
    """What it changed in a turn that was undone is no concern of who comes later, and changes nothing."""
    begun = threading.Event()

    def change(request: Request) -> NoOpinion:
        turn = waiting.turn()
        if request.recipient.startswith(b"<slow") and turn is not None:
            turn.change()
            begun.set()
        return NoOpinion("asked")

    rules = Ruleset((RelayRule("ledger", change), *blocking.ruleset.rules))
    service = Service(rules, decisions=None)
    with looping(tmp_path, service) as running, Mta(running.where) as slow, Mta(running.where) as quick:
        stranger(slow).send(b"R", b"<slow@victim.test>\0")
        assert begun.wait(10)
        assert stranger(quick).rcpt(b"<v@victim.test>") == DENIED
        answer.set()
        assert isinstance(slow.answer(), Reply)


def test_part_of_a_packet_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection is closed; one that is merely idle, is not."""
    monkeypatch.setattr(connections, "PARTIAL_SECONDS", 0.2)
    monkeypatch.setattr(connections, "_SWEEP_SECONDS", 0.05)
    with looping(tmp_path, PURE) as running, Mta(running.where) as partial, Mta(running.where) as idle:
        stranger(partial).write(b"\0\0\0\x20R<v@")
        stranger(idle)
        assert partial.socket.recv(1) == b""
        assert idle.rcpt(b"<v@victim.test>") == DENIED


def test_an_idle_connection_is_closed_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After more than an MTA waits for its own client."""
    assert connections.IDLE_SECONDS > 3600
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(connections, "_SWEEP_SECONDS", 0.05)
    with looping(tmp_path, PURE) as running, Mta(running.where) as mta:
        assert stranger(mta).socket.recv(1) == b""


def test_three_hundred_partial_packets_take_no_thread_and_no_answer_from_others(tmp_path: Path) -> None:
    """libmilter gives each a thread, for two hours."""
    with looping(tmp_path, PURE) as running, ExitStack() as stack:
        before = threading.active_count()
        for _ in range(300):
            stack.enter_context(Mta(running.where)).write(b"\0\0\0\x0dO\0")
        with Mta(running.where) as good:
            assert stranger(good).rcpt(b"<v@victim.test>") == DENIED
        assert threading.active_count() == before


def test_connections_are_bounded_in_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is closed at once, so that the MTA answers 4xx; one that ends makes room."""
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    with looping(tmp_path, PURE) as running, Mta(running.where) as first, Mta(running.where) as second:
        stranger(first)
        stranger(second)
        with Mta(running.where) as third:
            assert third.socket.recv(1) == b""
        first.quit()
        assert first.socket.recv(1) == b""
        with Mta(running.where) as fourth:
            assert stranger(fourth).rcpt(b"<v@victim.test>") == DENIED


@pytest.mark.parametrize(
    "wrong", [b"\x7f\xff\xff\xff", b"\0\0\0\0", b"GET / HTTP/1.1\r\n\r\n"], ids=["2 GB", "zero", "http"]
)
def test_what_is_no_milter_protocol_closes_that_connection_only(tmp_path: Path, wrong: bytes) -> None:
    """At once, without waiting for more."""
    with looping(tmp_path, PURE) as running, Mta(running.where) as good, Mta(running.where) as bad:
        stranger(good)
        bad.write(wrong)
        assert bad.socket.recv(1) == b""
        assert good.rcpt(b"<v@victim.test>") == DENIED


def test_a_stop_answers_what_is_in_flight_and_takes_nothing_new(tmp_path: Path) -> None:
    """It ends when the last session does."""
    running = Loop(tmp_path, PURE)
    with Mta(running.where) as mta:
        stranger(mta)
        running.stop()
        refused = until_refused(running.where)
        assert refused
        assert mta.rcpt(b"<v@victim.test>") == DENIED
        assert running.thread.is_alive()
    assert running.ended()


def until_refused(where: str) -> bool:
    """Connections are refused, or closed without a word, within a few seconds."""
    for _ in range(500):
        try:
            with Mta(where, timeout=0.2) as mta:
                if mta.socket.recv(1) == b"":
                    return True
        except ConnectionError:
            return True
        except TimeoutError:
            continue
    return False


def test_a_stop_waits_no_longer_than_it_was_told_to(tmp_path: Path) -> None:
    """A session that does not end is cut."""
    running = Loop(tmp_path, PURE, stop_timeout=0.1)
    with Mta(running.where) as mta:
        stranger(mta)
        running.stop()
        assert running.ended()
