"""The ledger in Redis or Valkey, for a fleet: every host changes the same one, and a login's limit holds over all.

A change is two scripts, each atomic on the server: one reads, the other writes if nobody else has meanwhile, else both
are asked again. The two keys of a subject have one hash tag, so that they are in one slot of a cluster. Every key has a
time to live: a subject that is not written any more goes by itself.
"""

import secrets
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from relaymilter.lookups import waiting
from relaymilter.policy.ports import MOST_REMEMBERED, Change, Hash, LookupFailed, MustWait, Past
from relaymilter.tables.redis_server import PROBLEMS

T = TypeVar("T")

TRIES = 50
"""So often others may have been faster, until that is a failure."""
GRACE = 86_400
"""Seconds that a key lives on after its subject may be forgotten: clocks of hosts differ."""
_PREFIX = "relaymilter:{."
_RECORD, _HASHES = "}:record", "}:hashes"
_CHUNK = 500

_READ = """
local kept = redis.call('HMGET', KEYS[1], 'version', 'record', 'until')
local seen = {}
for i = 1, #ARGV do seen[i] = redis.call('ZSCORE', KEYS[2], ARGV[i]) end
return {kept[1], kept[2], kept[3], seen}
"""
_WRITE = """
local before, version, record, until_, now, most, fresh = unpack(ARGV, 1, 7)
if (redis.call('HGET', KEYS[1], 'version') or '') ~= before then return 0 end
redis.call('HSET', KEYS[1], 'version', version, 'record', record, 'until', until_)
if fresh == '1' then redis.call('DEL', KEYS[2]) end
for i = 9, #ARGV, 2 do redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i]) end
if redis.call('ZCARD', KEYS[2]) > tonumber(most) then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    local spare = redis.call('ZCARD', KEYS[2]) - math.floor(most * 9 / 10)
    if spare > most / 10 then redis.call('ZREMRANGEBYRANK', KEYS[2], 0, spare - 1) end
end
redis.call('EXPIRE', KEYS[1], ARGV[8])
redis.call('EXPIRE', KEYS[2], ARGV[8])
return 1
"""


class _Client(NamedTuple):
    client: Any
    read: Any
    write: Any
    """Its scripts."""


class RedisLedger:
    """A Ledger."""

    waits = True

    def __init__(self, connect: Callable[[], Any], most_remembered: int = MOST_REMEMBERED) -> None:
        """`connect` makes a client of redis-py: of a server, of the master that sentinels name, or of a cluster."""
        self._most_remembered = most_remembered
        self._connect = connect
        self._connecting = Lock()
        self._made: _Client | None = None

    def update(self, subject: str, now: int, asks: tuple[Hash, ...], change: Callable[[Past], Change[T]], /) -> T:
        """As Ledger has it."""
        keys = _keys(subject)
        for _ in range(TRIES):
            version, record, until, seen = self._asked(lambda to: to.read(keys=keys, args=asks))
            fresh = until is None or now >= int(until)
            past = Past(None, (None,) * len(asks)) if fresh else Past(record, tuple(_valid(s, now) for s in seen))
            changed = change(past)
            if changed.record is None or self._write(keys, version or b"", changed, now, fresh):
                return changed.result
        raise LookupFailed(f"the ledger: others changed {subject!r} {TRIES} times meanwhile")

    def _write(self, keys: list[bytes], before: bytes, changed: Change[T], now: int, fresh: bool) -> bool:
        """Was it as before, and so could be written?"""
        args = (
            *(before, secrets.token_bytes(8), changed.record, changed.until, now, self._most_remembered, int(fresh)),
            max(1, changed.until - now) + GRACE,
            *chain.from_iterable(changed.remember),
        )
        return bool(self._asked(lambda to: to.write(keys=keys, args=args)))

    def read(self, subject: str, now: int, /) -> bytes | None:
        """As Ledger has it."""
        record, until = self._asked(lambda to: to.client.hmget(_keys(subject)[0], "record", "until"))
        current: bytes | None = record if until is not None and now < int(until) else None
        return current

    def subjects(self, prefix: str, now: int, /) -> Iterator[str]:
        """As Ledger has it; a server may name one that was written meanwhile, or not."""
        pattern = _glob(_PREFIX + prefix) + b"*" + _glob(_RECORD)
        keys = self._asked(lambda to: sorted(set(to.client.scan_iter(match=pattern, count=_CHUNK))))
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            untils = self._asked(partial(_untils, keys=chunk))
            for key, until in zip(chunk, untils, strict=True):
                if until is not None and now < int(until):
                    yield key[len(_PREFIX) : -len(_RECORD)].decode("utf-8", "surrogatepass")

    def remembered(self, subject: str, now: int, /) -> int:
        """As Ledger has it."""
        if self.read(subject, now) is None:
            return 0
        return int(self._asked(lambda to: to.client.zcount(_keys(subject)[1], f"({now}", "+inf")))

    def forget(self, subject: str, /) -> bool:
        """As Ledger has it."""
        return bool(self._asked(lambda to: to.client.delete(*_keys(subject))))

    def _asked(self, ask: Callable[[_Client], Any]) -> Any:
        if not waiting.allowed():
            raise MustWait("the ledger")
        try:
            return ask(self._client())
        except PROBLEMS as error:
            raise LookupFailed(f"the ledger: {error or type(error).__name__}") from error

    def _client(self) -> _Client:
        if self._made is None:
            with self._connecting:
                if self._made is None:
                    client = self._connect()
                    self._made = _Client(client, client.register_script(_READ), client.register_script(_WRITE))
        return self._made


def _untils(to: _Client, keys: list[bytes]) -> list[bytes | None]:
    with to.client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hget(key, "until")
        answers: list[bytes | None] = pipeline.execute()
    return answers


def _keys(subject: str) -> list[bytes]:
    """The record and the hashes of a subject. The dot keeps a tag from being empty, which would be none."""
    return [f"{_PREFIX}{subject}{end}".encode("utf-8", "surrogatepass") for end in (_RECORD, _HASHES)]


def _glob(text: str) -> bytes:
    """A pattern of SCAN that stands for this text alone."""
    return b"".join(
        b"\\" + bytes((octet,)) if octet in b"*?[]^-\\" else bytes((octet,))
        for octet in text.encode("utf-8", "surrogatepass")
    )


def _valid(score: bytes | None, now: int) -> int | None:
    expires = None if score is None else int(float(score))
    return expires if expires is not None and now < expires else None
