"""A local address that shows many outsiders: one warning a day, and, where that is wished, trust that stays lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.rig import wait_for
from tests.wire.mta import Answer, Mta

from .process import DENIED, Daemon
from .test_status import asked, started, status

GATEWAY = "192.0.2.1"
LOCAL = ("--local-network", "192.0.2.0/24", "--workers", "2")
ENOUGH = 40


def comes(daemon: Daemon, number: int, address: str = GATEWAY) -> Answer:
    """A mail exchanger of its own domain, through this address, asks for a third party."""
    with Mta(daemon.where) as mta:
        mta.negotiate()
        mta.connect(address)
        mta.helo(b"mx.firm%d.com" % number)
        mta.mail(b"<a@firm%d.com>" % number)
        answer = mta.rcpt(b"<v@example.com>")
        mta.quit()
        return answer


def test_warns(folder: Path, runtime: tuple[str, str]) -> None:
    """All workers together say it once, with the evidence and what to set; nobody is refused; status shows it."""
    with started(folder, *runtime, *LOCAL) as daemon:
        assert [comes(daemon, number) for number in range(ENOUGH)] == ["continue"] * ENOUGH
        assert [comes(daemon, 0, "192.0.2.2") for _ in range(ENOUGH)] == ["continue"] * ENOUGH
        daemon.wait_log("shared address: ")
        (line,) = (line for line in daemon.log.splitlines() if "shared address: " in line)
        assert (
            f"{GATEWAY} is in a local network and looks like many hosts: in two days HELO names of 12 domains" in line
        )
        assert "all of them may relay" in line
        assert "smtpd_upstream_proxy_protocol" in line
        assert f"never-local {GATEWAY}" in line
        code, found = status(daemon)
        assert code == 1
        assert [each.partition(":")[0] for each in found["shared"]] == [f"{GATEWAY} looks shared"]
        assert found["problems"] == found["shared"]


def test_distrusts(folder: Path, runtime: tuple[str, str]) -> None:
    """Trust stays lost with every worker, over a reload and a worker's death, until somebody says otherwise."""
    with started(folder, *runtime, *LOCAL, "--shared-address", "distrust") as daemon:
        answers = [comes(daemon, number) for number in range(ENOUGH)]
        assert answers[0] == "continue"
        assert set(answers[-20:]) == {DENIED}
        assert {daemon.ask(address=GATEWAY) for _ in range(8)} == {DENIED}
        assert daemon.ask(address="192.0.2.2") == "continue"
        assert daemon.ask(b"<bob@example.org>", GATEWAY) == "continue"
        daemon.tell(signal.SIGHUP)
        daemon.wait_log("reloaded")
        wait_for(lambda: len(daemon.workers()) == 2, "the old workers end")
        old = daemon.workers()
        for worker in old:
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: len({*daemon.workers()} - {*old}) == 2, "there are new workers")
        assert {daemon.ask(address=GATEWAY) for _ in range(8)} == {DENIED}
        assert status(daemon)[1]["shared"][0].startswith(f"{GATEWAY} is local no more: ")
        assert asked("trust", "-P", f"{folder}/pid.pid") == (0, f"{GATEWAY}\n", "")
        assert daemon.ask(address=GATEWAY) == "continue"
        assert status(daemon)[1]["shared"] == []
        assert asked("trust", "-P", f"{folder}/pid.pid") == (0, "", "")


@pytest.mark.parametrize("flag", ["--known-shared", "--never-local"])
def test_named(folder: Path, flag: str) -> None:
    """Of an address that is known to be shared, or is never local, nothing is said."""
    with started(folder, *LOCAL, "--shared-address", "distrust", flag, GATEWAY) as daemon:
        expected = "continue" if flag == "--known-shared" else DENIED
        assert [comes(daemon, number) for number in range(ENOUGH)] == [expected] * ENOUGH
        assert status(daemon)[1]["shared"] == []
        assert "shared address" not in daemon.log


def test_nobody_to_ask(folder: Path) -> None:
    """`relaymilter trust` says that no daemon runs."""
    code, said, errors = asked("trust", "-P", f"{folder}/pid.pid")
    assert (code, said) == (69, "")
    assert "no relaymilter runs with this control socket" in errors
