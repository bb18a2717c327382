"""contrib/logrotate with a real logrotate, while decisions come through several workers."""

from __future__ import annotations

import gzip
import itertools
import os
import pwd
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.daemon.process import DENIED, Daemon, asking, output_of
from tests.rig import wait_for
from tests.rig.daemon import ROOT
from tests.rig.private import private_command

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run contrib/test")
SAMPLE = (ROOT / "contrib/logrotate/relaymilter").read_text()
FLAGS = ("--local-domain", "example.org", "--user", "nobody")


def decisions(text: str) -> list[str]:
    """The recipients of a log's whole lines; a torn one has none."""
    return re.findall(r"^decision .* recipient=<(\w+)@example.com> .*Relay access denied\"$", text, re.MULTILINE)


def rotate(folder: Path) -> None:
    """As the timer does it, but now, and as often as it is called."""
    sample = SAMPLE.replace("/var/log/relaymilter", str(folder)).replace("dateext", "nodateext")
    (folder.parent / "conf").write_text(sample)
    command = private_command("logrotate", "--force", "--state", f"{folder.parent}/state", f"{folder.parent}/conf")
    subprocess.run(command, check=True, timeout=30)


@pytest.fixture
def logs(folder: Path) -> Path:
    """As docs/log.rst makes it."""
    folder.chmod(0o755)
    made = folder / "logs"
    made.mkdir(0o750)
    os.chown(made, pwd.getpwnam("nobody").pw_uid, 4)
    return made


def made(log: Path) -> None:
    """As the daemon makes it; its standard error is there, too."""
    log.touch()
    os.chown(log, pwd.getpwnam("nobody").pw_uid, -1)


@pytest.mark.parametrize("kind", ["loop", "libmilter"])
def test_no_line_is_lost_or_torn(folder: Path, logs: Path, kind: str) -> None:
    """Of three workers that serve as nobody, over several rotations, with old files packed."""
    numbers = itertools.count()
    log = logs / "decisions.log"

    made(log)
    flags = ("--runtime", kind, "--workers", "3", "--log-file", str(log))
    with Daemon(folder, *FLAGS, *flags, name="logs/decisions.log") as daemon:

        def ask() -> str:
            name = f"v{next(numbers)}"
            with daemon.session() as mta:
                mta.rcpt(f"<{name}@example.com>".encode())
                mta.quit()
            return name

        with asking(ask, 4) as asked:
            for turn in range(1, 6):
                wait_for(lambda turn=turn: len(asked) > 20 * turn, "decisions")
                rotate(logs)
        assert daemon.stop() == 0
    packed = sorted(logs.glob("*.gz"))
    assert 4 == len(packed)
    texts = [(gzip.open(path) if path in packed else path.open("rb")).read().decode() for path in logs.iterdir()]
    said = "".join(texts)
    assert sorted(asked) == sorted(decisions(said))
    assert len(asked) == said.count("decision ")
    assert sum("decision " in text for text in texts) >= 5


def test_nobody_makes_another(folder: Path, logs: Path) -> None:
    """USR2 makes one that the workers may write; until then they go on in the one that was."""
    log = logs / "log"
    flags = (*FLAGS, "--log-file", str(log))
    daemon = Daemon(folder, *flags, name="logs/log")
    made(log)
    with daemon:
        log.rename(logs / "old")
        assert daemon.ask() == DENIED
        wait_for(lambda: "decision " in (logs / "old").read_text(), "the decision")
        daemon.tell(signal.SIGUSR2)
        wait_for(log.exists, "a new file")
        assert daemon.ask() == DENIED
        wait_for(lambda: "decision " in log.read_text(), "the decision")
        assert "serving on" not in log.read_text()


def test_a_file_that_cannot_be_opened(folder: Path) -> None:
    """It does not start."""
    said = "relaymilter: --log-file: /none/log: No such file or directory\n"
    assert (73, said) == output_of("-p", f"unix:{folder}/s", "--log-file", "/none/log")
    both = output_of("-p", f"unix:{folder}/s", "--log-file", "/log", "--syslog")
    assert (64, "relaymilter run: --log-file: with syslog there is no log file: give one of both\n") == both
