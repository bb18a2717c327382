"""Log files of every form: what is in them is the same."""

from __future__ import annotations

import gzip
import io
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from relaymilter.maillog.files import NotALog, look, pieces
from relaymilter.maillog.reading import ordered

LINES = b"".join(
    b"2026-11-24T18:23:%02d.000000Z mx postfix/qmgr[7]: %X: removed\n" % (number % 60, number) for number in range(3000)
)


def exported(lines: bytes) -> bytes:
    """As journalctl -o export has them, one message in three as octets."""
    entries = list[bytes]()
    for number, line in enumerate(lines.splitlines()):
        said = line.partition(b"]: ")[2]
        written = 1_795_544_580_000_000 + number % 60 * 1_000_000
        message = b"MESSAGE=%b\n" % said if number % 3 else b"MESSAGE\n%b%b\n" % (struct.pack("<Q", len(said)), said)
        entries.append(
            b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=%d\n_HOSTNAME=mx\nSYSLOG_IDENTIFIER=postfix/qmgr\n_PID=7\n%b"
            % (written, message)
        )
    return b"\n".join(entries)


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "two of gzip": lambda lines: gzip.compress(lines[:73]) + gzip.compress(lines[73:]),
    "zstd": zstandard.ZstdCompressor().compress,
    "two of zstd": lambda lines: b"".join(map(zstandard.ZstdCompressor().compress, (lines[:73], lines[73:]))),
    "journal": exported,
    "journal in gzip": lambda lines: gzip.compress(exported(lines)),
}


def contents(path: str, size: int) -> bytes:
    """All lines, which pieces must not cut."""
    read = [piece.read() for piece in pieces([look(path)], lambda octets: None, size)]
    assert all(lines.endswith(b"\n") for lines in read)
    return b"".join(read)


@pytest.mark.parametrize("size", [200, 10_000, 1 << 20])
@pytest.mark.parametrize("form", FORMS)
def test_every_form(tmp_path: Path, form: str, size: int) -> None:
    """Whole lines come out of each, in pieces of any size."""
    (tmp_path / "log").write_bytes(FORMS[form](LINES))
    assert contents(str(tmp_path / "log"), size) == LINES


@pytest.mark.parametrize("form", FORMS)
def test_a_pipe(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Standard input, of which the beginning is looked at, is read from its beginning."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(FORMS[form](LINES)))))  # type: ignore[type-var]
    assert contents("-", 10_000) == LINES


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_damaged(tmp_path: Path, form: str) -> None:
    """A packed file that ends too soon, or is no such, is named."""
    packed = FORMS[form](LINES)
    (tmp_path / "log").write_bytes(packed[: len(packed) // 2] + b"x" * 100)
    with pytest.raises(NotALog, match=rf"{tmp_path}/log: "):
        contents(str(tmp_path / "log"), 10_000)


def test_no_log(tmp_path: Path) -> None:
    """What has no time stamp is none; what is empty may be one."""
    (tmp_path / "letter").write_text("Dear reader,\n")
    (tmp_path / "empty").touch()
    with pytest.raises(NotALog, match="no line of a mail log"):
        look(str(tmp_path / "letter"))
    assert contents(str(tmp_path / "empty"), 100) == b""


def test_order(tmp_path: Path) -> None:
    """Files are read in the order of their first lines, and, where those are of one second, of their last changes."""
    for age, (name, stamp) in enumerate(
        {"mail.log.1": b"Nov 24 18:00:00", "mail.log": b"Nov 24 18:00:00", "older": b"2026-11-23T01:00:00Z"}.items()
    ):
        (tmp_path / name).write_bytes(stamp + b" mx x[1]: y\n")
        os.utime(tmp_path / name, (1_795_600_000 + age, 1_795_600_000 + age))
    files = [look(str(tmp_path / name)) for name in ("mail.log", "older", "mail.log.1")]
    assert ["older", "mail.log.1", "mail.log"] == [Path(file.path).name for file in ordered(files)]


def test_years(tmp_path: Path) -> None:
    """The year goes on from piece to piece, and one that is given is that of the first line."""
    lines = [b"%b 12:00:00 mx x[1]: y\n" % day for day in (b"Dec 30", b"Dec 31", b"Jan  1", b"Feb  1")]
    (tmp_path / "log").write_bytes(b"".join(lines))
    os.utime(tmp_path / "log", (1_772_000_000, 1_772_000_000))  # February 2026
    file = look(str(tmp_path / "log"))
    assert [2025, 2025, 2026, 2026] == [piece.year for piece in pieces([file], lambda octets: None, 1)]
    assert 2019 == look(str(tmp_path / "log"), 2019).year


def test_progress(tmp_path: Path) -> None:
    """Octets on disk are counted, all of them."""
    (tmp_path / "log").write_bytes(gzip.compress(LINES))
    read = list[int]()
    file = look(str(tmp_path / "log"))
    assert list(pieces([file], read.append, 10_000))
    assert file.size == sum(read)
