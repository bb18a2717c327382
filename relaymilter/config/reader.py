"""Flags and a configuration file -> Settings, or every mistake in them at once.

A flag wins over the key of the same name, for a list the whole list. Called again at a reload with the same flags.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from relaymilter.config import (
    backup,
    daemon,
    dns,
    guard,
    listen,
    lists,
    local,
    log,
    logins,
    lookups,
    notices,
    replies,
    shared_address,
    trusts,
)
from relaymilter.config.model import PolicySettings, Settings
from relaymilter.config.options import RESTRICTIONS
from relaymilter.config.problems import Problems, Value
from relaymilter.config.toml import read_toml
from relaymilter.config.values import Values
from relaymilter.files.reading import noted


@dataclass(frozen=True, slots=True)
class Flags:
    """The command line: every option that was given, as it was written, and the configuration file."""

    given: Mapping[str, tuple[str, ...]]
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and what in it is suspicious: one line each."""

    settings: Settings
    warnings: tuple[str, ...]
    files: frozenset[Path] = frozenset()
    """What it was read from,"""
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """and the flags that were given."""


def read(flags: Flags) -> Reading:
    """The settings of the file and of the flags, which override it, checked. Raises ConfigError with every problem."""
    problems = Problems()
    used = {flags.config} if flags.config else set[Path]()
    given = read_toml(flags.config, problems) if flags.config else {}
    for key, texts in flags.given.items():
        given[key] = [Value(text, f"--{key}") for text in texts]
    with noted(used):
        settings = _settings(Values(given, problems, RESTRICTIONS))
    files = frozenset(used)
    problems.raise_any(files)
    return Reading(settings, tuple(problems.warnings), files, flags.given)


def _settings(values: Values) -> Settings:
    return Settings(
        policy=_policy(values),
        listen=listen.read(values),
        log=log.read(values),
        daemon=daemon.read(values),
        notices=notices.read(values),
    )


def _policy(values: Values) -> PolicySettings:
    of_local, of_logins, of_backup = local.read(values), logins.read(values), backup.read(values)
    return PolicySettings(
        local=of_local,
        shared=shared_address.read(values, of_local.networks),
        logins=of_logins,
        guard=guard.read(values, of_logins.fold),
        trusts=trusts.read(values, of_logins.fold),
        lists=lists.read(values, of_logins.fold),
        dns=dns.read(values, backs_up=of_backup.domains is not None),
        backup=of_backup,
        refusals=replies.read(values),
        lookups=lookups.read(values),
    )
