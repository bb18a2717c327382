"""The ledger that flags or a file name, without the rest: a login can be suspended also while the file has mistakes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from relaymilter.config.guard import LEDGER
from relaymilter.config.logins import LOGIN_FOLD
from relaymilter.config.options import RESTRICTIONS
from relaymilter.config.problems import ConfigError, Problems, Value
from relaymilter.config.reader import Flags
from relaymilter.config.toml import read_toml
from relaymilter.config.values import Values
from relaymilter.ledger.registry import store
from relaymilter.policy.logins import Fold
from relaymilter.policy.ports import Ledger


class NamedLedger(NamedTuple):
    """A ledger, opened, and how logins are compared in it."""

    ledger: Ledger
    fold: Fold


@contextmanager
def named_ledger(flags: Flags) -> Iterator[NamedLedger]:
    """The one that a daemon with these flags and this file uses. Raises ConfigError."""
    name, fold = _named(flags)
    with store(name) as ledger:
        yield NamedLedger(ledger, fold)


def _named(flags: Flags) -> tuple[str, Fold]:
    of_file, own = Problems(), Problems()
    given = read_toml(flags.config, of_file) if flags.config else {}
    given |= {key: [Value(text, f"--{key}") for text in texts] for key, texts in flags.given.items()}
    values = Values({key: given[key] for key in (LEDGER.key, LOGIN_FOLD.key) if key in given}, own, RESTRICTIONS)
    name, fold = values.maybe(LEDGER), values.one(LOGIN_FOLD)
    own.raise_any()
    if name is None:
        of_file.raise_any()
        raise ConfigError(["--ledger: none is named: give it, or a file by -c that has it"])
    if problem := _out_of_reach(name):
        raise ConfigError([f"{given[LEDGER.key][-1].place}: {problem}"])
    return name, fold


def _out_of_reach(name: str) -> str | None:
    """Why nobody but the daemon can look into this ledger, or nobody yet."""
    kind, _, path = name.partition(":")
    if kind == "memory":
        return "memory: is in the memory of the daemon alone: sqlite: and redis: can be looked at"
    if kind == "sqlite" and not os.path.exists(path):  # one that is made here by mistake would be another user's
        return f"there is no {path}: the daemon makes it with the first mail that it charges"
    return None
