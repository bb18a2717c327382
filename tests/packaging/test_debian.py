"""The Debian package: built, installed, attached to the packaged Postfix, upgraded under load, removed and purged."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter import __version__
from tests.packaging.conftest import NEXT
from tests.packaging.machine import Machine
from tests.packaging.manager import Manager
from tests.packaging.open_relay import answers, start_postfix
from tests.rig import Namespace, open_folder, running, wait_for
from tests.rig.daemon import ROOT

LOCAL, FOREIGN = "<bob@example.org>", "<victim@example.com>"
SOCKET = "/var/spool/postfix/relaymilter/milter.sock"
ATTACH = re.findall(r"^    (\w+ = .*)", (ROOT / "README.rst").read_text().partition("is faster.")[2], re.MULTILINE)[:2]
"""The two lines for main.cf."""
FILES = {
    *("/usr/share/man/man8/relaymilter.8.gz", "/usr/share/man/man5/relaymilter.toml.5.gz"),
    *("/usr/share/doc/relaymilter/examples/company.toml", "/usr/share/doc/relaymilter/examples/tables/redis.toml"),
    *("/usr/share/doc/relaymilter/tutorial.rst", "/usr/share/doc/relaymilter/README.Debian"),
    *("/usr/share/zsh/vendor-completions/_relaymilter", "/usr/share/fish/vendor_completions.d/relaymilter.fish"),
    *("/usr/lib/tmpfiles.d/relaymilter.conf", "/usr/lib/python3/dist-packages/relaymilter/report/templates/page.html"),
}


@pytest.fixture(scope="module")
def bare(network: Namespace, built: Path) -> Iterator[Manager]:
    """A machine with an open Postfix, and nothing of ours."""
    with open_folder() as folder, running(Machine(network, folder, built=built)) as machine:
        start_postfix(machine)
        with running(Manager(machine)) as manager:
            yield manager


@pytest.fixture(scope="module")
def installed(bare: Manager, deb: str) -> Manager:
    """The package is installed there, has its domain named, and Postfix attached by README's two lines."""
    machine = bare.machine
    assert [answer[:3] for answer in answers(machine, LOCAL, FOREIGN)] == ["250", "250"]
    machine.install(deb, "python3-uvloop")
    assert bare.active("relaymilter.service"), bare.refused
    machine.run("postconf", "-e", *ATTACH)
    machine.run("postfix", "reload")
    wait_for(lambda: answers(machine, LOCAL)[0].startswith("554"), "it is asked, and knows no domain yet")
    with machine.path("/etc/relaymilter/relaymilter.toml").open("a") as configuration:
        configuration.write('local-domain = ["example.org"]\n')
    machine.run("relaymilter", "reload")
    return bare


def test_version() -> None:
    """The package has the version of the program."""
    changelog = (ROOT / "contrib" / "debian" / "changelog").read_text()
    assert changelog.startswith(f"relaymilter ({__version__}) ")


def test_lintian(builder: Machine, deb: str) -> None:
    """lintian has no error and no warning."""
    said = builder.run(
        "lintian", "--allow-root", "--fail-on", "none", "--suppress-tags", "initial-upload-closes-no-bugs", deb
    )
    assert [line for line in said.splitlines() if line.startswith(("E:", "W:"))] == []


def test_closes_the_relay(installed: Manager) -> None:
    """With README's two lines a stranger's mail to a third party is refused, mail to a local mailbox is taken."""
    local, foreign = answers(installed.machine, LOCAL, FOREIGN)
    assert local.startswith("250 ")
    assert foreign == f"554 5.7.1 {FOREIGN}: Relay access denied"


def test_status(installed: Manager) -> None:
    """root asks the daemon without a flag."""
    said = installed.machine.run("relaymilter", "status")
    assert said.startswith("RELAYMILTER OK\n")


def test_user(installed: Manager) -> None:
    """It runs as a user of its own, who can log in nowhere."""
    machine = installed.machine
    assert machine.run("getent", "passwd", "relaymilter").rstrip().endswith(":/nonexistent:/usr/sbin/nologin")
    assert machine.run("stat", "-c", "%U:%G", f"/proc/{installed.main}").strip() == "relaymilter:relaymilter"


def test_files(installed: Manager) -> None:
    """Man pages, sample configurations and the manual are where Debian has them."""
    machine = installed.machine
    listed = machine.run("dpkg", "-L", "relaymilter").split()
    assert FILES - {*listed} == set()
    conffiles = machine.run("dpkg-query", "-W", "-f", "${Conffiles}", "relaymilter").split()
    assert {*conffiles[::2]} == {"/etc/relaymilter/relaymilter.toml", "/etc/logrotate.d/relaymilter"}


@pytest.mark.parametrize(("typed", "offered"), [("sta", "status"), ("run --lockdown-f", "--lockdown-file")])
def test_completion(installed: Manager, typed: str, offered: str) -> None:
    """bash completes commands and flags."""
    words = ["relaymilter", *typed.split()]
    said = installed.machine.shell(
        f"source /usr/share/bash-completion/completions/relaymilter; COMP_WORDS=({' '.join(words)}); "
        f"COMP_CWORD={len(words) - 1}; _relaymilter_completion relaymilter; echo \"${{COMPREPLY[@]}}\""
    )
    assert said.split() == [offered]


class Load:
    """Strangers who write to a local mailbox and to a third party, session after session, until the block ends."""

    def __init__(self, machine: Machine, clients: int = 4) -> None:
        self.machine = machine
        self.heard: Counter[str] = Counter()
        self._ended = threading.Event()
        self._clients = [threading.Thread(target=self._write, args=(f"203.0.113.{n + 20}",)) for n in range(clients)]

    def _write(self, source: str) -> None:
        while not self._ended.is_set():
            try:
                self.heard.update(answers(self.machine, LOCAL, FOREIGN, source=source))
            except (OSError, EOFError) as error:
                self.heard[repr(error)] += 1

    def __enter__(self) -> Load:
        for client in self._clients:
            client.start()
        wait_for(lambda: self.heard.total() > 20, "there is load")
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for client in self._clients:
            client.join(60)


def test_upgrade_under_load(installed: Manager, next_deb: str) -> None:
    """While the package is upgraded nobody is refused or deferred who was not before, and a new daemon serves."""
    before = installed.main
    with Load(installed.machine) as load:
        installed.machine.install(next_deb)
        during = load.heard.total()
        wait_for(lambda: load.heard.total() > during + 20, "the load goes on")
    assert {*load.heard} == {"250 2.1.5 Ok", f"554 5.7.1 {FOREIGN}: Relay access denied"}
    assert installed.main != before
    assert installed.machine.run("dpkg-query", "-W", "-f", "${Version}", "relaymilter") == NEXT
    assert installed.refused == []


def test_remove_and_purge(network: Namespace, built: Path, deb: str) -> None:
    """Removed, it serves no more and keeps what the administrator wrote; purged, nothing of it is there."""
    with (
        open_folder() as folder,
        running(Machine(network, folder, built=built)) as machine,
        running(Manager(machine)) as manager,
    ):
        machine.install(deb, "python3-uvloop")
        machine.path("/var/lib/relaymilter/ledger.db").write_text("")
        with machine.path("/etc/relaymilter/relaymilter.toml").open("a") as configuration:
            configuration.write('local-domain = ["example.org"]\n')
        machine.run("apt-get", "-q", "-y", "remove", "relaymilter")
        assert not manager.active("relaymilter.service")
        assert not manager.active("relaymilter.socket")
        assert not machine.path(SOCKET).exists()
        assert "example.org" in machine.path("/etc/relaymilter/relaymilter.toml").read_text()
        machine.run("apt-get", "-q", "-y", "purge", "relaymilter")
        # The backups of passwd(5) and its like are one step behind.
        left = machine.shell(
            "find / -xdev -name '*relaymilter*'; grep -rl relaymilter /etc /var/lib --exclude='*-' || true"
        )
        assert left.split() == []
        assert manager.refused == []
