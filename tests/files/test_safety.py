"""Files that everyone may write, or replace, are refused: wherever they are named, and however they are reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.files.safety import UnsafeFile, danger
from relaymilter.tables.described import describe
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import TableError


def place(folder: Path, mode: int = 0o755, file_mode: int = 0o644) -> Path:
    """A file in a folder, with these permissions."""
    folder.mkdir()
    path = folder / "list"
    path.write_text("example.org\n")
    path.chmod(file_mode)
    folder.chmod(mode)
    return path


def linked(folder: Path) -> Path:
    """A link in a safe folder to a file in an open one."""
    folder.mkdir()
    (folder / "link").symlink_to("../open/list")
    return folder / "link"


def by_link(folder: Path) -> Path:
    """A file that is safe, by way of a link to its folder that is in an open one."""
    folder.mkdir()
    (folder / "current").symlink_to(place(folder / "safe").parent)
    folder.chmod(0o777)
    return folder / "current" / "list"


@pytest.mark.parametrize(
    ("make", "told", "mend"),
    [
        (lambda at: place(at / "x", 0o755, 0o646), "everyone may write it", "x/list"),
        (lambda at: place(at / "x", 0o1777, 0o666), "everyone may write it", "x/list"),
        (lambda at: place(at / "x", 0o777), "everyone may replace it, who may write the folder {}", "x"),
        (lambda at: place(at / "x", 0o707), "everyone may replace it, who may write the folder {}", "x"),
        (
            lambda at: [place(at / "open", 0o777), linked(at / "x")][1],
            "everyone may replace it, who may write the folder {}",
            "open",
        ),
        (lambda at: by_link(at / "x"), "everyone may replace it, who may write the folder {}", "x"),
        (
            lambda at: [place(at / "open", 0o777), place(at / "x")][0].parent / ".." / "x" / "list",
            "everyone may replace it, who may write the folder {}",
            "open",
        ),
    ],
    ids=["file", "file in a sticky folder", "folder", "no group", "target of a link", "link in the way", "dots"],
)
def test_danger(tmp_path: Path, make: Callable[[Path], Path], told: str, mend: str) -> None:
    """What everyone may do, and the command that mends it."""
    path = make(tmp_path)
    bad = tmp_path / mend
    assert danger(path) == f"{path}: {told.format(bad)}: chmod o-w {bad}"
    bad.chmod(bad.stat().st_mode & ~0o002)
    assert danger(path) is None


@pytest.mark.parametrize(
    ("mode", "file_mode"), [(0o755, 0o644), (0o1777, 0o644), (0o775, 0o664), (0o700, 0o600)], ids=oct
)
def test_safe(tmp_path: Path, mode: int, file_mode: int) -> None:
    """A folder with the sticky bit is safe, and a group may write."""
    assert danger(place(tmp_path / "x", mode, file_mode)) is None


def test_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a relative path the folder that we are in counts, too."""
    path = place(tmp_path / "x", 0o777)
    monkeypatch.chdir(path.parent)
    assert danger(Path("list")) == f"list: everyone may replace it, who may write the folder {path.parent}: " + (
        f"chmod o-w {path.parent}"
    )


def test_nothing_there(tmp_path: Path) -> None:
    """A file that is missing, a loop of links, a path with NUL: whoever reads it says so. A device is no file."""
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "none", tmp_path / "loop", Path("a\0b"), Path("/dev/null")):
        assert danger(path) is None


def test_configuration_file(tmp_path: Path) -> None:
    """The configuration file is held to it."""
    path = place(tmp_path / "x", file_mode=0o666)
    with pytest.raises(ConfigError) as refused:
        read(Flags({}, path))
    assert refused.value.problems == [f"{path}: everyone may write it: chmod o-w {path}"]
    assert refused.value.files == {path}


def test_list(tmp_path: Path) -> None:
    """A list is, with the option that names it; and it is to be watched, so that its repair is noticed."""
    path = place(tmp_path / "x", file_mode=0o666)
    with pytest.raises(ConfigError) as refused:
        read(Flags({"local-domain": (f"file:{path}",)}))
    assert refused.value.problems == [f"--local-domain: {path}: everyone may write it: chmod o-w {path}"]
    assert path in refused.value.files
    path.chmod(0o644)
    assert path in read(Flags({"local-domain": (f"file:{path}",)})).files


def test_description(tmp_path: Path) -> None:
    """The description of a table is, and the file with its password."""
    secret = place(tmp_path / "secret", file_mode=0o602)
    path = place(tmp_path / "x", file_mode=0o666)
    path.write_text(f'password-file = "{secret}"\n')
    with pytest.raises(UnsafeFile, match=f"chmod o-w {path}$"):
        describe(str(path), {})
    path.chmod(0o600)
    with pytest.raises(UnsafeFile, match=f"chmod o-w {secret}$"):
        describe(str(path), {})
    secret.chmod(0o600)
    assert describe(str(path), {}).password == "example.org"


def test_table_that_is_asked(tmp_path: Path) -> None:
    """So is the file of a table that is asked in place."""
    path = place(tmp_path / "x", file_mode=0o666)
    with pytest.raises(TableError, match=f"chmod o-w {path}$"):
        open_table(f"lmdb:{path}")
