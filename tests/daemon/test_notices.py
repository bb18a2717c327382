"""Notices from a daemon: once for each step, whatever becomes of the command that is run for them."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.rig import wait_for

from .process import Daemon, output_of
from .test_ledger import OVER, ask, fleet, guarded

LIMIT = ("--limit", "1 recipients/day per login")


def script(folder: Path, text: str) -> tuple[str, str]:
    """The flag for a shell script."""
    path = folder / "notify"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return "--notify-command", str(path)


def collecting(folder: Path) -> tuple[str, str]:
    """The flag for a command that keeps what it is given, in a file for each time."""
    (folder / "notices").mkdir()
    return script(folder, f"cat > {folder}/notices/.$$ && mv {folder}/notices/.$$ {folder}/notices/$$")


def steps(folder: Path) -> list[Any]:
    """All of which notice was given so far."""
    found = [json.loads(path.read_text()) for path in (folder / "notices").iterdir() if path.name[0] != "."]
    return [step for each in found for step in each["steps"]]


def courier(daemon: Daemon) -> int:
    """The first process that it started."""
    return daemon.workers()[0]


def test_once_for_each_step(folder: Path, runtime: tuple[str, str]) -> None:
    """Of two workers, for ten logins that are asked for again and again, in sessions of both."""
    with guarded(folder, *runtime, *LIMIT, *collecting(folder), "--workers", "2") as daemon:
        names = [f"l{number}".encode() for number in range(10)]
        for _ in range(4):
            for login in names:
                ask(daemon, login=login)
        wait_for(lambda: len(steps(folder)) >= 10, "ten notices")
        assert daemon.stop() == 0
    found = steps(folder)
    assert sorted(name.decode() for name in names) == sorted(step["login"] for step in found)
    assert {"throttled"} == {step["standing"] for step in found}
    assert {"over 1 recipients/day per login"} == {step["reason"] for step in found}
    assert {1} == {step["evidence"]["recipients"] for step in found}
    assert {os.uname().nodename} == {step["host"] for step in found}


def test_once_in_a_fleet(folder: Path) -> None:
    """Of two daemons on one ledger, that are asked by turns, the one that makes the step gives notice of it."""
    flags = (*LIMIT, *collecting(folder), "--ledger-key", f"{folder}/key")
    for name in ("one", "two"):
        (folder / name).mkdir()
    with (
        fleet(folder) as ledger,
        guarded(folder / "one", *flags, ledger=ledger) as one,
        guarded(folder / "two", *flags, ledger=ledger) as two,
    ):
        for _ in range(3):
            for login in (b"a", b"b", b"c"):
                ask(one, login=login)
                ask(two, login=login)
        wait_for(lambda: len(steps(folder)) >= 3, "three notices")
        assert (0, 0) == (one.stop(), two.stop())
    assert ["a", "b", "c"] == sorted(step["login"] for step in steps(folder))


@pytest.mark.parametrize("what", ["sleep 1000", "yes", "yes >&2", "exit 3", "kill -9 $PPID"])
def test_a_bad_command_harms_nothing(folder: Path, what: str) -> None:
    """Decisions are as quick as without, the daemon stops in time, and leaves no process behind."""
    with guarded(folder, *LIMIT, *script(folder, f"echo $$ >> {folder}/pids; {what}")) as daemon:
        begun = time.monotonic()
        answers = [ask(daemon, login=f"l{number}".encode()) for number in range(50) for _ in range(2)]
        assert ["continue", OVER] * 50 == answers
        assert time.monotonic() - begun < 10
        wait_for((folder / "pids").exists, "the command runs")
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun < 8
    pids = [Path("/proc", pid) for pid in (folder / "pids").read_text().split()]
    wait_for(lambda: not any(pid.exists() for pid in pids), "all of them are gone")


def test_what_waits_is_sent_at_the_end(folder: Path) -> None:
    """By a command that takes its time."""
    flags = collecting(folder)
    slow = (folder / "notify").read_text().replace("cat", "sleep 0.5; cat")
    (folder / "notify").write_text(slow)
    with guarded(folder, *LIMIT, *flags) as daemon:
        for number in range(7):
            assert ["continue", OVER] == [ask(daemon, login=f"l{number}".encode()) for _ in range(2)]
        assert daemon.stop() == 0
    assert [f"l{number}" for number in range(7)] == sorted(step["login"] for step in steps(folder))


def test_a_killed_courier_is_replaced(folder: Path) -> None:
    """Steps that were made meanwhile wait for the next one."""
    with guarded(folder, *LIMIT, *collecting(folder)) as daemon:
        os.kill(courier(daemon), signal.SIGKILL)
        assert ["continue", OVER] == [ask(daemon), ask(daemon)]
        wait_for(lambda: ["alice"] == [step["login"] for step in steps(folder)], "a notice")
        daemon.wait_log("ERROR: the process that sends notices was killed by SIGKILL; a new one starts in 1.0 s")
        assert daemon.stop() == 0


def test_a_killed_worker_takes_no_notice_with_it(folder: Path) -> None:
    """The command runs on."""
    flags = collecting(folder)
    text = (folder / "notify").read_text().replace("cat", f"touch {folder}/begun; sleep 1; cat")
    (folder / "notify").write_text(text)
    with guarded(folder, *LIMIT, *flags) as daemon:
        assert ["continue", OVER] == [ask(daemon), ask(daemon)]
        wait_for((folder / "begun").exists, "the command runs")
        os.kill(daemon.workers()[1], signal.SIGKILL)
        wait_for(lambda: ["alice"] == [step["login"] for step in steps(folder)], "a notice")


def test_a_reload_takes_another_command(folder: Path) -> None:
    """Or none any more."""
    (folder / "r.toml").write_text("")
    with guarded(folder, *LIMIT, "-c", f"{folder}/r.toml", "--watch", "0") as daemon:
        assert ["continue", OVER] == [ask(daemon, login=b"a"), ask(daemon, login=b"a")]
        command = collecting(folder)[1]
        for number, text in enumerate((f'notify-command = "{command}"\n', "")):
            (folder / "r.toml").write_text(text)
            daemon.tell(signal.SIGHUP)
            daemon.wait_log("reloaded,", number + 1)
            assert ["continue", OVER] == [ask(daemon, login=f"b{number}".encode()) for _ in range(2)]
        wait_for(lambda: ["b0"] == [step["login"] for step in steps(folder)], "a notice")
        assert daemon.stop() == 0
    assert ["b0"] == [step["login"] for step in steps(folder)]


def test_a_reload_without_a_change_leaves_it_alone(folder: Path) -> None:
    """So what is still to be sent is sent."""
    with guarded(folder, *LIMIT, *collecting(folder)) as daemon:
        before = courier(daemon)
        daemon.tell(signal.SIGHUP)
        daemon.wait_log("reloaded,")
        assert before == courier(daemon)
        assert ["continue", OVER] == [ask(daemon), ask(daemon)]
        wait_for(lambda: ["alice"] == [step["login"] for step in steps(folder)], "a notice")


def test_a_command_that_is_not_there(folder: Path) -> None:
    """That is said at the start, and its notices are lost one by one, in words."""
    status, text = output_of("--check", "--notify-command", f"{folder}/nothing")
    assert (0, True) == (status, f"--notify-command: {folder}/nothing cannot be run here, so nobody" in text)
    with guarded(folder, *LIMIT, "--notify-command", f"{folder}/nothing") as daemon:
        assert ["continue", OVER] == [ask(daemon), ask(daemon)]
        daemon.wait_log("notify-command: [Errno 2] No such file or directory")
        daemon.wait_log("lost is: login alice is throttled")


def test_without_privileges_and_network(folder: Path) -> None:
    """In a sandbox it says at the start what will not work."""
    sandbox = ("setpriv", "--no-new-privs", "unshare", "--net")
    flags = ("--local-domain", "example.org", *collecting(folder), "--notify-mail", "root", "--socket-mode", "0666")
    with Daemon(folder, *flags, prefix=sandbox) as daemon:
        daemon.wait_log("WARNING: notify-command: in this sandbox a program")
        daemon.wait_log("WARNING: notify-mail: this sandbox has no network")


def test_mail_waits_for_an_mta_that_is_down(folder: Path) -> None:
    """It is tried again, and at the end that is said."""
    with guarded(folder, *LIMIT, "--notify-mail", "root", "--notify-server", "inet:1@127.0.0.1") as daemon:
        assert ["continue", OVER] == [ask(daemon), ask(daemon)]
        daemon.wait_log("notify-mail: [Errno 111] Connection refused; the next try is in 60 s")
        assert daemon.stop() == 0
        assert "notify-mail: there was no time to send all notices" in daemon.log
