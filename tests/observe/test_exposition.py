"""What Prometheus reads: the tallies of several processes added up, each as its kind of metric."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from relaymilter.observe.exposition import COUNTERS, GAUGES, exposition
from relaymilter.observe.meter import BOUNDS, Meter
from relaymilter.observe.tally import SIZE, Tally
from relaymilter.policy.verdict import Decision, Permit

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Every sample of an exposition, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(name: str, /, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """The key of a sample."""
    return f"relaymilter_{name}", frozenset(labels.items())


def tally() -> Tally:
    """A new one."""
    return Tally(memoryview(bytearray(SIZE)))


def test_workers_are_added_up() -> None:
    """Counters, what is open, and each bucket, which has those below it, too."""
    tallies = tally(), tally()
    for each in tallies:
        meter = Meter(each)
        meter.opened()
        meter.opened()
        meter.closed()
        meter.decided(Decision(Permit("yes"), "local-client"), 0)
        meter.heard("lookups", "sqlite:/x", "found", 2)
        each.count(("seconds", "0.0005"), 3)
    found = samples(exposition(tallies).decode())
    assert (4, 2) == (found[of("sessions_total")], found[of("sessions_open")])
    assert 2 == found[of("decisions_total", verdict="permit", rule="local-client")]
    assert 4 == found[of("lookups_total", table="sqlite:/x", outcome="found")]
    buckets = [found[of("decision_seconds_bucket", le=str(bound))] for bound in (*BOUNDS, "+Inf")]
    assert [0, 0, *[6] * 14, 8] == buckets
    assert 8 == found[of("decision_seconds_count")]
    assert found[of("decision_seconds_sum")] > 0


def test_what_will_decide_is_there_from_the_beginning() -> None:
    """So that the first refusal is an increase."""
    one = tally()
    Meter(one).expect(("local-client",), ("deny-helo",), ledger=True)
    found = samples(exposition([one]).decode())
    assert 0 == found[of("decisions_total", verdict="permit", rule="local-client")]
    assert 0 == found[of("decisions_total", verdict="defer", rule="deny-helo")]
    assert 0 == found[of("decisions_total", verdict="reject", rule="no-rule")]
    assert 0 == found[of("ledger_spare_total")]


def test_names_of_tables_are_escaped() -> None:
    """A name of the configuration is a label, whatever is in it, and not another sample."""
    one, name = tally(), 'inline:{a="b\\c"}\nrelaymilter_workers 9'
    one.count(("lookups", name, "found"))
    assert 1 == samples(exposition([one]).decode())[of("lookups_total", table=name, outcome="found")]


def test_every_metric_has_help() -> None:
    """In a sentence."""
    assert all(row.help.endswith(".") for row in (*COUNTERS.values(), *GAUGES.values()))
