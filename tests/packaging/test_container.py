"""contrib/container/Containerfile, its steps taken by hand in a small Debian, as no builder of images is at hand."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.packaging.machine import Machine
from tests.rig import Namespace, open_folder, running, wait_for
from tests.rig.daemon import ROOT

FILE = (ROOT / "contrib" / "container" / "Containerfile").read_text()
STEPS = re.findall(r"^([A-Z]+) ((?:[^\n]*\\\n)*[^\n]*)", FILE, re.MULTILINE)
KNOWN = {"FROM", "RUN", "COPY", "ENV", "VOLUME", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def said(name: str) -> str:
    """What the last step of this name says."""
    return [text for step, text in STEPS if step == name][-1]


def as_user(machine: Machine, *command: str) -> list[str]:
    """The argument vector of a command in the container: as its user, without a capability, with its environment."""
    user, group = said("USER").split(":")
    alone = (f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--bounding-set=-all")
    return ["env", said("ENV"), "setpriv", *alone, "--inh-caps=-all", *command]


@pytest.fixture(scope="module")
def container(network: Namespace) -> Iterator[Machine]:
    """What the steps make, with a root that nobody can write to, and only the volume writable."""
    with open_folder() as folder, running(Machine(network, folder, checkout=ROOT)) as machine:
        for step, text in STEPS:
            if step == "RUN":
                # The archive cannot be reached from here: what its lists say, and its packages, are there.
                machine.shell(text.replace("\\\n", "").replace("apt-get update", "true"))
            elif step == "COPY":
                source, target = text.split()
                machine.shell(f"mkdir -p $(dirname {target}); cp -rT /checkout/{source} {target}")
        volume = said("VOLUME")
        machine.shell(f"mount --bind {volume} {volume}; mount -o remount,bind,ro /")
        yield machine


@pytest.fixture(scope="module")
def serving(container: Machine) -> Iterator[subprocess.Popen[str]]:
    """The container at work."""
    command = [*json.loads(said("ENTRYPOINT")), *json.loads(said("CMD"))]
    process = container.popen(*as_user(container, *command))
    try:
        wait_for(lambda: container.network.listens(container.address, 8894) or process.poll(), "it listens")
        yield process
    finally:
        container.end(process)


def test_steps_are_known() -> None:
    """Nothing stands in the file that is not tried here."""
    assert {step for step, _ in STEPS} == KNOWN


def test_root_is_read_only(container: Machine) -> None:
    """Not even root could write there."""
    with pytest.raises(subprocess.CalledProcessError, match="touch"):
        container.run("touch", "/etc/written")


def test_serves(container: Machine, serving: subprocess.Popen[str]) -> None:
    """Nothing hostile gets through it, by TCP, and what it checks its health by says that it is well."""
    health = json.loads(said("HEALTHCHECK").partition("CMD ")[2])
    wait_for(lambda: container.status(*as_user(container, *health)) == 0, "it is healthy")
    container.run("relaymilter", "selftest", "--milter", "inet:8894@127.0.0.1", "--domain", "example.org")
