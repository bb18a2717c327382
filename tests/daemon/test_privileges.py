"""What a worker is: another user, on one core."""

from __future__ import annotations

import errno
import grp
import os
import pwd
from pathlib import Path

import pytest

from relaymilter.daemon.privileges import stay_on_core
from tests.rig import wait_for

from .process import DENIED, Daemon, output_of

DOMAIN = ("--local-domain", "example.org")
NOBODY = pwd.getpwnam("nobody")


def status(pid: int) -> dict[str, list[str]]:
    """The fields of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


def test_user(folder: Path) -> None:
    """-u: a worker has the user's id, and the group named, all four of each, and no other group; so has the socket."""
    gid = grp.getgrnam("daemon").gr_gid
    with Daemon(folder, *DOMAIN, "-u", "nobody:daemon") as daemon:
        assert daemon.ask() == DENIED
        (worker,) = daemon.workers()
        found = status(worker)
        assert found["Uid"] == [str(NOBODY.pw_uid)] * 4
        assert found["Gid"] == [str(gid)] * 4
        assert {*found["Groups"]} <= {str(gid)}
        assert int(found["CapEff"][0], 16) == 0
        assert int(found["CapPrm"][0], 16) == 0
        assert status(daemon.pid)["Uid"] == ["0"] * 4
        socket = (folder / "s").stat()
        assert (socket.st_uid, socket.st_gid) == (NOBODY.pw_uid, gid)
        assert daemon.stop() == 0
        assert not (folder / "s").exists()


def test_replacement_is_no_root(folder: Path) -> None:
    """A worker that replaces a killed one has given up root too."""
    with Daemon(folder, *DOMAIN, "-u", "nobody") as daemon:
        (old,) = daemon.workers()
        os.kill(old, 9)
        assert daemon.ask() == DENIED
        (new,) = wait_for(daemon.workers, "another worker")
        assert new != old
        assert status(new)["Uid"] == [str(NOBODY.pw_uid)] * 4


@pytest.mark.parametrize(("flags", "cores"), [((), 1), (("--no-pin",), len(os.sched_getaffinity(0)))], ids=str)
def test_core(folder: Path, flags: tuple[str, ...], cores: int) -> None:
    """A worker stays on one core unless it is told not to; the parent is where it may be."""
    with Daemon(folder, *DOMAIN, *flags) as daemon:
        (worker,) = daemon.workers()
        assert len(os.sched_getaffinity(worker)) == cores
        assert os.sched_getaffinity(daemon.pid) == os.sched_getaffinity(0)


def test_a_core_that_is_forbidden(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A sandbox may forbid to stay on one: that is told, and the worker serves all the same."""

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    stay_on_core(3)
    assert caplog.messages == ["a worker cannot be kept on one core: Operation not permitted; --no-pin does not try"]


def test_user_without_the_right(folder: Path) -> None:
    """One who is not root cannot serve as another user: 77, in words, and nothing is opened."""
    # Who is nobody only for himself: he can still read a checkout that is root's alone.
    prefix = ("unshare", "--user")
    code, said = output_of("-p", f"unix:{folder}/s", "-u", "daemon", prefix=prefix)
    assert (code, said) == (77, "relaymilter: cannot serve as daemon: only root can start it as another user\n")
    assert list(folder.iterdir()) == []
