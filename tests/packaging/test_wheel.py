"""The wheel and the source distribution, as pip installs them into an environment with nothing else in it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from relaymilter import __version__
from tests.packaging.machine import Machine

PARTS = "relaymilter contrib docs man setup.cfg pyproject.toml MANIFEST.in LICENSE *.rst"


@pytest.fixture(scope="module")
def distributions(builder: Machine, built: Path) -> dict[str, Path]:
    """Both, by their kind."""
    builder.shell(f"mkdir /tmp/source; cd /checkout; tar -c {PARTS} | tar -C /tmp/source -x --no-same-owner")
    builder.shell("cd /tmp/source; python3 -m build --no-isolation --outdir /built/dist .")
    (wheel,) = built.glob("dist/*.whl")
    (source,) = built.glob("dist/*.tar.gz")
    return {"wheel": wheel, "source": source}


@pytest.fixture(scope="module")
def pip(builder: Machine) -> str:
    """The pip of the machine's Python, for any environment."""
    builder.run("python3", "-m", "venv", "/tmp/pip")
    return "/tmp/pip/bin/pip -q --python"


@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_installs(builder: Machine, distributions: dict[str, Path], pip: str, kind: str) -> None:
    """The program runs, with nothing hostile getting through it, its man pages are there, and pip misses nothing."""
    environment = f"/tmp/{kind}"
    builder.shell(
        f"python3 -m venv --without-pip {environment}; cd /tmp; "
        f"{pip} {environment} install --no-index --find-links /wheels /built/dist/{distributions[kind].name}; "
        f"{pip} {environment} check"
    )
    assert __version__ in builder.run(f"{environment}/bin/relaymilter", "--version")
    builder.run(f"{environment}/bin/relaymilter", "selftest", "--local-domain", "example.org")
    for page in ("man8/relaymilter.8", "man5/relaymilter.toml.5"):
        assert builder.path(f"{environment}/share/man/{page}").exists()
    builder.shell(f"cd {environment}/lib/python3.*/site-packages/relaymilter; ls py.typed report/templates/page.html")


def test_source_is_whole(distributions: dict[str, Path]) -> None:
    """The source distribution has what its users need beside the program."""
    with tarfile.open(distributions["source"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "CHANGES.rst",
        "contrib/start",
        "contrib/relaymilter.service",
        "man/relaymilter.8",
        "docs/index.rst",
    } <= names
    assert not any("__pycache__" in name for name in names)
