"""relaymilter status and relaymilter reload: what they are answered, and that nobody else is."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from relaymilter.cli.status import status as status_command
from relaymilter.daemon.reports import total
from tests.rig import wait_for

from .process import DENIED, ROOT, Daemon, free_port, output_of

DOMAIN = ("--local-domain", "example.org")


def asked(command: str, *words: str, prefix: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """Run `relaymilter COMMAND` with these words: its exit status, and what it printed to each stream."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "relaymilter", command, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def status(daemon: Daemon) -> tuple[int, Any]:
    """Exit status and JSON of the daemon whose pid file is `pid`, by the command in this process."""
    words = ("--json", "-P", f"{daemon.folder}/pid.pid")
    done = CliRunner().invoke(status_command, words, standalone_mode=False, catch_exceptions=False)
    return done.return_value, json.loads(done.output)


def started(folder: Path, *flags: str, toml: str = 'local-domain = ["example.org"]\n', **options: Any) -> Daemon:
    """A daemon with a configuration file and a pid file, so that it has a control socket."""
    (folder / "r.toml").write_text(toml)
    return Daemon(folder, "-c", "r.toml", "-P", f"{folder}/pid.pid", *flags, **options)


def test_status(folder: Path, runtime: tuple[str, str]) -> None:
    """It counts the sessions and decisions of all workers, those that were drained and those that are open."""
    with started(folder, *runtime, "--workers", "2") as daemon:
        for recipient in (b"<v@example.com>", b"<bob@example.org>", b"<joe@example.org>"):
            daemon.ask(recipient)
        with daemon.session() as mta:
            assert mta.rcpt(b"<v@example.com>") == DENIED
            wait_for(lambda: status(daemon)[1]["sessions"]["open"] == 1, "the others have ended for the workers, too")
            code, found = status(daemon)
            assert (code, found["status"], found["problems"]) == (0, 0, [])
            assert found["process"]["pid"] == daemon.pid
            assert found["listeners"] == [daemon.where]
            assert found["workers"] == {"serving": 2, "of": 2, "draining": 0, "runtime": runtime[1]}
            assert found["decisions"] == {"permit": 2, "reject": 2, "defer": 0}
            assert found["sessions"] == {"open": 1, "since the start": 4}
            assert (found["breakers"], found["shared"], found["warnings"]) == ([], [], [])
            daemon.tell(signal.SIGHUP)
            daemon.wait_log("reloaded")
            assert daemon.ask() == DENIED
            assert mta.rcpt(b"<v@example.com>") == DENIED
            wait_for(lambda: status(daemon)[1]["workers"]["draining"] == 1, "the worker without a session ends")
            wait_for(lambda: status(daemon)[1]["sessions"]["open"] == 1, "the other session has ended there, too")
            found = status(daemon)[1]
            assert found["decisions"] == {"permit": 2, "reject": 4, "defer": 0}
            assert found["sessions"] == {"open": 1, "since the start": 5}
            mta.quit()
        wait_for(lambda: len(daemon.workers()) == 2, "the old workers end")
        assert status(daemon)[1]["decisions"] == {"permit": 2, "reject": 4, "defer": 0}
        assert daemon.stop() == 0
        assert {path.name for path in folder.iterdir()} == {"log", "r.toml"}


def test_as_text(folder: Path) -> None:
    """For people: the first line is for monitoring, then one line for each matter."""
    with started(folder, "--dry-run", "-p", f"inet:{free_port()}@127.0.0.1") as daemon:
        daemon.ask()
        code, text, _ = asked("status", "-c", f"{folder}/r.toml", "-P", f"{folder}/pid.pid")
        lines = text.splitlines()
        assert (code, lines[0]) == (0, "RELAYMILTER OK")
        names = [line[:12].strip() for line in lines[1:] if line[0] != " "]
        assert names == [
            *("version", "process", "listeners", "policy", "workers", "sessions", "decisions", "breakers"),
            *("ledger", "shared", "warnings"),
        ]
        assert "decisions   permit 0, reject 1, defer 0\n" in text
        assert "dry run yes" in text
        assert f"listeners   {daemon.where}\n            inet:" in text


def test_fingerprint(folder: Path) -> None:
    """The fingerprint of the policy follows what is in the files, and since when it serves is told."""
    with started(folder, "--watch", "0") as daemon:
        before = status(daemon)[1]["policy"]
        assert asked("reload", "-P", f"{folder}/pid.pid") == (
            0,
            f"The new policy serves: {before['fingerprint']}.\n",
            "",
        )
        (folder / "r.toml").write_text('local-domain = ["example.net"]\n')
        assert status(daemon)[1]["policy"]["fingerprint"] == before["fingerprint"]
        code, said, _ = asked("reload", "-P", f"{folder}/pid.pid")
        after = status(daemon)[1]["policy"]
        assert (code, said) == (0, f"The new policy serves: {after['fingerprint']}.\n")
        assert (before["files"], after["files"]) == (1, 1)
        assert before["fingerprint"] != after["fingerprint"]
        assert daemon.ask(b"<bob@example.net>") == "continue"


def test_refused_reload(folder: Path) -> None:
    """A reload that is refused prints every mistake and ends with 78; status warns until one is not refused."""
    with started(folder) as daemon:
        (folder / "r.toml").write_text('reply = "x"\nfrobnicate = 1\n')
        code, said, errors = asked("reload", "-P", f"{folder}/pid.pid")
        mistakes = ["r.toml:1: reply: 'x' is none of postfix, sendmail, defer", "r.toml:2: frobnicate: no such key"]
        assert (code, said) == (78, "")
        assert sorted(errors.splitlines()) == sorted(
            f"relaymilter: {line}" for line in [*mistakes, "the old policy stays"]
        )
        code, found = status(daemon)
        assert code == 1
        assert sorted(found["problems"]) == sorted(f"the last reload was refused: {line}" for line in mistakes)
        assert daemon.ask(b"<bob@example.org>") == "continue"
        (folder / "r.toml").write_text('local-domain = ["example.org"]\nworkers = 2\n')
        code, _, errors = asked("reload", "-P", f"{folder}/pid.pid")
        assert (code, errors) == (0, "relaymilter: warning: workers has changed, and stays as it was until a restart\n")
        assert (status(daemon)[0], status(daemon)[1]["problems"]) == (1, ["workers has changed and needs a restart"])


def test_reload_without_a_worker(folder: Path) -> None:
    """Where no worker comes to serve with the new policy, a reload says so, and ends with 69."""
    folder.chmod(0o1777)
    without_root = ("setpriv", "--bounding-set", "-setuid,-setgid,-chown")
    with started(folder, prefix=without_root) as daemon:
        (folder / "r.toml").write_text('user = "daemon"\n')
        code, _, errors = asked("reload", "-P", f"{folder}/pid.pid")
        assert code == 69
        assert errors == (
            "relaymilter: a worker ended with status 77 before it served\nrelaymilter: the old policy stays\n"
        )
        assert daemon.ask(b"<bob@example.org>") == "continue"


def test_worker_that_does_not_answer(folder: Path) -> None:
    """A worker that hangs is warned of; where none is left that answers, that is critical."""
    with started(folder, "--workers", "2") as daemon:
        one, other = daemon.workers()
        os.kill(one, signal.SIGSTOP)
        try:
            code, found = status(daemon)
            assert (code, len(found["problems"])) == (1, 1)
            assert found["problems"][0].endswith(" does not answer")
            os.kill(other, signal.SIGSTOP)
            assert status(daemon)[0] == 2
        finally:
            for pid in (one, other):
                os.kill(pid, signal.SIGCONT)
        wait_for(lambda: status(daemon)[0] == 0, "they answer again")


def test_open_breaker(folder: Path, runtime: tuple[str, str]) -> None:
    """A table that fails is named once its breaker is open."""
    table = f"socketmap:unix:{folder}/none:m"
    with started(folder, *runtime, toml=f'local-domain = ["{table}"]\n') as daemon:
        for name in (b"<a@a.test>", b"<a@b.test>", b"<a@c.test>", b"<a@d.test>"):
            assert daemon.ask(name) != "continue"
        code, found = status(daemon)
        assert code == 1
        (breaker,) = found["breakers"]
        assert breaker.startswith(table)
        assert found["problems"] == [f"not asked for a while: {breaker}"]
        assert found["decisions"]["defer"] == 4


def test_killed_worker(folder: Path) -> None:
    """Counts never go back: what a killed worker had reported stays."""
    with started(folder) as daemon:
        daemon.ask()
        assert status(daemon)[1]["decisions"]["reject"] == 1
        os.kill(daemon.workers()[0], signal.SIGKILL)
        daemon.wait_log("a new one starts")
        daemon.ask()
        assert status(daemon)[1]["decisions"]["reject"] == 2


def test_no_daemon(folder: Path) -> None:
    """Where none runs, status ends with 3 and reload with 69, and both say where they have asked."""
    path = f"{folder}/none"
    why = f"{path}: no relaymilter runs with this control socket: No such file or directory"
    assert asked("status", "--control", path) == (3, f"RELAYMILTER UNKNOWN: {why}\n", "")
    assert asked("reload", "--control", path) == (69, "", f"relaymilter: {why}\n")
    (folder / "r.toml").write_text(f'control = "{folder}/there"\nreply = "x"\n')
    assert f"{folder}/there: no relaymilter" in asked("status", "-c", f"{folder}/r.toml")[1]


def test_one_that_says_nothing(folder: Path) -> None:
    """What accepts and is silent, or closes, or talks nonsense, is no answer."""
    path = f"{folder}/s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        code, said, _ = asked("status", "--control", path, "--timeout", "0.3")
    assert (code, said) == (3, f"RELAYMILTER UNKNOWN: {path}: no answer within 0.3 s\n")


NOBODY = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps", "-all")


def test_others_are_not_answered(folder: Path) -> None:
    """The socket has mode 0600 whatever the umask: another user cannot connect."""
    with started(folder, prefix=("sh", "-c", 'umask 0; exec "$@"', "sh")):
        path = folder / "pid.control"
        found = path.lstat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.getuid())
        connect = "import socket, sys; sys.exit(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1]))"
        done = subprocess.run([*NOBODY, "/usr/bin/python3", "-c", connect, str(path)], check=False)
        assert done.returncode == 13


def test_own_socket(folder: Path) -> None:
    """--control names another place, and a socket in a folder where everyone may replace it is refused."""
    with Daemon(folder, *DOMAIN, "--control", f"{folder}/c") as daemon:
        assert asked("status", "--control", f"{folder}/c")[0] == 0
        assert daemon.stop() == 0
        assert not (folder / "c").exists()
    folder.chmod(0o777)
    code, said = output_of("-p", f"unix:{folder}/s", "--control", f"{folder}/c")
    assert code == 78
    assert said.startswith(
        f"relaymilter: control socket: unix:{folder}/c: {folder}: everyone may replace what is there,"
    )


def test_two_daemons(folder: Path) -> None:
    """A second daemon does not take the control socket of another, and starts nowhere."""
    with Daemon(folder, *DOMAIN, "--control", f"{folder}/c"):
        code, said = output_of("-p", f"unix:{folder}/s2", "--control", f"{folder}/c")
        assert code == 69
        assert said == f"relaymilter: control socket: unix:{folder}/c: cannot be made: another process listens there\n"
        assert not (folder / "s2").exists()
        assert asked("status", "--control", f"{folder}/c")[0] == 0


def test_in_the_runtime_directory(folder: Path) -> None:
    """Without a pid file it is in the folder that systemd has made for the service."""
    with Daemon(folder, *DOMAIN, environment={"RUNTIME_DIRECTORY": str(folder)}):
        assert asked("status", "--control", f"{folder}/control")[0] == 0


def test_handed_down(folder: Path) -> None:
    """systemd may hand it down by its name, beside several sockets of one name for the MTAs, and keeps all of them."""
    mtas = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_INET)]
    control = socket.socket(socket.AF_UNIX)
    mtas[0].bind(f"{folder}/m")
    mtas[1].bind(("127.0.0.1", 0))
    control.bind(f"{folder}/c")
    for each in (*mtas, control):
        each.listen()
    numbers = [each.fileno() for each in (*mtas, control)]
    script = " ".join(f"{number}<&{given}" for number, given in zip((7, 8, 9), numbers, strict=True))
    hand = (
        f'exec {script}; exec 3<&7 4<&8 5<&9; LISTEN_PID=$$ LISTEN_FDS=3 LISTEN_FDNAMES=milter:milter:control exec "$@"'
    )
    daemon = Daemon(
        folder,
        *DOMAIN,
        "--control",
        "fd:control",
        where="fd:milter",
        prefix=("bash", "-c", hand, "bash"),
        pass_fds=numbers,
    )
    with daemon:
        assert daemon.log.count("serving on fd:") == 2
        for where in (f"unix:{folder}/m", f"inet:127.0.0.1:{mtas[1].getsockname()[1]}"):
            daemon.where = where
            assert daemon.ask() == DENIED
        assert asked("status", "--control", f"{folder}/c")[0] == 0
        assert daemon.stop() == 0
    assert (folder / "c").exists()
    for each in (*mtas, control):
        each.close()


def test_clients_that_are_slow(folder: Path) -> None:
    """Who connects and says nothing, or reads nothing, keeps neither mail nor others waiting."""
    with started(folder) as daemon:
        silent = [socket.socket(socket.AF_UNIX) for _ in range(8)]
        for each in silent:
            each.connect(f"{folder}/pid.control")
        silent[0].sendall(b"nonsense\n")
        silent[0].settimeout(10)
        assert silent[0].recv(1) == b""
        assert status(daemon)[0] == 0
        assert daemon.ask() == DENIED
        for each in silent:
            each.close()


def test_total() -> None:
    """Numbers are added, lists joined once, mappings merged."""
    one = {"n": 1, "l": ["a", "b"], "m": {"x": 1}}
    assert total([one, {"n": 2, "l": ["b", "c"], "m": {"x": 1, "y": 2}}, {}]) == {
        "n": 3,
        "l": ["a", "b", "c"],
        "m": {"x": 2, "y": 2},
    }
    assert total([]) == {}
