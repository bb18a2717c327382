"""The manual: Sphinx builds it without a warning, README is short, and every command in either is one that is taken."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from relaymilter.cli import relaymilter

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.rst", *sorted((ROOT / "docs").glob("*.rst")), *sorted((ROOT / "docs" / "howto").glob("*.rst"))]
OURS = re.compile(
    r"^ {4,}(?:\$ )?(?:sudo )?(?:python3 -m relaymilter|relaymilter|contrib/start) ((?:[^\n]*\\\n)*[^\n]*)",
    re.MULTILINE,
)
BY_ITSELF = ("explain", "selftest")
"""Commands that need no daemon, no network and no file of the machine's."""
ELSEWHERE = re.compile(r" -c \S+| --ledger \S+|/etc/|/var/|import |fd:")
"""What a command names that only the reader's machine has."""


def commands(page: Path) -> list[list[str]]:
    """Every call of relaymilter on a page, as words, without comments; contrib/start takes the flags of `run`."""
    found = []
    for match in OURS.finditer(page.read_text()):
        words = shlex.split(match[1].replace("\\\n", " "), comments=True)
        found.append(["run", *words] if "contrib/start" in match[0] else words)
    return found


COMMANDS = [(page.name, command) for page in PAGES for command in commands(page)]
each_command = pytest.mark.parametrize(
    "command", [command for _, command in COMMANDS], ids=[f"{page}:{' '.join(words)[:50]}" for page, words in COMMANDS]
)


def test_commands_are_there() -> None:
    """Commands of every sort are on the pages, so that the tests below look at something."""
    assert {words[0] for _, words in COMMANDS} >= {"run", "explain", "selftest", "probe", "doctor", "status", "logins"}


@each_command
def test_command_is_taken(command: list[str]) -> None:
    """The program has the command and its flags, and takes the values that need no file of the reader's machine."""
    if command[-1] == "...":
        command = command[:-1]
    context: click.Context | None = None
    words, group = command, relaymilter
    while isinstance(group, click.Group):
        name, group, words = group.resolve_command(click.Context(group, parent=context), words)
        assert group is not None
        context = click.Context(group, info_name=name, parent=context)
    assert group.make_context(command[0], [*words], parent=context).args == []


RUN = [words for _, words in COMMANDS if words[0] in (*BY_ITSELF, "run") and not ELSEWHERE.search(shlex.join(words))]


@pytest.mark.parametrize("command", RUN, ids=lambda words: " ".join(words)[:60])
def test_command_runs(command: list[str]) -> None:
    """A policy in the manual is one that is sound, and what needs only a policy runs."""
    if "--milter" in command:
        return
    words = [*command, "--check"] if command[0] == "run" else command
    done = subprocess.run(
        [sys.executable, "-m", "relaymilter", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in ((0, 75, 77) if command[0] == "explain" else (0,)), done.stderr


def test_sphinx_builds_it(tmp_path: Path) -> None:
    """Without a warning, and every page is reached from the first."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-d",
            tmp_path / "trees",
            "docs",
            tmp_path / "html",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--local-network" in (tmp_path / "html" / "reference" / "options.html").read_text()


def test_readme_is_short() -> None:
    """At most 200 lines."""
    assert len((ROOT / "README.rst").read_text().splitlines()) <= 200


def test_pages_that_readme_names_are_there() -> None:
    """What README.rst refers to exists."""
    named = re.findall(r"``((?:docs|contrib|man)/[\w./-]+)``", (ROOT / "README.rst").read_text())
    assert named != []
    assert [name for name in named if not (ROOT / name).exists()] == []
