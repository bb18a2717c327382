"""Each test has a folder of its own as the current one, with `one` and `two`, each the configuration of a Postfix.

There is a key of a ledger and the description of a server for each, too. The machine has no gateway, whatever it has.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.policy.conftest  # noqa: F401  its profile of hypothesis is for this folder too
from tests.rig.postmap import configured, scripts


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relaymilter.config.shared_address.gateways", list)
    monkeypatch.setenv("PATH", scripts(tmp_path / "postfix-commands"))
    for name in ("one", "two"):
        configured(tmp_path / name, f"mydestination = {name}\n")
        (tmp_path / f"{name}.key").write_text(f"{name:-<32}\n")
        (tmp_path / f"{name}.key").chmod(0o600)
        (tmp_path / f"{name}.toml").write_text('url = "redis://127.0.0.1"\n')
