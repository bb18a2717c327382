"""What an administrator writes, and how it is read: flags as keywords, the configuration file as text.

`local_domain="x"` is `--local-domain x`; a tuple is a flag given several times; `toml` is the text of relaymilter.toml
in the current folder, so that a message says `relaymilter.toml:1: ...`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.config.model import Settings
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading, read

FILE = Path("relaymilter.toml")


def flags(toml: str | bytes | None = None, /, **given: str | tuple[str, ...]) -> Flags:
    """The command line, and the file written."""
    if toml is not None:
        FILE.write_bytes(toml.encode() if isinstance(toml, str) else toml)
    texts = {key.replace("_", "-"): (value,) if isinstance(value, str) else value for key, value in given.items()}
    return Flags(texts, None if toml is None else FILE)


def reading(toml: str | bytes | None = None, /, **given: str | tuple[str, ...]) -> Reading:
    """What is read of it."""
    return read(flags(toml, **given))


def settings(toml: str | bytes | None = None, /, **given: str | tuple[str, ...]) -> Settings:
    """The settings that it makes."""
    return reading(toml, **given).settings


def problems(toml: str | bytes | None = None, /, **given: str | tuple[str, ...]) -> list[str]:
    """What is wrong with it, sorted."""
    with pytest.raises(ConfigError) as refused:
        reading(toml, **given)
    return sorted(refused.value.problems)


def problems_if_any(given: Flags) -> list[str]:
    """What is wrong with flags of which that is not known beforehand."""
    try:
        read(given)
    except ConfigError as error:
        return error.problems or ["a ConfigError without a problem"]
    return []
