"""What is counted of decisions: sums that can be added up, so that each process counts a part of the log.

Memory is bounded, whatever the log has in it: names are counted by heaviest.py, everything else up to a number that is
written here.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from relaymilter.report.contained import Contained, add_contained, contain
from relaymilter.report.heaviest import DEFER, PERMIT, REJECT, Heaviest
from relaymilter.report.rows import Read, Row, Said

_VERDICTS = {"permit": PERMIT, "reject": REJECT, "defer": DEFER}
BUCKET = 15
"""Characters of a time that make ten minutes: `2026-11-24T04:2`."""
_MOST_BUCKETS = 60_000
"""A year has 52,560."""
_MOST_SAID = 1000
_MOST_LOCAL = 4000
"""What different local clients say, of which so much is looked at in each part of the log."""
_IS_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d").fullmatch
_IPV4 = re.compile(r"(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}").fullmatch
_LONGEST = 120
"""Characters of a name that is counted."""


@dataclass(slots=True)
class Summary:
    """Of a part of a log, or of all of it."""

    decisions: int = 0
    dry_run: int = 0
    unread: int = 0
    first: str = "~"
    last: str = ""
    times: dict[str, list[int]] = field(default_factory=dict)
    """By verdict in ten minutes."""
    untimed: int = 0
    """Decisions whose time is none, or in more days than there is room for."""
    rules: Heaviest[str] = field(default_factory=lambda: Heaviest(200))
    reasons: Heaviest[tuple[str, str]] = field(default_factory=lambda: Heaviest(1000))
    """Of refusals: the rule, and why."""
    networks: Heaviest[str] = field(default_factory=Heaviest)
    refused_networks: Heaviest[str] = field(default_factory=Heaviest)
    logins: Heaviest[str] = field(default_factory=Heaviest)
    refused_logins: Heaviest[str] = field(default_factory=Heaviest)
    refused_domains: Heaviest[str] = field(default_factory=Heaviest)
    """Of recipients."""
    busy: Heaviest[tuple[str, str]] = field(default_factory=lambda: Heaviest(16_384))
    """A login, and ten minutes."""
    contained: dict[str, Contained] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    local: set[tuple[str, ...]] = field(default_factory=set)
    """What local clients say: address, HELO name, sender, login, day. Emptied by whoever looks for shared addresses."""

    def merge(self, other: "Summary") -> None:
        """What was counted of another part; of a log, in its order."""
        self.decisions += other.decisions
        self.dry_run += other.dry_run
        self.unread += other.unread
        self.untimed += other.untimed
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        for bucket, counts in other.times.items():
            for verdict, count in enumerate(counts):
                self._in_time(bucket, verdict, count)
        for name in ("rules", "reasons", "networks", "refused_networks", "logins", "refused_logins", "busy"):
            getattr(self, name).merge(getattr(other, name))
        self.refused_domains.merge(other.refused_domains)
        for login, each in other.contained.items():
            add_contained(self.contained, login, each)
        self.said += other.said[: _MOST_SAID - len(self.said)]
        self.local |= other.local

    def count(self, rows: Sequence[Row]) -> None:
        """These decisions."""
        if not rows:
            return
        self.decisions += len(rows)
        self.dry_run += sum(1 for row in rows if row.dry_run)
        alike = Counter((row.time[:BUCKET], row.client, row.login, row.verdict, row.rule) for row in rows)
        for (bucket, client, login, verdict, rule), count in alike.items():
            self._count(bucket, client, login, _VERDICTS[verdict], rule[:_LONGEST], count)
        refused = [row for row in rows if row.verdict != "permit"]
        for (verdict, rule, reason), count in Counter((row.verdict, row.rule, row.reason) for row in refused).items():
            self.reasons.add((rule[:_LONGEST], reason[:_LONGEST]), _VERDICTS[verdict], count)
        for (verdict, recipient), count in Counter((row.verdict, row.recipient) for row in refused).items():
            self.refused_domains.add(_domain(recipient), _VERDICTS[verdict], count)
        contain(self.contained, (row for row in refused if row.rule == "ledger" and row.login))
        times = [row.time for row in rows if row.time[:BUCKET] in self.times]
        self.first, self.last = min([self.first, *times]), max([self.last, *times])
        self._say(rows)

    def _count(self, bucket: str, client: str, login: str | None, verdict: int, rule: str, count: int) -> None:
        self._in_time(bucket, verdict, count)
        self.rules.add(rule, verdict, count)
        network = network_of(client)
        self.networks.add(network, verdict, count)
        if verdict != PERMIT:
            self.refused_networks.add(network, verdict, count)
        if login:
            name = login[:_LONGEST]
            self.logins.add(name, verdict, count)
            self.busy.add((name, bucket), verdict, count)
            if verdict != PERMIT:
                self.refused_logins.add(name, verdict, count)

    def _in_time(self, bucket: str, verdict: int, count: int) -> None:
        counts = self.times.get(bucket)
        if counts is None:
            if len(self.times) >= _MOST_BUCKETS or _IS_TIME(bucket) is None:
                self.untimed += count
                return
            counts = self.times[bucket] = [0, 0, 0]
        counts[verdict] += count

    def _say(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.rule == "local-client" and len(self.local) < _MOST_LOCAL:
                self.local.add((row.client, row.helo, _of_domain(row.sender), row.login or "", row.time[:10]))


def summary(read: Read) -> Summary:
    """Of some lines."""
    counted = Summary(unread=read.unread, said=read.said[:_MOST_SAID])
    counted.count(read.rows)
    return counted


@lru_cache(65_536)
def network_of(client: str) -> str:
    """`192.0.2.0/24`, `2001:db8::/48`; what is no address as it stands."""
    if (usual := _IPV4(client)) is not None:
        return f"{usual[1]}.0/24"
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client[:_LONGEST] or "no address"
    return str(ipaddress.ip_network((address, 48), strict=False))


def _domain(recipient: str) -> str:
    """What a person reads as the domain of a path; the decision has read it with more care."""
    return recipient.rpartition("@")[2].rstrip(">").lower()[:_LONGEST] or "none"


def _of_domain(sender: str) -> str:
    """The sender with another local part, so that there is one for each domain."""
    return f"<x@{sender.rpartition('@')[2]}" if "@" in sender else "<>"
