"""Secrets in files: made once, whole, and for nobody else to read."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from relaymilter.files.safety import UnsafeFile
from relaymilter.files.secret import NoSecret, make_secret, read_secret


def test_many_who_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    """Whoever comes second takes the first one's; nothing is left beside it."""
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(make_secret, [tmp_path / "key"] * 64))
    assert 1 == len(found)
    assert ["key"] == os.listdir(tmp_path)


def test_root_makes_it_for_the_owner_of_the_folder(tmp_path: Path) -> None:
    """Who will serve, and read it at the next start."""
    os.chown(tmp_path, 65534, 65534)
    make_secret(tmp_path / "key")
    assert (65534, 0o600) == ((tmp_path / "key").stat().st_uid, (tmp_path / "key").stat().st_mode & 0o777)


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"x" * 15 + b"\n", "has 15 octets: a key has 16 to 64"),
        (b"x" * 65, "has 65 octets: a key has 16 to 64"),
        (b"", "has 0 octets"),
    ],
)
def test_too_short_or_too_long(octets: bytes, message: str, tmp_path: Path) -> None:
    """The end of a line does not count."""
    path = tmp_path / "key"
    path.write_bytes(octets)
    path.chmod(0o600)
    with pytest.raises(NoSecret, match=message):
        make_secret(path)
    path.write_bytes(b"x" * 64 + b"\r\n")
    assert b"x" * 64 == read_secret(path)


def test_what_everyone_may_read_is_no_secret(tmp_path: Path) -> None:
    """Nor what everyone may write."""
    path = tmp_path / "key"
    make_secret(path)
    path.chmod(0o644)
    with pytest.raises(NoSecret, match="everyone may read it: chmod o-r"):
        read_secret(path)
    path.chmod(0o602)
    with pytest.raises(UnsafeFile):
        read_secret(path)


def test_where_none_can_be_made(tmp_path: Path) -> None:
    """It says so."""
    with pytest.raises(NoSecret, match="there is none, and it cannot be made: No such file or directory"):
        make_secret(tmp_path / "none" / "key")
    with pytest.raises(NoSecret, match="Is a directory"):
        make_secret(tmp_path)
