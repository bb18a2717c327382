"""contrib/start, as an administrator runs it: it serves from this checkout, and says how to attach an MTA to it."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rig import MtaSettings, Namespace, Postfix, Sendmail, running
from tests.rig.daemon import ROOT
from tests.rig.postmap import postfix_commands
from tests.rig.waiting import wait_for

START = str(ROOT / "contrib" / "start")
DISTRIBUTION = "/usr/lib/python3/dist-packages"


class Started:
    """A contrib/start at work in `folder`, and what it has printed."""

    def __init__(self, folder: Path, *flags: str, namespace: Namespace | None = None, program: str = START) -> None:
        self.folder = folder
        self.namespace = namespace
        with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
            options = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, "cwd": folder}
            if namespace:
                self.process = namespace.popen(program, *flags, **options)
            else:
                self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", program, *flags], **options)

    def wait_serving(self) -> None:
        """Until the daemon says that it serves."""

        def serves() -> bool:
            assert self.process.poll() is None, self.said()
            return "serving on" in self.said()

        wait_for(serves, "contrib/start serves")

    def said(self) -> str:
        """All that it and the daemon have said."""
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()

    def lines(self, pattern: str) -> list[str]:
        """The lines to copy that begin so."""
        return re.findall(rf"^    ({pattern}.*)$", (self.folder / "out").read_text(), re.MULTILINE)

    def command(self) -> list[str]:
        """What the process has become."""
        return Path(f"/proc/{self.process.pid}/cmdline").read_text().rstrip("\0").split("\0")

    def end(self) -> int:
        """TERM, as an administrator or systemd sends it; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def started(folder: Path, *flags: str, namespace: Namespace | None = None, program: str = START) -> Iterator[Started]:
    """contrib/start that serves, and is ended."""
    start = Started(folder, *flags, namespace=namespace, program=program)
    try:
        start.wait_serving()
        yield start
    finally:
        if start.process.poll() is None:
            start.end()


def test_serves_and_stops_twice(tmp_path: Path) -> None:
    """It serves on the unix socket asked for, TERM ends it with status 0 and no socket left, and so again."""
    path = tmp_path / "socket"
    for _ in range(2):
        with started(tmp_path, "-p", f"unix:{path}") as start:
            with socket.socket(socket.AF_UNIX) as mta:
                mta.connect(str(path))
            assert start.end() == 0
        assert not path.exists()


def test_is_the_daemon(tmp_path: Path) -> None:
    """The process becomes the daemon itself, on Debian's Python, so that every signal reaches it."""
    flags = ("-p", f"unix:{tmp_path}/socket", "--local-domain", "example.org")
    with started(tmp_path, *flags) as start:
        assert start.command() == ["/usr/bin/python3", "-sP", "-m", "relaymilter", "run", *flags]


def test_says_that_doctor_has_findings(tmp_path: Path) -> None:
    """One line says that there is something to see in the set-up; here, a Postfix that does not ask it."""
    with postfix_commands(tmp_path / "commands") as conf:
        (conf / "master.cf").write_text("smtp inet n - y - - smtpd\n")
        with started(tmp_path, "-p", f"unix:{tmp_path}/socket", "--mta", f"postfix:{conf}") as start:
            wait_for(lambda: "see relaymilter doctor" in start.said(), "the line is there")
            lines = [line for line in start.said().splitlines() if "see relaymilter doctor" in line]
            assert len(lines) == 1
            assert "by which the relay is open or not protected" in lines[0]


def test_without_flags(namespace: Namespace, tmp_path: Path) -> None:
    """Without flags it serves on the default socket, as nobody, with the names of the host as local domains."""
    with started(tmp_path, namespace=namespace) as start:
        assert namespace.listens("127.0.0.1", 8894)
        added = start.command()[5:]
        assert added[-2:] == ["--user", "nobody"]
        assert {socket.gethostname(), "localhost"} <= {*added[1:-2:2]}
        assert {*added[:-2:2]} == {"--local-domain"}
        assert " ".join(added) in start.said()
        assert start.lines("smtpd_milters") == ["smtpd_milters = inet:127.0.0.1:8894"]


def test_paths_are_relative_to_the_caller(tmp_path: Path) -> None:
    """A relative path is taken from where the command was given; a configuration file has no domains added."""
    (tmp_path / "here.toml").write_text(f'socket = "unix:{tmp_path}/from-file"\n')
    with started(tmp_path, "-c", "here.toml") as start:
        assert start.lines("smtpd_milters") == [f"smtpd_milters = unix:{tmp_path}/from-file"]
        assert "--local-domain" not in start.command()


@pytest.mark.parametrize(
    ("socket_flag", "postfix", "sendmail"),
    [
        ("inet:127.0.0.1:8895", "inet:127.0.0.1:8895", "inet:8895@127.0.0.1"),
        ("inet:8895@0.0.0.0", "inet:127.0.0.1:8895", "inet:8895@127.0.0.1"),
        ("inet6:8895@[::1]", "inet:[::1]:8895", "inet6:8895@::1"),
    ],
    ids=["Postfix's form", "any address", "IPv6"],
)
def test_lines_name_the_socket(
    namespace: Namespace, tmp_path: Path, socket_flag: str, postfix: str, sendmail: str
) -> None:
    """Each MTA's line has the socket in that MTA's form."""
    with started(tmp_path, "-p", socket_flag, namespace=namespace) as start:
        assert start.lines("smtpd_milters") == [f"smtpd_milters = {postfix}"]
        assert start.lines("milter_default_action") == ["milter_default_action = tempfail"]
        assert f"`S={sendmail}, F=T," in start.lines("INPUT_MAIL_FILTER")[0]


@pytest.mark.parametrize("flag", ["unix", "inet", "inet6"])
def test_lines_close_the_mtas(namespace: Namespace, folder: Path, flag: str) -> None:
    """Postfix and Sendmail with the printed lines, and nothing else, refuse a stranger and take local mail."""
    place = {"unix": f"unix:{folder}/socket", "inet": "inet:8896@127.0.0.1", "inet6": "inet6:8896@[::1]"}[flag]
    flags = ("-p", place, "--socket-mode", "0666", "--local-domain", "example.org")
    with started(folder, *flags, namespace=namespace) as start:
        main_cf = "\n".join(start.lines("(?:smtpd|milter)_"))
        sendmail_mc = "\n".join(start.lines("INPUT_MAIL_FILTER"))
        for mta in (
            Postfix(namespace, folder / "postfix", MtaSettings(extra=main_cf)),
            Sendmail(namespace, folder / "sendmail", MtaSettings(extra=sendmail_mc)),
        ):
            with running(mta), mta.smtp() as client:
                client.ehlo()
                client.mail()
                assert str(client.rcpt("<victim@example.com>")) == "554 5.7.1 <victim@example.com>: Relay access denied"
                assert client.rcpt("<bob@example.org>").code == 250


@pytest.mark.parametrize("flags", [["--no-such"], ["--local-network", "192.0.2.1/24"], ["stray"]])
def test_wrong_flags(flags: list[str]) -> None:
    """Wrong flags are answered by the daemon, with its status, and no lines are printed."""
    done = subprocess.run([START, *flags], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (64, "")
    assert flags[-1].partition("/")[0] in done.stderr


@pytest.mark.parametrize("flag", ["--help", "--version", "--check"])
def test_flags_that_do_not_serve(flag: str) -> None:
    """--help, --version and --check answer as the daemon does, and no lines are printed."""
    done = subprocess.run([START, flag], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "smtpd_milters" not in done.stdout


HIDE = f'mount --bind "$1" "{DISTRIBUTION}/$2" && shift 2 && exec "$@"'

WORKING_APT = f"""
case "$*" in
*update*) touch "$APT_LOG.updated" ;;
*install*) [ -e "$APT_LOG.updated" ] || exit 100
    umount {DISTRIBUTION}/click ;;
esac
"""

BROKEN_APT = """
echo "E: Unable to fetch some archives" >&2
exit 100
"""

# Fetches lists, but nothing else.
NO_SUCH_PACKAGE = f"case $* in *install*) {BROKEN_APT} ;; esac\n"


def without(hidden: str, folder: Path, apt_get: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """contrib/start where this package is not installed, with an apt-get of ours, which logs what it is told."""
    (folder / "bin").mkdir()
    (folder / "bin" / "apt-get").write_text(f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >>"$APT_LOG"\n{apt_get}')
    (folder / "bin" / "apt-get").chmod(0o755)
    (folder / "broken").mkdir()
    (folder / "broken" / "__init__.py").write_text("raise ImportError")
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", HIDE, "sh", folder / "broken", hidden, START, *flags],
        env={"PATH": f"{folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "APT_LOG": str(folder / "log")},
        capture_output=True,
        text=True,
        timeout=60,
    )


def attempts(package: str) -> list[str]:
    """What apt-get is told to install this: once with the package lists that there are, once with fresh ones."""
    install = f"install -y --no-install-recommends --no-remove {package}"
    return [f"noninteractive -q -o DPkg::Lock::Timeout=60 {call}" for call in (install, "update", install)]


def test_installs_only_what_is_missing(tmp_path: Path) -> None:
    """What cannot be imported is installed, and nothing else; lists are fetched only where it does not go without."""
    done = without("click", tmp_path, WORKING_APT, "--check")
    assert (done.returncode, done.stdout) == (0, "The configuration is sound.\n"), done.stderr
    assert (tmp_path / "log").read_text().splitlines() == attempts("python3-click")


def test_says_what_cannot_be_installed(tmp_path: Path) -> None:
    """Where apt-get fails, what it said is shown, and the status is 69."""
    done = without("click", tmp_path, BROKEN_APT, "--check")
    assert (done.returncode, done.stdout) == (69, "")
    assert "E: Unable to fetch some archives" in done.stderr


def test_goes_on_without_uvloop(tmp_path: Path) -> None:
    """Where uvloop cannot be had, what apt-get said is shown, and relaymilter runs all the same."""
    done = without("uvloop", tmp_path, NO_SUCH_PACKAGE, "--check")
    assert (done.returncode, done.stdout) == (0, "The configuration is sound.\n"), done.stderr
    assert "E: Unable to fetch some archives" in done.stderr
    assert "contrib/start: going on without python3-uvloop" in done.stderr
    assert (tmp_path / "log").read_text().splitlines() == attempts("python3-uvloop")


def test_serves_from_a_private_folder(namespace: Namespace, tmp_path: Path) -> None:
    """A checkout that only root can enter serves as nobody all the same, and nothing is written into it."""
    tree = tmp_path / "tree"
    for name in ("relaymilter", "contrib"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "build"))
    tree.chmod(0o700)
    before = [*tree.rglob("*")]
    with started(tmp_path, namespace=namespace, program=str(tree / "contrib" / "start")) as start:
        assert start.command()[-2:] == ["--user", "nobody"]
    assert [*tree.rglob("*")] == before
