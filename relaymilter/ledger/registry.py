"""The types of ledgers: `memory:`, `sqlite:PATH`, `redis:FILE`; and what is wrong with one, before it is used.

Opening connects to nobody: a store that is down must not keep the milter from starting, and a connection does not
survive the fork into a worker.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from relaymilter.files.safety import require_safe
from relaymilter.ledger import schema
from relaymilter.ledger.guarded import GuardedLedger
from relaymilter.ledger.memory import MemoryLedger
from relaymilter.ledger.sqlite import SqliteLedger
from relaymilter.policy.ports import Ledger
from relaymilter.tables.described import describe

TYPES = ("memory", "sqlite", "redis", "valkey")


class LedgerError(ValueError):
    """The ledger cannot be opened: a wrong name, a file that is none, a driver that is not installed; in words."""


def open_ledger(text: str, patient: bool = False) -> Ledger:
    """The ledger of this `type:name`; `patient` is as GuardedLedger has it. Raises LedgerError."""
    opened = _open(text)
    if isinstance(opened, MemoryLedger):
        return opened
    return GuardedLedger(opened, text, patient=patient)


@contextmanager
def store(text: str) -> Iterator[Ledger]:
    """The same without a guard, for who asks it a few things and waits for them. Raises LedgerError."""
    opened = _open(text)
    try:
        yield opened
    finally:
        if isinstance(opened, SqliteLedger):
            opened.close()


def _open(text: str) -> Ledger:
    kind, colon, name = text.partition(":")
    if not colon or kind not in TYPES:
        raise LedgerError(f"{text!r} is no ledger: give memory:, sqlite:/PATH/ledger.db, or redis:/PATH/ledger.toml")
    try:
        if kind == "memory":
            return _memory(name)
        return _sqlite(name) if kind == "sqlite" else _redis(name)
    except LedgerError:
        raise
    except OSError as error:
        raise LedgerError(f"{name}: {error.strerror}") from None
    except ValueError as error:
        raise LedgerError(str(error)) from None


def _memory(name: str) -> Ledger:
    if name:
        raise LedgerError(f"memory:{name}: a ledger in memory has no name: give memory:")
    return MemoryLedger()


def _sqlite(name: str) -> Ledger:
    if not os.path.isabs(name):
        raise LedgerError(f"sqlite:{name}: the path is not absolute")
    require_safe(Path(name))
    schema.look(name)
    return SqliteLedger(name)


def _redis(name: str) -> Ledger:
    from relaymilter.ledger.redis import RedisLedger  # needs redis-py, which only its users have
    from relaymilter.tables import redis_server

    description = describe(name, redis_server.KEYS)
    try:
        redis_server.judge(description)
    except ValueError as error:
        raise LedgerError(f"{description.path}: {error}") from None
    return RedisLedger(partial(redis_server.connect, description))
