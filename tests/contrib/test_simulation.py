"""The simulator of stolen logins: the same each time, and what it says of us is what the policy does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

SIMULATE = Path(__file__).parent.parent.parent / "contrib" / "bench" / "simulate"


def simulate(folder: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """The figures of a very small one, and the picture."""
    figures, picture = folder / "figures.json", folder / "picture.svg"
    command = [sys.executable, SIMULATE, "--logins", "6", "--thefts", "2", "--json", figures, "--picture", picture]
    subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=300)
    found: dict[str, Any] = json.loads(figures.read_text())
    return found, picture.read_text()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """Of one seed."""
    return simulate(tmp_path_factory.mktemp("simulated"), "--seeds", "1", "--judges", "relaymilter,postfwd")


def test_a_seed_says_all(simulated: tuple[dict[str, Any], str], tmp_path: Path) -> None:
    """Another run with it gives the same figures."""
    again, _ = simulate(tmp_path, "--seeds", "1", "--judges", "postfwd")
    assert simulated[0]["postfwd"] == again["postfwd"]


def test_a_stolen_login_is_contained(simulated: tuple[dict[str, Any], str]) -> None:
    """Where a quota lets out what it allows each day until the theft ends."""
    ours, quota = (simulated[0][name]["thefts"]["low and slow"] for name in ("relaymilter", "postfwd"))
    assert ours["worst"] <= 40
    assert (2, 0) == (ours["stopped"], quota["stopped"])
    assert 900 < quota["worst"] <= 1000  # less what the owner sends himself


def test_the_picture_has_every_judge(simulated: tuple[dict[str, Any], str]) -> None:
    """By its name."""
    words = [element.text for element in ElementTree.fromstring(simulated[1]).iter() if element.text]
    assert {"relaymilter", "postfwd"} <= set(words)
