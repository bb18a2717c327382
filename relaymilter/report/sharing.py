"""Addresses that look shared, by what the log says of local clients: by the rules that the daemon goes by.

The log does not say which domains are ours, so all are taken for those of others, which makes one domain more.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from relaymilter.observe.printable import typed
from relaymilter.policy.envelope import client, request
from relaymilter.policy.shared_addresses import Alarm, Watch
from relaymilter.policy.sketches import SIZE, Sketches


class _Alone:
    """Memory of one process."""

    def __init__(self) -> None:
        self.octets = memoryview(bytearray(SIZE))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else is there."""
        yield


class Sharing:
    """Looks at what local clients say, day by day."""

    def __init__(self) -> None:
        """With nothing seen yet."""
        self.alarms: dict[str, Alarm] = {}
        self._now = 0
        self._watch = Watch(Sketches(_Alone()), lambda: self._now, lambda _: False, self._tell)

    def see(self, local: Iterable[tuple[str, ...]]) -> None:
        """Each is an address, a HELO name, a sender, a login and a day, as in the log."""
        for day, address, helo, sender, login in sorted((each[4], *each[:4]) for each in local):
            if (now := _noon(day)) and _is_address(address):
                self._now = now
                asked = request(client(address), b"<>", login=login or None, helo=typed(helo), sender=typed(sender))
                self._watch.see(asked)

    def _tell(self, alarm: Alarm) -> None:
        if len(self.alarms) < 1000:
            self.alarms[str(alarm.address)] = alarm


def _noon(day: str) -> int:
    """Unix time; 0 for what is no day."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return 0
    return int(datetime(found.year, found.month, found.day, 12, tzinfo=UTC).timestamp())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
