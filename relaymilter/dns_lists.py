"""Lists of clients in the DNS (RFC 5782): a guard for each, all asked at the same time, and a word of warning.

How a list is asked is dns.py's business, what its replies come to that of the policy.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from relaymilter.lookups.crowd import MOST_WITH_LISTS, Crowd
from relaymilter.lookups.guard import Guard, Lasting, Limits
from relaymilter.lookups.together import Together
from relaymilter.policy.block_lists import NEVER_LISTED, PATIENCE, error_in
from relaymilter.policy.networks import Address
from relaymilter.policy.ports import LookupFailed, MustWait, Outage

T = TypeVar("T")
Records = tuple[Address, ...]

log = logging.getLogger(__name__)

SECONDS = 1.0
"""For all lists of a decision, asked at the same time; what else it must ask has the rest of its time."""


class DnsLists:
    """The lists, by their zones."""

    def __init__(
        self,
        ask: Callable[[str], Lasting[Records]],
        limits: Limits,
        strangers: Crowd,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` gives the A records of a name and raises LookupFailed, within the deadline of its thread's question."""
        self._ask = ask
        self._limits = limits
        self._clock = clock
        self._together = Together(SECONDS, strangers, MOST_WITH_LISTS)
        self._guards: dict[tuple[str, int], Guard[Records]] = {}
        self._given_up: set[str] = set()

    def listed(self, zone: str, address: Address, /) -> Records:
        """The A records of an address in a list, whatever they are. Raises LookupFailed and MustWait."""
        part = zone, address.version  # a list that knows nothing of IPv6 may fail there
        guard = self._guards.get(part)
        if guard is None:  # of two threads the first one counts
            guard = self._guards.setdefault(part, Guard(zone, partial(self._find_out, zone), self._limits, self._clock))
        return guard.find(_name(zone, address)) or ()

    def together(
        self, questions: Mapping[str, Callable[[], T]], /
    ) -> Iterator[tuple[str, T | LookupFailed | MustWait]]:
        """The answers of several, as policy.ports.BlockLists has it."""
        for zone, answer in self._together.ask(questions):
            self._tell(zone, answer)
            yield zone, answer

    def _tell(self, zone: str, answer: object) -> None:
        """Say loudly, once, that mail goes past a list now."""
        if isinstance(answer, Outage) and answer.lasts >= PATIENCE:
            if zone not in self._given_up:
                self._given_up.add(zone)
                log.error(
                    "%s; for %.0f s: it counts as silent, and strangers pass it, until it answers", answer, PATIENCE
                )
        elif not isinstance(answer, LookupFailed | MustWait):
            self._given_up.discard(zone)

    def _find_out(self, zone: str, name: str) -> Lasting[Records]:
        """One that says an error, or yes to everything, has failed."""
        found = self._ask(name)
        replies = found.answer or ()
        if error := error_in(replies):
            raise LookupFailed(error)
        if _lists(replies) and self._lists_everything(zone):
            raise LookupFailed(f"it lists {NEVER_LISTED}, and so everything")
        return found

    def _lists_everything(self, zone: str) -> bool:
        """Surely; who counts a reply asks once more, and needs an answer."""
        try:
            return _lists(self._ask(_name(zone, NEVER_LISTED)).answer or ())
        except LookupFailed:
            return False


def _lists(replies: Records) -> bool:
    """Those are replies of a list, and mean that it has the address, whichever of them are wanted."""
    return any(reply.is_loopback and reply != NEVER_LISTED for reply in replies)


def _name(zone: str, address: Address) -> str:
    reversed_address, _, _ = address.reverse_pointer.rsplit(".", 2)
    return f"{reversed_address}.{zone}"
