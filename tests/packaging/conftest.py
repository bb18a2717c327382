"""The packages, built once for each release, and the network of the machines that they are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.machine import Machine
from tests.rig import Namespace, Release, open_folder, running
from tests.rig.daemon import ROOT

NEXT = "0.1.1"
"""The version of the package that one upgrades to: the same, but for its number."""


@pytest.fixture(scope="session")
def network(release: Release) -> Iterator[Namespace]:
    """The network of the machines."""
    with Namespace(release) as found:
        yield found


@pytest.fixture(scope="session")
def built(release: Release) -> Iterator[Path]:
    """The folder where packages are put; a machine has it as /built."""
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def builder(network: Namespace, built: Path) -> Iterator[Machine]:
    """A machine that builds; it has this checkout as /checkout."""
    with open_folder() as folder, running(Machine(network, folder, "builder", built=built, checkout=ROOT)) as machine:
        yield machine


@pytest.fixture(scope="session")
def deb(builder: Machine, built: Path) -> str:
    """The Debian package, by its path on a machine."""
    builder.run("/checkout/contrib/build-deb", "/built")
    (found,) = built.glob("relaymilter_*_all.deb")
    return f"/built/{found.name}"


@pytest.fixture(scope="session")
def next_deb(builder: Machine, deb: str) -> str:
    """The package that it is upgraded to."""
    path = f"/built/next/relaymilter_{NEXT}_all.deb"
    builder.shell(
        f"mkdir /built/next /tmp/next; cd /tmp/next; dpkg-deb -R {deb} .; "
        f"sed -i 's/^Version: .*/Version: {NEXT}/' DEBIAN/control; dpkg-deb -b . {path}"
    )
    return path
