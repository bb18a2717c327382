"""The ledger in the daemon: what is charged, shared, given back and kept, whatever ends when it should not."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from relaymilter.ledger.registry import open_ledger
from relaymilter.lookups import waiting
from relaymilter.policy.guard.history import Unit, decode
from relaymilter.policy.guard.releasing import suspend
from tests.rig import wait_for
from tests.servers import redis as server
from tests.wire.mta import Answer, Mta, Reply

from .process import Daemon
from .test_status import status

OVER = Reply(450, "4.7.1", "<v@example.com>: Sending limit reached for this account")
SUSPENDED = Reply(550, "5.7.1", "<v@example.com>: Account suspended for relaying")
DAY = 86_400


def sqlite(folder: Path) -> str:
    """A ledger of SQLite there."""
    return f"sqlite:{folder}/ledger.db"


def guarded(folder: Path, *flags: str, ledger: str = "", name: str = "log") -> Daemon:
    """A daemon with a ledger, and a control socket."""
    fixed = ("--local-domain", "example.org", "-P", f"{folder}/pid.pid", "--ledger", ledger or sqlite(folder))
    return Daemon(folder, *fixed, *flags, name=name)


def recipient(mta: Mta, path: bytes = b"<v@example.com>", login: bytes = b"alice") -> Answer:
    """RCPT of a login, as Postfix asks."""
    mta.wanted_macros("rcpt", {b"{auth_authen}": login, b"{rcpt_addr}": path[1:-1]})
    return mta.rcpt(path)


def ask(daemon: Daemon, path: bytes = b"<v@example.com>", login: bytes = b"alice") -> Answer:
    """In a session of its own, with a message that is not sent."""
    with daemon.session() as mta:
        return recipient(mta, path, login)


def charged(ledger: str, subject: str = "login alice", unit: Unit = Unit.RECIPIENTS) -> int:
    """In a day."""
    with waiting.allowing():
        record = open_ledger(ledger).read(subject, int(time.time()))
    return 0 if record is None else decode(record).window(unit, DAY).total(int(time.time()))


@contextmanager
def fleet(folder: Path) -> Iterator[str]:
    """A ledger in Redis, and its key, `folder/key`."""
    shared = server.shared()
    shared.start()
    shared.client.flushall()
    (folder / "ledger.toml").write_text(f'url = "{shared.unix}"\npassword = "{server.PASSWORD}"\n')
    (folder / "ledger.toml").chmod(0o600)
    (folder / "key").write_bytes(b"k" * 32)
    (folder / "key").chmod(0o600)
    try:
        yield f"redis:{folder}/ledger.toml"
    finally:
        shared.resume()
        shared.start()


# What is charged.


def test_a_login_is_held_to_its_limit(folder: Path, runtime: tuple[str, str]) -> None:
    """Another one, and mailboxes of ours, are not; what is refused is not charged; one line says it was throttled."""
    with guarded(folder, *runtime, "--limit", "2 recipients/day per login") as daemon:
        assert ["continue", "continue", OVER, OVER] == [ask(daemon) for _ in range(4)]
        assert ["continue", "continue"] == [ask(daemon, b"<bob@example.org>"), ask(daemon, login=b"bob")]
        assert 2 == charged(sqlite(folder))
        daemon.wait_log(
            "WARNING: login alice is throttled: over 2 recipients/day per login; new recipients in a day: 1,"
        )
        daemon.wait_log('rule=ledger reason="over 2 recipients/day per login"')
        assert 1 == daemon.log.count("is throttled")


def test_a_suspended_login_reaches_us_alone(folder: Path, runtime: tuple[str, str]) -> None:
    """Who was suspended while the daemon runs is refused at the next recipient."""
    with guarded(folder, *runtime, "--login-administrator", "help@desk.example") as daemon:
        assert "continue" == ask(daemon)
        with waiting.allowing():
            now = int(time.time())
            open_ledger(sqlite(folder)).update("login alice", now, (), suspend(now))
        assert SUSPENDED == ask(daemon)
        ours = (b"<bob@example.org>", b"<postmaster>", b"<postmaster@example.org>", b"<help@desk.example>")
        assert ["continue"] * 4 == [ask(daemon, path) for path in ours]


def test_a_dry_run_charges_what_would_have_been_permitted(folder: Path) -> None:
    """And says what it would have refused."""
    with guarded(folder, "--dry-run", "--limit", "2 recipients/day per login") as daemon:
        assert ["continue"] * 4 == [ask(daemon) for _ in range(4)]
        daemon.wait_log("verdict=defer rule=ledger", 2)
        assert 2 == charged(sqlite(folder))


def test_a_restriction_of_a_table_comes_first(folder: Path) -> None:
    """Who is refused for it is charged nothing, although the ledger is asked sooner than it answers."""
    with guarded(folder, "--deny-sender", "a@example.net", "--limit", "2 recipients/day per login") as daemon:
        assert isinstance(ask(daemon), Reply)
        assert 0 == charged(sqlite(folder))


def test_workers_share_a_limit_exactly(folder: Path, runtime: tuple[str, str]) -> None:
    """However many ask at once."""
    with guarded(folder, *runtime, "--workers", "2", "--limit", "30 recipients/day per login") as daemon:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: ask(daemon), range(60)))
        assert (30, 30) == (answers.count("continue"), answers.count(OVER))
        assert 30 == charged(sqlite(folder))


# Messages.

ENDS: dict[str, Callable[[Mta], object]] = {
    "abort": Mta.abort,
    "another MAIL": Mta.mail,
    "a lost connection": Mta.close,
    "QUIT": Mta.quit,
    "another client": Mta.quit_nc,
}


@pytest.mark.parametrize("per", ["login", "client"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_message_that_is_not_sent_is_given_back(
    end: Callable[[Mta], object], per: str, folder: Path, runtime: tuple[str, str]
) -> None:
    """However it ends; once."""
    limits = ("--limit", f"2 messages/day per {per}")
    subject = {"login": "login alice", "client": "client 203.0.113.7"}[per]
    with guarded(folder, *runtime, *limits) as daemon:
        with daemon.session() as mta:
            assert "continue" == recipient(mta)
            assert "continue" == mta.message()
        with daemon.session() as mta:
            assert ["continue", "continue"] == [recipient(mta), recipient(mta, b"<w@example.com>")]
            assert 2 == charged(sqlite(folder), subject, Unit.MESSAGES)
            assert OVER == ask(daemon)
            end(mta)
            wait_for(lambda: charged(sqlite(folder), subject, Unit.MESSAGES) == 1, "it is given back")
        assert 1 == charged(sqlite(folder), subject, Unit.MESSAGES)
        with daemon.session() as mta:
            assert "continue" == recipient(mta)
            assert "continue" == mta.message()
            mta.mail()
            assert OVER == recipient(mta)
        assert 2 == charged(sqlite(folder), subject, Unit.MESSAGES)


def test_who_gives_up_and_begins_again_is_not_refused_for_it(folder: Path, runtime: tuple[str, str]) -> None:
    """What is to be given back is so before the next recipient, in one session."""
    with guarded(folder, *runtime, "--limit", "1 messages/day per login") as daemon, daemon.session() as mta:
        for _ in range(20):
            assert "continue" == recipient(mta)
            mta.abort()
            mta.mail()
        assert "continue" == recipient(mta)
        assert "continue" == mta.message()
        mta.mail()
        assert OVER == recipient(mta)


def test_the_first_one_who_is_charged_makes_the_message(folder: Path) -> None:
    """Not a mailbox of ours before it, nor one that is refused."""
    with guarded(folder, "--limit", "2 messages/day per login") as daemon, daemon.session() as mta:
        assert "continue" == recipient(mta, b"<bob@example.org>")
        assert 0 == charged(sqlite(folder), unit=Unit.MESSAGES)
        assert ["continue", "continue"] == [recipient(mta), recipient(mta)]
        assert 1 == charged(sqlite(folder), unit=Unit.MESSAGES)


def test_message_limits_cost_no_round_trip(folder: Path, runtime: tuple[str, str]) -> None:
    """The end of a message is answered anyway; no other stage is asked for."""
    asked = []
    for flags in ((), ("--limit", "5 messages/day per login")):
        with guarded(folder, *runtime, *flags, name=f"log{len(flags)}") as daemon, Mta(daemon.where) as mta:
            asked.append(mta.negotiate().steps)
            mta.quit()
            assert 0 == daemon.stop()
    assert asked[0] == asked[1]


# What ends when it should not.


def test_a_worker_that_is_killed_loses_no_charge(folder: Path, runtime: tuple[str, str]) -> None:
    """Whatever a client heard was charged before."""
    heard = []

    def send(daemon: Daemon) -> None:
        with daemon.session() as mta:
            for _ in range(400):
                if recipient(mta) != "continue":
                    return
                heard.append(1)

    with guarded(folder, *runtime) as daemon:
        with ThreadPoolExecutor(4) as pool:
            sent = [pool.submit(send, daemon) for _ in range(4)]
            wait_for(lambda: len(heard) > 100, "some are permitted")
            os.kill(daemon.workers()[0], signal.SIGKILL)
        for each in sent:
            assert not isinstance(each.exception(), AssertionError)
        assert len(heard) <= _remembered(folder) <= len(heard) + 4


def _remembered(folder: Path) -> int:
    """Recipients of today that are in the record, which counts days without any limit."""
    with waiting.allowing():
        record = open_ledger(sqlite(folder)).read("login alice", int(time.time()))
    assert record is not None
    return decode(record).today[0]


def test_daemons_share_a_limit(folder: Path, runtime: tuple[str, str]) -> None:
    """By one Redis."""
    with fleet(folder) as ledger:
        hosts = [folder / name for name in ("one", "two")]
        for host in hosts:
            host.mkdir()
        flags = (*runtime, "--ledger-key", f"{folder}/key", "--limit", "10 recipients/day per login")
        one, two = (guarded(host, *flags, ledger=ledger) for host in hosts)
        with one, two, ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, [one, two] * 12))
        assert (10, 14) == (answers.count("continue"), answers.count(OVER))


@pytest.mark.parametrize("fault", ["down", "hanging"])
def test_without_the_ledger_small_limits_hold(fault: str, folder: Path, runtime: tuple[str, str]) -> None:
    """One alarm, no permit beyond them, and all as before when it is back."""
    with fleet(folder) as ledger:
        redis = server.shared()
        flags = (*runtime, "--ledger-key", f"{folder}/key")
        with guarded(folder, *flags, ledger=ledger) as daemon:
            assert "continue" == ask(daemon)
            assert ("up", []) == _ledger(daemon)
            redis.kill() if fault == "down" else redis.hang()
            answers = [ask(daemon) for _ in range(24)]
            assert {"continue", OVER} >= {answer for answer in answers if answer != _late()}
            assert 20 == answers.count("continue") or fault == "hanging" and 17 <= answers.count("continue") <= 20
            assert answers[-1] == OVER
            state, problems = _ledger(daemon)
            assert ("down", True) == (state, any("the ledger does not answer" in problem for problem in problems))
            assert 1 == daemon.log.count("ERROR")
            redis.start() if fault == "down" else redis.resume()
            wait_for(lambda: ask(daemon) == "continue", "the ledger is back", seconds=40)
            assert ["continue"] * 25 == [ask(daemon) for _ in range(25)]
            assert ("up", []) == _ledger(daemon)
            assert 1 == len(re.findall("WARNING: .* answers again after", daemon.log))
            assert "Traceback" not in daemon.log


def _late() -> Reply:
    return Reply(451, "4.7.1", "Cannot decide on this recipient now, try again later")


def _ledger(daemon: Daemon) -> tuple[str, list[str]]:
    """State and problems, as `status` has them."""
    _, found = status(daemon)
    return found["ledger"]["state"], found["problems"]


def test_what_was_decided_too_late_is_no_message(folder: Path) -> None:
    """Its answer was thrown away, so the next try of it is the first one."""
    with fleet(folder) as ledger:
        redis = server.shared()
        flags = ("--ledger-key", f"{folder}/key", "--limit", "1 messages/day per login", "--lookup-timeout", "0.3")
        with guarded(folder, *flags, ledger=ledger) as daemon, daemon.session() as mta:
            assert "continue" == recipient(mta)
            mta.abort()
            mta.mail()
            redis.hang()
            assert _late() == recipient(mta)
            redis.resume()
            wait_for(lambda: charged(ledger, unit=Unit.MESSAGES) == 0, "it is given back")
            wait_for(lambda: recipient(mta) == "continue", "it is permitted")
            assert 1 == charged(ledger, unit=Unit.MESSAGES)


def test_status_as_text(folder: Path) -> None:
    """For people; without a ledger there is nothing to say."""
    with guarded(folder) as daemon:
        assert "continue" == ask(daemon)
        _, found = status(daemon)
        assert {"name", "state", "since", "seconds"} == found["ledger"].keys()
        assert sqlite(folder) == found["ledger"]["name"]
        assert 0 == daemon.stop()
    with Daemon(folder, "-P", f"{folder}/pid.pid", name="other") as daemon:
        assert {} == status(daemon)[1]["ledger"]
