"""Maps for the policy to ask, and the requests that ask them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from relaymilter.lookups.first_of import FirstOf
from relaymilter.policy.envelope import Macros, Request, client, request
from relaymilter.policy.ports import LookupFailed
from tests.policy.asking import STRANGER

T = TypeVar("T")


def table(parse: Callable[[str], T], values: Mapping[str, str]) -> FirstOf[T]:
    """A map whose values are text, as a table has them, and are parsed when they are asked for."""
    return FirstOf({}, parse, (Known(values),))


@dataclass
class Known:
    """A map in memory, which remembers what it was asked."""

    values: Mapping[str, str]
    asked: list[str] = field(default_factory=list)

    def find(self, key: str) -> str | None:
        self.asked.append(key)
        return self.values.get(key)


class FailingMap:
    """A map that is down."""

    def find(self, key: str) -> str | None:
        raise LookupFailed("the map is down")


def asks(
    recipient: str = "<bob@else.test>",
    *,
    login: str | None = None,
    sender: str | bytes = "<joe@kite.test>",
    address: str = STRANGER,
    port: int = 40000,
    helo: bytes = b"",
    rcpt_addr: bytes | None = None,
    macros: Macros | None = None,
) -> Request:
    """A request in which only what matters is said."""
    return request(
        client(address, port),
        recipient.encode(),
        login=login,
        rcpt_addr=rcpt_addr,
        helo=helo,
        sender=sender.encode() if isinstance(sender, str) else sender,
        macros=macros or Macros(),
    )
