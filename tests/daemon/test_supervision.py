"""Workers that die, and a parent that does: mail goes on, and nothing stays behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relaymilter.daemon.slot import PAUSES, STEADY_SECONDS, Slot, ending
from tests.rig import wait_for

from .process import DENIED, ROOT, Daemon, free_port, output_of, read_end

DOMAIN = ("--local-domain", "example.org")
BACK_TO_LIFE = re.compile(r"ERROR: worker 0 was killed by SIGKILL; a new one starts in (\d+\.\d) s\n")


def replaced(daemon: Daemon, old: int) -> int:
    """Wait for a worker other than this one, and return it."""

    def other() -> int:
        return next((pid for pid in daemon.workers() if pid != old), 0)

    return wait_for(other, "another worker")


def test_killed_worker(folder: Path, runtime: tuple[str, str]) -> None:
    """A worker that is killed is replaced, the log says why, and the socket was there all the time."""
    with Daemon(folder, *DOMAIN, *runtime) as daemon, daemon.session() as cut_off:
        (old,) = daemon.workers()
        os.kill(old, signal.SIGKILL)
        assert daemon.ask() == DENIED
        assert daemon.workers() != [old]
        assert BACK_TO_LIFE.findall(daemon.log) == ["0.0"]
        assert cut_off.rcpt(b"<v@example.com>") == "closed"
        assert daemon.stop() == 0


def test_one_of_several(folder: Path, runtime: tuple[str, str]) -> None:
    """Of several workers the others go on, with their sessions."""
    with Daemon(folder, *DOMAIN, *runtime, "--workers", "2") as daemon:
        sessions = [daemon.session() for _ in range(8)]
        killed, other = daemon.workers()
        os.kill(killed, signal.SIGKILL)
        daemon.wait_log("a new one starts in 0.0 s")
        answers = [mta.rcpt(b"<v@example.com>") for mta in sessions]
        assert {*answers} <= {DENIED, "closed"}
        wait_for(lambda: len(daemon.workers()) == 2, "the place is filled")
        assert other in daemon.workers()
        assert [daemon.ask() for _ in range(8)] == [DENIED] * 8
        for mta in sessions:
            mta.close()


def test_growing_pause(folder: Path) -> None:
    """A worker that dies again and again, as soon as it serves, is replaced more slowly, but within a second."""
    with Daemon(folder, *DOMAIN) as daemon:
        (worker,) = daemon.workers()
        for _ in range(6):
            os.kill(worker, signal.SIGKILL)
            worker = replaced(daemon, worker)
            assert daemon.ask() == DENIED
        assert ["0.0", "0.1", "0.2", "0.5", "1.0", "1.0"] == BACK_TO_LIFE.findall(daemon.log)
        os.kill(worker, signal.SIGKILL)
        daemon.wait_log("a new one starts", 7)
        assert daemon.stop(seconds=0.9) == 0


def test_worker_that_served_for_a_while(folder: Path) -> None:
    """A worker that served before it was killed is replaced at once, however often that happens."""
    with Daemon(folder, *DOMAIN) as daemon:
        (worker,) = daemon.workers()
        for _ in range(4):
            with daemon.session() as mta:
                began = time.monotonic()
                while time.monotonic() - began <= STEADY_SECONDS + 0.3:  # the parent may hear later that it serves
                    assert mta.rcpt(b"<v@example.com>") == DENIED
            os.kill(worker, signal.SIGKILL)
            worker = replaced(daemon, worker)
        assert {*BACK_TO_LIFE.findall(daemon.log)} == {"0.0"}


def test_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause grows to its bound, and a worker that has lived for half a second begins it anew."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ours = Slot(0, since=now[0])
    for pause in (*PAUSES, PAUSES[-1], PAUSES[-1]):
        ours.lost(signal.SIGKILL)
        assert ours.restart_at == now[0] + pause
        assert ours.due == (pause == 0)
        now[0] += pause
        assert ours.due
        ours.since = now[0]
    assert max(PAUSES) == 1
    now[0] += 0.5
    ours.lost(signal.SIGKILL)
    assert ours.restart_at == now[0]


@pytest.mark.parametrize(
    ("status", "words"),
    [(9, "was killed by SIGKILL"), (11, "was killed by SIGSEGV"), (70 << 8, "ended with status 70")],
)
def test_ending(status: int, words: str) -> None:
    """Why a worker ended is told in words."""
    assert words == ending(status)


def test_killed_parent(folder: Path, runtime: tuple[str, str]) -> None:
    """Where the parent is killed, a worker answers its sessions, takes no others, and ends by itself."""
    with Daemon(folder, *DOMAIN, *runtime, "-P", f"{folder}/pid", "--workers", "2") as daemon:
        with daemon.session() as mta:
            workers = daemon.workers()
            daemon.process.kill()
            daemon.wait()
            wait_for(lambda: sum(alive(pid) for pid in workers) == 1, "the worker without a session ends")
            assert mta.rcpt(b"<v@example.com>") == DENIED
            mta.quit()
            wait_for(lambda: not any(alive(pid) for pid in workers), "the other one ends")
        with Daemon(folder, *DOMAIN, *runtime, "-P", f"{folder}/pid", name="log2") as new:
            assert new.ask() == DENIED
            assert (folder / "pid").read_text() == f"{new.pid}\n"


ORPHAN = """
import os, select, socket, sys
from relaymilter.config.reader import Flags, read
from relaymilter.daemon import worker
from relaymilter.daemon.shared_memory import SharedMemory
from relaymilter.policy.sketches import SIZE, Sketches
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    settings, sketches = read(Flags({"runtime": (sys.argv[1],)})).settings, Sketches(SharedMemory(SIZE))
    new = worker.start(settings, [listener], 0, [], sketches)
    select.select([new.control], [], [])
    print(new.pid, flush=True)
    os._exit(0)
"""


def test_parent_killed_too_soon(runtime: tuple[str, str]) -> None:
    """A worker ends by itself also where the parent dies before it has read that the worker serves."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN, runtime[1]], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        pid = int(read_end(parent.stdout).readline())
        assert parent.wait(10) == 0
    try:
        wait_for(lambda: not alive(pid), "it ends", 5)
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """The process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_worker_that_cannot_live(folder: Path) -> None:
    """Where no worker may serve as the user, the daemon says so, without a traceback, and leaves nothing behind."""
    folder.chmod(0o1777)
    where = f"inet:127.0.0.1:{free_port()}"
    status, said = output_of("-p", where, "-P", f"{folder}/pid", "-u", "daemon", prefix=WITHOUT_ROOT)
    assert (status, list(folder.iterdir())) == (77, [])
    assert said == (
        "ERROR: cannot serve as daemon: Operation not permitted\n"
        "relaymilter: a worker ended with status 77 before it served\n"
    )


def test_socket_that_cannot_be_given_away(folder: Path) -> None:
    """A unix socket that cannot be given to the user is said, and not left behind."""
    folder.chmod(0o1777)
    where = f"unix:{folder}/s"
    status, said = output_of("-p", where, "-u", "daemon", prefix=WITHOUT_ROOT)
    assert (status, said) == (77, f"relaymilter: {where}: cannot give it to the user daemon: Operation not permitted\n")
    assert list(folder.iterdir()) == []


# Still root, who may read this checkout wherever it is, but not one who may become or endow another user.
WITHOUT_ROOT = ("setpriv", "--bounding-set", "-setuid,-setgid,-chown")


def test_signals_before_it_serves(folder: Path) -> None:
    """A signal that comes while it starts is not lost, and kills no one."""
    daemon = Daemon(folder, *DOMAIN, "-P", f"{folder}/pid")
    daemon.start()
    try:
        wait_for(lambda: (folder / "pid").exists(), "it has begun")
        daemon.tell(signal.SIGHUP)
        daemon.tell(signal.SIGTERM)
        assert daemon.wait() == 0
        assert {path.name for path in folder.iterdir()} == {"log"}
    finally:
        daemon.close()


def test_signals_to_a_worker(folder: Path, runtime: tuple[str, str]) -> None:
    """The signals for a reload are the parent's: a worker that gets them too goes on with its sessions."""
    with Daemon(folder, *DOMAIN, *runtime) as daemon, daemon.session() as mta:
        (worker,) = daemon.workers()
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(worker, number)
        assert mta.rcpt(b"<v@example.com>") == DENIED
        assert daemon.workers() == [worker]
