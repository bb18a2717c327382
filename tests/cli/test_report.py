"""relaymilter report as a user has it: tables, JSON, a page, and what it says where something is missing."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relaymilter.cli.report import report
from tests.report import day, line
from tests.rig.daemon import ROOT


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "decisions.log"
    path.write_text("\n".join(day().day(2000)) + "\n")
    return path


def run(*words: str, text: str = "") -> Result:
    """The command, with this on its standard input."""
    return CliRunner().invoke(report, [*words], standalone_mode=False, input=text)


def test_terminal_has_every_section(log: Path) -> None:
    """Tables, bars and columns, without a control character where it is no terminal."""
    shown = run(f"{log}").stdout
    for title in ("Verdicts over time", "Why it was refused", "Thefts contained", "Time line of grace"):
        assert title in shown
    assert "█" in shown
    assert all(letter.isprintable() or letter == "\n" for letter in shown)


def test_json_counts(log: Path) -> None:
    """Numbers, by section."""
    found = json.loads(run(f"{log}", "--json").stdout)
    assert 2000 == sum(found["decisions"].values())
    assert "grace" == found["sections"]["thefts"]["rows"][0]["login"]


def test_page_is_written(log: Path, tmp_path: Path) -> None:
    """To a file; to standard output it is the same but for the moment it was made."""
    assert os.EX_OK == run(f"{log}", "--html", f"{tmp_path}/report.html").return_value
    written = (tmp_path / "report.html").read_text()
    assert written.startswith("<!DOCTYPE html>")
    assert written.partition("Made ")[0] == run(f"{log}", "--html", "-").stdout.partition("Made ")[0]


def test_limits_are_those_of_flags_and_file(tmp_path: Path) -> None:
    """A login near a limit of a flag or of a configuration file is listed; what is wrong there is said."""
    sent = "\n".join([line(login="bob", verdict="permit", rule="authorised-login")] * 60)
    (tmp_path / "relaymilter.toml").write_text('ledger = "memory:"\nlimit = ["100 recipients/hour"]\n')
    for words in (("--limit", "100 recipients/hour"), ("-c", f"{tmp_path}/relaymilter.toml")):
        done = CliRunner().invoke(report, ["--json", *words, _file(tmp_path, sent)], standalone_mode=False)
        (near,) = json.loads(done.stdout)["sections"]["near_limits"]["rows"]
        assert ("bob", "100 recipients/hour", 60) == (near["login"], near["limit"], near["per_cent"])
    assert "limits are not shown" in run("--limit", "many", _file(tmp_path, sent)).output


def _file(folder: Path, text: str) -> str:
    (folder / "log").write_text(text)
    return f"{folder}/log"


def started(*words: str, text: str = "", without: str = "") -> subprocess.CompletedProcess[str]:
    """The program; `without` a package."""
    code = f"import sys; sys.modules[{without!r}] = None; from relaymilter.cli import main; main()"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, timeout=60)


def test_json_needs_no_package() -> None:
    """Standard input, as `-`, without rich."""
    done = started("report", "-", "--json", text=line() + "\n", without="rich")
    assert 1 == json.loads(done.stdout)["decisions"]["reject"]


@pytest.mark.parametrize(("package", "words"), [("rich", ()), ("jinja2", ("--html", "-"))])
def test_missing_package_is_named(package: str, words: tuple[str, ...]) -> None:
    """In one line, with how it is had."""
    done = started("report", "-", *words, text=line(), without=package)
    assert os.EX_UNAVAILABLE == done.returncode
    assert done.stderr == (
        f"relaymilter: this needs {package}: apt install python3-{package}, or pip install 'relaymilter[report]'\n"
    )


def test_log_that_is_cut_off_is_named(tmp_path: Path) -> None:
    """A compressed log that ends in its midst is not taken for a whole one."""
    (tmp_path / "log.gz").write_bytes(gzip.compress(line().encode() * 1000)[:-20])
    done = started("report", f"{tmp_path}/log.gz", "--json")
    assert (os.EX_DATAERR, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"relaymilter: {tmp_path}/log.gz: ")


def test_log_that_is_not_there_is_named() -> None:
    """As of every file."""
    done = started("report", "/nonexistent/log")
    assert (os.EX_IOERR, "relaymilter: /nonexistent/log: No such file or directory\n") == (done.returncode, done.stderr)


def test_pictures_are_shown() -> None:
    """README and the manual show each picture that contrib/pictures/make makes, and none is large."""
    pages = (ROOT / "README.rst").read_text() + (ROOT / "docs" / "log.rst").read_text()
    pictures = [*(ROOT / "contrib" / "pictures").glob("*.png")]
    assert 3 == len(pictures)
    for picture in pictures:
        assert f"contrib/pictures/{picture.name}" in pages
        assert picture.stat().st_size < 200_000
