"""A newcomer with README.rst alone: from a Debian with an open Postfix, and not even Python, to a closed one.

Every line that he types is read from README.rst as it stands. Of the two commands at its top contrib/start is run here,
with the archives of what it installs already on the machine; the other, contrib/test, is what runs this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.packaging.machine import Machine
from tests.packaging.open_relay import answers, start_postfix
from tests.rig import STRANGER, Namespace, open_folder, running, wait_for
from tests.rig.daemon import ROOT

TOP, *PARTS = re.split(r"^(.+)\n-{5,}\n", (ROOT / "README.rst").read_text(), flags=re.MULTILINE)
SECTIONS = dict(zip(PARTS[::2], PARTS[1::2], strict=True))
FOREIGN = "<victim@example.com>"
CHECKOUT = "/root/relaymilter"
INSTALLED = ["python3", "python3-milter", "python3-dnspython", "python3-click", "python3-uvloop"]


def said(pattern: str, text: str) -> list[str]:
    """What README says at the only place that is like this: the groups of the pattern."""
    (found,) = re.finditer(pattern, text)
    return [*found.groups()]


def block(text: str) -> list[str]:
    """The lines of the first block of a text."""
    found = re.search(r"::\n\n((?: {4}.+\n)+)", text)
    assert found
    return [line[4:] for line in found[1].splitlines()]


START, TEST = block(TOP)
(TRY,) = block(SECTIONS["Try it"])
LOCAL = [f"<bob@{domain}>" for domain in re.findall(r"--local-domain (\S+)", TRY)]
"""A mailbox in each domain that it names."""
(LEFT_OUT,) = said(r"leave ``(\S+)`` out", SECTIONS["Try it"])
FILE, RELOAD = said(r"In ``(\S+)``, then ``([^`]+)``", SECTIONS["Attach to Postfix"])
ATTACH = block(SECTIONS["Attach to Postfix"])
OPEN = [["250"] * 3] * 2
CLOSED = [["250", "250", "554"], ["250"] * 3]


class Newcomer:
    """Types commands on a machine, in a terminal for the milter and in another."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def heard(self) -> list[list[str]]:
        """The codes that a stranger, and then a local client, get for the local mailboxes and for FOREIGN."""
        heard = [answers(self.machine, *LOCAL, FOREIGN, source=source) for source in (STRANGER, "127.0.0.1")]
        return [[answer[:3] for answer in client] for client in heard]

    @contextmanager
    def milter(self, command: str) -> Iterator[Callable[[], str]]:
        """Type this in the checkout, have it serve until the block ends, and read what it prints."""
        output = self.machine.path("/root/terminal")
        with output.open("w") as file:
            process = self.machine.popen("bash", "-c", f"cd {CHECKOUT}; exec {command}", stdout=file, stderr=file)
        try:
            wait_for(lambda: process.poll() is not None or self._serves(), f"{command} serves", 300)
            assert process.poll() is None, output.read_text()
            yield output.read_text
        finally:
            status = self.machine.end(process) if process.poll() is None else process.returncode
        assert status == 0, output.read_text()

    def _serves(self) -> bool:
        return self.machine.network.listens("127.0.0.1", 8894)

    def attach(self) -> None:
        """Put README's lines into README's file, and type what README says is next."""
        with self.machine.path(FILE).open("a") as configuration:
            configuration.write("".join(f"{line}\n" for line in ATTACH))
        self.machine.shell(RELOAD)


@pytest.fixture
def newcomer(network: Namespace) -> Iterator[Newcomer]:
    """He has a checkout and an open Postfix, and no Python."""
    with open_folder() as folder, running(Machine(network, folder, checkout=ROOT)) as machine:
        machine.shell(
            f"mkdir -m 0700 {CHECKOUT}; cd /checkout; tar -c relaymilter contrib | tar -C {CHECKOUT} -x --no-same-owner"
        )
        assert machine.status("which", "python3") != 0
        start_postfix(machine)
        yield Newcomer(machine)


def test_closes_postfix(newcomer: Newcomer) -> None:
    """What README says to type installs, serves, shows what it would refuse, and then closes the relay, and only that.

    Before, and in the dry run, anybody may write to anywhere; after it a stranger to the domains that are named alone,
    and a local client to anywhere still.
    """
    assert TEST.split()[0] == "contrib/test"
    assert newcomer.heard() == OPEN
    with newcomer.milter(START) as shown:
        installed = re.findall(r"^contrib/start: installing (.+)$", shown(), re.MULTILINE)
        assert " ".join(installed).split() == INSTALLED
        assert [line.strip() for line in shown().splitlines() if line.strip() in ATTACH] == ATTACH
    with newcomer.milter(TRY) as shown:
        assert "installing" not in shown()
        newcomer.attach()
        wait_for(lambda: newcomer.heard() == OPEN and " dry_run" in shown(), "it is asked, and only looks")
    with newcomer.milter(TRY.replace(f" {LEFT_OUT}", "")):
        wait_for(lambda: newcomer.heard() == CLOSED, "the relay is closed, and only the relay")
        assert answers(newcomer.machine, FOREIGN) == [f"554 5.7.1 {FOREIGN}: Relay access denied"]
