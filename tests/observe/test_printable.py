"""What a client typed, made harmless, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaymilter.observe.printable import LIMIT, printable, quoted, shortened, typed


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"<a@example.org>", "<a@example.org>"),
        (b'<"a b"@example.org>', '<"a b"@example.org>'),
        (b"a\r\nb", "a\\x0d\\x0ab"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"\0\t\x7f", "\\x00\\x09\\x7f"),
        (b"caf\xe9", "caf\\xe9"),
        ("é".encode(), "\\xc3\\xa9"),
        (b"a\\b", "a\\\\b"),
        (b"\\x41", "\\\\x41"),
        (b"\xc2\x85\xe2\x80\xa8", "\\xc2\\x85\\xe2\\x80\\xa8"),
    ],
    ids=[
        "empty",
        "path",
        "quotes",
        "CR LF",
        "escape",
        "controls",
        "8 bit",
        "UTF-8",
        "backslash",
        "looks escaped",
        "NEL",
    ],
)
def test_printable(raw: bytes, text: str) -> None:
    """Every byte that is not printable ASCII is written as \\xNN, a backslash twice."""
    assert text == printable(raw)


@given(st.binary(max_size=LIMIT // 4))
def test_round_trip(raw: bytes) -> None:
    """What was logged reads back as what was typed."""
    assert raw == typed(printable(raw))


@given(st.binary(max_size=2 * LIMIT))
def test_one_safe_line(raw: bytes) -> None:
    """Whatever the bytes, it is one line of printable ASCII, of a bounded length."""
    text = printable(raw)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= LIMIT


@pytest.mark.parametrize(("raw", "text"), [(b"a" * LIMIT, "a" * LIMIT), (b"a" * 401, "a" * 397 + "...")])
def test_limit(raw: bytes, text: str) -> None:
    """What is too long is cut, and says so."""
    assert text == printable(raw)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("abcd", "abcd"),
        ("abcde", "abcd"),
        ("abc\\\\", "abc"),
        ("ab\\\\c", "ab\\\\"),
        ("ab\\xff", "ab"),
        ("\\xffa", "\\xff"),
        ("\\\\\\\\x", "\\\\\\\\"),
    ],
    ids=["short", "plain", "half a backslash", "whole backslash", "half a byte", "whole byte", "two backslashes"],
)
def test_shortened(text: str, kept: str) -> None:
    """No half of an escape is left at the end: a lone backslash would take the quote after it along."""
    assert kept == shortened(text, 4)


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("<b%c@example.org>", b"<b%c@example.org>"),
        ("\\xC3\\xa9", b"\xc3\xa9"),
        ("é", b"\xc3\xa9"),
        ("\udce9", b"\xe9"),
        ("a\\", b"a\\"),
        ("\\x4", b"\\x4"),
        ("\\xzz", b"\\xzz"),
        ('<"a\\"b"@x>', b'<"a\\"b"@x>'),
        ("\\\\x41", b"\\x41"),
    ],
    ids=["plain", "either case", "UTF-8", "a byte that is none", "end", "half", "no digits", "quoted pair", "escaped"],
)
def test_typed(text: str, raw: bytes) -> None:
    """Text that was typed and not logged stays as it is, if it has no escapes in it."""
    assert raw == typed(text)


@given(st.text())
def test_typed_never_raises(text: str) -> None:
    """Any text that a command line can hold is some bytes."""
    assert isinstance(typed(text), bytes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", "a"),
        ("a=b", "a=b"),
        ("", '""'),
        ("-", '"-"'),
        ("--", "--"),
        ("a b", '"a b"'),
        ('a"b', '"a\\"b"'),
        ('"', '"\\""'),
        ("a\\\\b", "a\\\\b"),
    ],
)
def test_quoted(text: str, value: str) -> None:
    """A value is in quotes where it would not end at the next blank, or reads as none."""
    assert value == quoted(text)
