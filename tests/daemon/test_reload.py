"""Reload: the new policy is for new sessions, a broken one for none, and no connection is refused meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from relaymilter.config.reader import Flags, Reading, read
from relaymilter.daemon.in_force import Outcome
from relaymilter.daemon.opened import Opened
from relaymilter.daemon.supervisor import Supervisor
from relaymilter.daemon.watch import Watch
from tests.rig import wait_for
from tests.wire.mta import Reply

from .process import DENIED, Daemon, asking

BOB = b"<bob@example.org>"


def configured(folder: Path, *flags: str, where: str = "", toml: str = "") -> Daemon:
    """A daemon with a configuration file."""
    (folder / "r.toml").write_text(toml)
    return Daemon(folder, "-c", "r.toml", *flags, where=where)


def rewrite(daemon: Daemon, toml: str) -> None:
    """Change its configuration file."""
    (daemon.folder / "r.toml").write_text(toml)


def reload(daemon: Daemon, number: signal.Signals = signal.SIGHUP, said: str = "reloaded") -> None:
    """Tell it to reload, and wait until it has said so."""
    times = daemon.log.count(said)
    daemon.tell(number)
    daemon.wait_log(said, times + 1)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1], ids=["HUP", "USR1"])
def test_reload(folder: Path, runtime: tuple[str, str], number: signal.Signals) -> None:
    """After a reload new connections get the new policy; a session begun before keeps the old one to its end.

    Nobody looks at the files, so it is the signal that did it.
    """
    with configured(folder, *runtime, "--watch", "0") as daemon, daemon.session() as before:
        assert before.rcpt(BOB) != "continue"
        (old,) = daemon.workers()
        rewrite(daemon, 'local-domain = ["example.org"]\n')
        reload(daemon, number)
        assert daemon.ask(BOB) == "continue"
        assert before.rcpt(BOB) != "continue"
        before.abort()
        before.mail()
        assert before.rcpt(BOB) != "continue"
        assert old in daemon.workers()
        before.quit()
        wait_for(lambda: old not in daemon.workers(), "the old worker ends after its last session")
        assert len(daemon.workers()) == 1
        assert daemon.stop() == 0


def test_everything_is_read_anew(folder: Path) -> None:
    """Lists in files, the words of a refusal, and how the log is written are new after a reload; a flag still wins."""
    (folder / "domains").write_text("example.org\n")
    toml = 'local-domain = ["file:domains"]\nrelay-domain = ["relay.test"]\n'
    with configured(folder, "--relay-domain", "flag.test", toml=toml) as daemon:
        assert daemon.ask(BOB) == "continue"
        (folder / "domains").write_text("example.net\n")
        rewrite(daemon, toml + 'reply-text = "No."\nlog-format = "json"\n')
        reload(daemon)
        assert daemon.ask(BOB) == Reply(554, "5.7.1", "No.")
        assert daemon.ask(b"<bob@example.net>") == "continue"
        assert daemon.ask(b"<bob@relay.test>") != "continue"
        assert daemon.ask(b"<bob@flag.test>") == "continue"
        daemon.wait_log('"recipient": "<bob@flag.test>"')


def test_broken_configuration(folder: Path) -> None:
    """Of a broken configuration every mistake is logged, with file, line and key, and the old policy stays."""
    with configured(folder, toml='local-domain = ["example.org"]\n') as daemon:
        workers = daemon.workers()
        (folder / "domains").write_text("\n*.example.org\n")
        rewrite(daemon, 'reply = "x"\nlocal-domain = ["file:domains"]\nfrobnicate = 1\n')
        reload(daemon, said="ERROR: reload: refused; the old policy stays")
        errors = [line for line in daemon.log.splitlines() if line.startswith("ERROR: ")]
        assert sorted(errors[:-1]) == [
            "ERROR: domains:2: local-domain: '*.example.org' has a wildcard: .example.org stands for the subdomains of "
            "example.org",
            "ERROR: r.toml:1: reply: 'x' is none of postfix, sendmail, defer",
            "ERROR: r.toml:3: frobnicate: no such key",
        ]
        assert daemon.ask(BOB) == "continue"
        assert workers == daemon.workers()
        (folder / "r.toml").unlink()
        reload(daemon, said="ERROR: r.toml: No such file or directory")
        assert daemon.ask(BOB) == "continue"
        rewrite(daemon, "")
        reload(daemon)
        assert daemon.ask(BOB) == Reply(554, "5.7.1", "<bob@example.org>: Relay access denied")


def test_what_nobody_thought_of() -> None:
    """Whatever else goes wrong while the settings are read, the old policy stays, and status says why."""
    reading = read(Flags({"local-domain": ("example.org",)}))

    def fails() -> Reading:
        raise ZeroDivisionError("of all things")

    supervisor = Supervisor(reading, fails, Opened((), None, None), Watch({}))
    old = supervisor.in_force
    assert supervisor.reload() == Outcome(("ZeroDivisionError: of all things",), os.EX_SOFTWARE)
    assert supervisor.in_force is old
    assert supervisor.refused == ("ZeroDivisionError: of all things",)


def test_worker_that_cannot_live(folder: Path) -> None:
    """Where a worker cannot serve with the new settings, the old one goes on."""
    without_root = ("setpriv", "--bounding-set", "-setuid,-setgid,-chown")
    folder.chmod(0o1777)
    where = f"unix:{folder}/s"
    daemon = Daemon(folder, "-c", "r.toml", where=where, prefix=without_root)
    rewrite(daemon, 'local-domain = ["example.org"]\n')
    with daemon:
        workers = daemon.workers()
        rewrite(daemon, 'user = "daemon"\n')
        reload(daemon, said="ERROR: reload: a worker ended with status 77 before it served; the old policy stays")
        assert daemon.ask(BOB) == "continue"
        assert workers == daemon.workers()
        assert daemon.stop() == 0


def test_what_stays(folder: Path) -> None:
    """What was opened at the start stays, and a reload that would change it says so, and warns as a start does."""
    with configured(folder) as daemon:
        rewrite(daemon, f'pidfile = "{folder}/pid"\nworkers = 2\nlocal-domain = [".com"]\n')
        reload(daemon)
        assert "WARNING: r.toml:3: local-domain: .com stands for every domain that ends so\n" in daemon.log
        for key in ("pidfile", "workers"):
            assert f"WARNING: reload: {key} has changed, and stays as it was until a restart\n" in daemon.log
        assert daemon.log.count("until a restart") == 2
        wait_for(lambda: len(daemon.workers()) == 1, "there is one worker, as there was")
        assert not (folder / "pid").exists()
        assert daemon.ask(b"<v@example.com>") == "continue"


def reload_under_load(daemon: Daemon, times: int) -> None:
    """Reload so many times, while strangers come all the time, one session after the other, and are all refused."""
    with asking(daemon.ask, threads=3) as answers:
        for _ in range(times):
            reload(daemon)
    assert [answer for answer in answers if answer != DENIED] == []
    assert len(answers) > times


def test_under_load(folder: Path, runtime: tuple[str, str], where: str) -> None:
    """During 20 reloads under load no connection is refused, none is cut off, and every answer is right."""
    with configured(folder, *runtime, "--log-decisions", "none", where=where) as daemon:
        reload_under_load(daemon, 20 if where.startswith("unix:") else 5)
        wait_for(lambda: len(daemon.workers()) == 1, "the old workers end")
        assert daemon.stop() == 0


def test_several_workers_under_load(folder: Path, runtime: tuple[str, str]) -> None:
    """Several workers are replaced one after the other."""
    with configured(folder, *runtime, "--log-decisions", "none", "--workers", "2") as daemon:
        before = daemon.workers()
        reload_under_load(daemon, 5)
        wait_for(lambda: len(daemon.workers()) == 2, "the old workers end")
        assert not {*before} & {*daemon.workers()}
        assert daemon.stop() == 0
