"""The tallies as Prometheus reads them: those of all workers, and of the parent, added up.

Dashboards and alerts go by names and labels (contrib/grafana, contrib/prometheus): none may change its meaning.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from relaymilter import __version__
from relaymilter.observe.meter import BOUNDS, NANOSECONDS, SECONDS
from relaymilter.observe.tally import Name, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "relaymilter_"


class _Row(NamedTuple):
    """A metric, and the labels that the words of a cell's name are, after its first."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


COUNTERS = {
    "decisions": _Row("decisions", "Recipients decided on, also in a dry run.", ("verdict", "rule")),
    "sessions": _Row("sessions", "SMTP sessions that an MTA has begun."),
    "lookups": _Row("lookups", "Questions to tables, lists and the DNS, by what came of them.", ("table", "outcome")),
    "ledger": _Row("ledger_lookups", "Questions to the ledger, by what came of them.", ("ledger", "outcome")),
    "spare": _Row("ledger_spare", "Recipients judged by small limits in memory, without the ledger."),
    "reloads": _Row("reloads", "Reloads, by whether the new policy serves.", ("outcome",)),
    "lost": _Row("workers_lost", "Workers that ended by themselves, and were replaced."),
    "uncounted": _Row("uncounted", "What was counted under no name, as there are too many."),
}
GAUGES = {
    "open": _Row("sessions_open", "SMTP sessions that are open."),
    "breaker": _Row("breaker_open", "Workers that do not ask this for a while, since it does not answer.", ("name",)),
    "workers": _Row("workers", "Workers: those that serve, that should, and that drain.", ("state",)),
    "policy-since": _Row("policy_timestamp_seconds", "When the policy in force was read, in Unix time."),
    "refused": _Row("reload_refused", "1: the last reload was refused, and the policy before it is in force."),
    "started": _Row("start_timestamp_seconds", "When the daemon was started, in Unix time."),
    "dry-run": _Row("dry_run", "1: nothing is refused."),
}
FINGERPRINT = "fingerprint"


class Tallied(Collector):
    """What prometheus_client asks for metrics."""

    def __init__(self, tallies: Iterable[Tally]) -> None:
        self._tallies = tuple(tallies)

    def collect(self) -> Iterator[Metric]:
        """Every metric there is."""
        cells: Counter[Name] = Counter()
        for tally in self._tallies:
            for name, value in tally:
                cells[name] += value
        for kind, row in COUNTERS.items():
            yield _filled(CounterMetricFamily(PREFIX + row.name, row.help, labels=row.labels), kind, row, cells)
        for kind, row in GAUGES.items():
            yield _filled(GaugeMetricFamily(PREFIX + row.name, row.help, labels=row.labels), kind, row, cells)
        yield _histogram(cells)
        info = GaugeMetricFamily(PREFIX + "policy_info", "The policy in force.", labels=("fingerprint", "version"))
        info.add_metric((f"{cells[FINGERPRINT,]:012x}", __version__), 1)
        yield info


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, kind: str, row: _Row, cells: Counter[Name]
) -> CounterMetricFamily | GaugeMetricFamily:
    for name in sorted(name for name in cells if name[0] == kind):
        family.add_metric(name[1 : 1 + len(row.labels)], cells[name])
    return family


def _histogram(cells: Counter[Name]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        PREFIX + "decision_seconds", "From a recipient to the decision on it, with all that was waited for."
    )
    below, buckets = 0, []
    for bound in (*map(str, BOUNDS), "+Inf"):
        below += cells[SECONDS, bound]
        buckets.append((bound, below))
    family.add_metric((), buckets, cells[NANOSECONDS,] / 1e9)
    return family


def exposition(tallies: Iterable[Tally]) -> bytes:
    """All of it, as text."""
    registry = CollectorRegistry()
    registry.register(Tallied(tallies))
    return generate_latest(registry)
