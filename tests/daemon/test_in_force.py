"""The fingerprint of what is in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.daemon import in_force
from relaymilter.daemon.in_force import fingerprint


def test_fingerprint(tmp_path: Path) -> None:
    """It is the same for the same flags and files, whatever their order, and another where any of it is."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("b")
    flags = {"local-domain": ("a.test",), "reply": ("defer",)}
    usual = fingerprint(flags, [one, other])
    assert len(usual) == 12
    assert fingerprint(dict(reversed(flags.items())), [other, one]) == usual
    others = [
        fingerprint({}, [one, other]),
        fingerprint(flags, [one]),
        fingerprint(flags, [one, other, tmp_path / "c"]),
    ]
    one.write_text("b")
    other.write_text("a")
    others.append(fingerprint(flags, [one, other]))
    assert len({usual, *others}) == 5


def test_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file is not read again: its size and time stand for it."""
    monkeypatch.setattr(in_force, "_SMALL", 3)
    large = tmp_path / "large"
    large.write_text("abcd")
    usual = fingerprint({}, [large])
    assert fingerprint({}, [large]) == usual
    large.write_text("abcde")
    assert fingerprint({}, [large]) != usual
