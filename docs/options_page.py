"""Writes reference/options.rst from the table of options that `--help` and the configuration file come from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

from relaymilter.config.option import AnyOption, Kind
from relaymilter.config.options import GROUPS

PAGE = Path(__file__).resolve().parent / "reference" / "options.rst"
HEAD = """\
Options
=======

Each is a flag of ``relaymilter run``, and a key of the configuration file that ``-c`` names; those that decide are
flags of ``relaymilter explain``, ``selftest`` and the like, too. A list may be given several times as a flag.
``relaymilter(8)`` and ``relaymilter.toml(5)`` say more of each.
"""


def page() -> str:
    """The whole page, in the order of the sample configuration."""
    return "\n".join([HEAD, *(line for group in GROUPS for line in section(group.heading, group.options))])


def section(heading: str, options: tuple[AnyOption, ...]) -> Iterator[str]:
    """A group of options under its heading."""
    yield from (heading, "-" * len(heading), "")
    for option in options:
        yield from entry(option)


def entry(option: AnyOption) -> Iterator[str]:
    """One option: its flag, its key, what it does, and its default."""
    flags = ", ".join([*option.short, f"--{option.key}"])
    value = "" if option.kind is Kind.SWITCH else f" {option.metavar}"
    yield f"``{flags}{value}``"
    yield f"    {literal(option.help)}"
    if option.default_words:
        yield f"    Default: ``{option.default_words}``."
    yield f"    In the file: ``{option.key}`` ({option.kind.value})."
    yield ""


def literal(text: str) -> str:
    """The help, which is plain text: nothing in it is markup."""
    return re.sub(r"([\\*`|_<>])", r"\\\1", text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's hook: write the page before the sources are read, where it differs."""
    text = page()
    if not PAGE.exists() or PAGE.read_text() != text:
        PAGE.parent.mkdir(exist_ok=True)
        written = PAGE.with_suffix(f".{os.getpid()}")
        written.write_text(text)
        written.replace(PAGE)
    return {"parallel_read_safe": True}
