"""The daemon from its start to its end: it serves, and it stops without cutting a session off."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.rig import wait_for
from tests.wire.mta import dial

from .process import DENIED, ROOT, Daemon, read_end

DOMAIN = ("--local-domain", "example.org")


def test_decisions(folder: Path, runtime: tuple[str, str], where: str) -> None:
    """A stranger reaches a local mailbox and no other; a local client and a login reach every one."""
    with Daemon(folder, *DOMAIN, *runtime, where=where) as daemon:
        assert daemon.ask() == DENIED
        assert daemon.ask(b"<bob@example.org>") == "continue"
        assert daemon.ask(address="127.0.0.1") == "continue"
        with daemon.session() as mta:
            mta.wanted_macros("rcpt", {b"{auth_authen}": b"alice", b"{rcpt_addr}": b"v@example.com"})
            assert mta.rcpt(b"<v@example.com>") == "continue"
        daemon.wait_log("decision ", 4)
        lines = [line for line in daemon.log.splitlines() if line.startswith("decision ")]
        assert 'verdict=reject rule=no-rule reason="no rule permits" reply="554 5.7.1 <v@example.com>: ' in lines[0]
        assert "client=127.0.0.1 helo=client.example.net login=- sender=<a@example.net>" in lines[2]
        assert "login=alice sender=<a@example.net> recipient=<v@example.com> verdict=permit" in lines[3]


def test_inet6(folder: Path, runtime: tuple[str, str]) -> None:
    """An inet6 socket takes IPv6 connections alone."""
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]
    with Daemon(folder, *DOMAIN, *runtime, where=f"inet6:{port}@[::1]") as daemon:
        daemon.where = f"inet:::1:{port}"
        assert daemon.ask() == DENIED
        assert daemon.stop() == 0


def test_loop_without_uvloop(folder: Path) -> None:
    """On asyncio alone it serves, and says once at the start what is lost, not with each worker or reload."""
    (folder / "hidden").mkdir()
    (folder / "hidden" / "uvloop.py").write_text("raise ImportError\n")
    hidden = {"PYTHONPATH": f"{folder}/hidden:{ROOT}"}
    with Daemon(folder, *DOMAIN, "--workers", "2", environment=hidden) as daemon:
        assert daemon.ask() == DENIED
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log("reloaded")
        assert daemon.log.count("WARNING: uvloop is not installed") == 1


def test_nothing_to_remark(folder: Path, runtime: tuple[str, str]) -> None:
    """With uvloop there is nothing to say of the loop, nor of libmilter."""
    with Daemon(folder, *DOMAIN, *runtime) as daemon:
        assert daemon.ask() == DENIED
        assert "uvloop" not in daemon.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_stop_when_idle(folder: Path, runtime: tuple[str, str], number: signal.Signals) -> None:
    """Told to stop, it ends with 0 in less than a second, and nothing is left behind."""
    with Daemon(folder, *DOMAIN, *runtime, "-P", f"{folder}/pid") as daemon:
        workers = daemon.workers()
        began = time.monotonic()
        assert daemon.stop(number) == 0
        assert time.monotonic() - began < 1
        assert {path.name for path in folder.iterdir()} == {"log"}
        assert workers
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def refused(where: str) -> bool:
    """No one can connect there any more."""
    try:
        dial(where).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except ConnectionResetError:  # it was closed while this connection was made
        return False
    return False


def test_stop_with_a_session_in_flight(folder: Path, runtime: tuple[str, str], where: str) -> None:
    """A session in flight is answered after SIGTERM, new ones are refused meanwhile, and the end is 0."""
    with Daemon(folder, *DOMAIN, *runtime, where=where) as daemon, daemon.session() as mta:
        assert mta.rcpt(b"<v@example.com>") == DENIED
        daemon.tell(signal.SIGTERM)
        wait_for(lambda: refused(where), "new connections are refused", 2)
        assert mta.rcpt(b"<v@example.com>") == DENIED
        mta.abort()
        mta.mail()
        assert mta.rcpt(b"<bob@example.org>") == "continue"
        assert refused(where)
        assert daemon.process.poll() is None
        mta.quit()
        assert daemon.wait(5) == 0


def test_stop_timeout(folder: Path, runtime: tuple[str, str]) -> None:
    """A session that does not end is cut off after the stop timeout."""
    with Daemon(folder, *DOMAIN, *runtime, "--stop-timeout", "0.3") as daemon, daemon.session() as mta:
        began = time.monotonic()
        assert daemon.stop() == 0
        assert 0.3 <= time.monotonic() - began < 3
        assert mta.socket.recv(1) == b""


def test_told_twice(folder: Path) -> None:
    """Told to stop a second time, it waits for no session."""
    with Daemon(folder, *DOMAIN, "-P", f"{folder}/pid") as daemon, daemon.session() as mta:
        daemon.tell(signal.SIGTERM)
        daemon.wait_log("stopping")
        wait_for(lambda: not (folder / "s").exists(), "the socket is gone")
        assert daemon.process.poll() is None
        assert daemon.stop(seconds=2) == 0
        assert mta.socket.recv(1) == b""
        assert {path.name for path in folder.iterdir()} == {"log"}


def test_restart_at_once(folder: Path, runtime: tuple[str, str], where: str) -> None:
    """A new daemon may be started while the old one still stops, and serves its last session."""
    old = Daemon(folder, *DOMAIN, *runtime, where=where)
    new = Daemon(folder, *DOMAIN, *runtime, where=where, name="log2")
    with old, old.session() as mta:
        old.tell(signal.SIGTERM)
        with new:
            assert new.ask() == DENIED
            assert mta.rcpt(b"<v@example.com>") == DENIED
            mta.quit()
            assert old.wait(5) == 0
            assert new.ask() == DENIED
            assert new.stop() == 0


def test_workers(folder: Path, runtime: tuple[str, str]) -> None:
    """Several workers serve at one socket, and all of them end."""
    with Daemon(folder, *DOMAIN, *runtime, "--workers", "3") as daemon:
        assert len(daemon.workers()) == 3
        assert [daemon.ask() for _ in range(20)] == [DENIED] * 20
        assert daemon.stop(seconds=2) == 0


def test_dry_run(folder: Path) -> None:
    """In a dry run the MTA hears CONTINUE, and the log says what would have been."""
    with Daemon(folder, *DOMAIN, "--dry-run") as daemon:
        assert f"serving on {daemon.where} with runtime loop, in a dry run: nothing is refused\n" in daemon.log
        assert daemon.ask() == "continue"
        assert daemon.ask(b"<") == "continue"
        daemon.wait_log('reply="554 5.7.1 <v@example.com>: Relay access denied" dry_run=yes')
        daemon.wait_log('reply="501 5.1.3 Bad recipient address syntax" dry_run=yes')


def test_no_domain_is_warned_of(folder: Path) -> None:
    """Who names no domain probably forgot to; it is no mistake for a server that only sends."""
    warning = "warning: no local and no relay domain is named: strangers can write to nobody\n"
    with Daemon(folder, "--local-network", "127.0.0.1") as daemon:
        assert warning in daemon.log
    with Daemon(folder, *DOMAIN, name="another") as daemon:
        assert warning not in daemon.log


def test_nothing_logged(folder: Path, runtime: tuple[str, str]) -> None:
    """Without a decision log, for which HELO is not even asked for, the answers are the same."""
    with Daemon(folder, *DOMAIN, *runtime, "--log-decisions", "none") as daemon:
        assert daemon.ask(b"<bob@example.org>") == "continue"
        assert daemon.ask() == DENIED
        assert daemon.stop() == 0
        said = "".join(line for line in daemon.log.splitlines(True) if " doctor: " not in line)  # of this machine's MTA
        assert said == f"INFO: serving on {daemon.where} with runtime {runtime[1]}\nINFO: stopping\n"


def answers_without_a_reader(daemon: Daemon) -> None:
    """More decisions than a pipe holds are answered, each within the MTA's patience."""
    with daemon.session() as mta:
        for _ in range(300):
            assert mta.rcpt(b"<" + b"\xff" * 200 + b"@example.com>") != "continue"
    assert daemon.stop(seconds=5) == 0


def served(pipe: int) -> str:
    """Read the log until it serves."""
    text = ""
    while "serving on" not in text:
        text += os.read(pipe, 4096).decode()
    return text


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "not read"])
def test_no_reader_of_the_log(folder: Path, runtime: tuple[str, str], closed: bool) -> None:
    """Where no one reads standard error any more, mail is not held up, and it stops when told."""
    daemon = Daemon(folder, *DOMAIN, *runtime, "-v", stderr=subprocess.PIPE)
    daemon.start()
    with contextlib.closing(daemon), read_end(daemon.process.stderr) as pipe:
        served(pipe.fileno())
        if closed:
            pipe.close()
        answers_without_a_reader(daemon)


def test_no_standard_streams(folder: Path) -> None:
    """With standard input, output and error closed, no socket takes their place, so no log line goes to an MTA."""
    without = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    daemon = Daemon(folder, *DOMAIN, prefix=without)
    daemon.start()
    with contextlib.closing(daemon):
        wait_for(lambda: not refused(daemon.where), "it listens")
        assert [daemon.ask() for _ in range(3)] == [DENIED] * 3
        assert daemon.stop() == 0


OTHER_DEV = 'mount -t overlay relaymilter-test -o "lowerdir=$1:/dev" /dev && shift && exec "$@"'


def test_syslog(folder: Path) -> None:
    """With -l everything goes to /dev/log, as facility mail, and nothing to standard error."""
    (folder / "dev").mkdir()
    (folder / "dev/log").symlink_to(folder / "syslog")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(f"{folder}/syslog")
        syslog.settimeout(15)
        prefix = ("unshare", "--mount", "sh", "-c", OTHER_DEV, "sh", f"{folder}/dev")
        daemon = Daemon(folder, *DOMAIN, "-l", prefix=prefix)
        daemon.start()
        with contextlib.closing(daemon):
            assert (
                syslog.recv(999)
                == f"<22>relaymilter[{daemon.pid}]: INFO: serving on {daemon.where} with runtime loop".encode()
            )
            (worker,) = daemon.workers()
            assert daemon.ask() == DENIED
            assert syslog.recv(999).startswith(f"<22>relaymilter[{worker}]: decision time=".encode())
            assert daemon.stop() == 0
            assert syslog.recv(999) == f"<22>relaymilter[{daemon.pid}]: INFO: stopping".encode()
            assert daemon.log == ""
