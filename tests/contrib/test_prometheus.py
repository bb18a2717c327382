"""Metrics, alerts and dashboard in a real Prometheus: it counts what was sent, and each alert fires when it should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from relaymilter.observe.exposition import PREFIX
from tests.daemon.process import Daemon, free_port
from tests.rig import wait_for
from tests.rig.daemon import ROOT
from tests.rig.folders import lasting_folder
from tests.servers.prometheus import Prometheus, promtool
from tests.test_documentation import words

ALERTS = ROOT / "contrib/prometheus/alerts.yml"
DASHBOARD = ROOT / "contrib/grafana/relaymilter.json"
NAME = re.compile(r"relaymilter_\w+")


@dataclass(frozen=True)
class Watched:
    """A daemon, its metrics, and the Prometheus that scrapes them."""

    daemon: Daemon
    port: int
    prometheus: Prometheus

    def text(self) -> str:
        """The metrics as they are now."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """With a table that is asked and a ledger, and two workers, of which a dozen recipients were asked for."""
    folder = lasting_folder("prometheus")
    port = free_port()
    (folder / "d").mkdir()
    flags = ("--workers", "2", "--metrics", f"inet:{port}@127.0.0.1", "--ledger", f"sqlite:{folder}/d/ledger.db")
    asked = ("--local-domain", "example.org", "--deny-client", f"socketmap:unix:{folder}/none:names")
    prometheus = Prometheus(folder, f"127.0.0.1:{port}", ALERTS)
    with Daemon(folder / "d", *flags, *asked) as daemon:
        try:
            prometheus.start()
            for _ in range(7):
                daemon.ask()
            for _ in range(5):
                daemon.ask(b"<bob@example.org>")
            yield Watched(daemon, port, prometheus)
        finally:
            prometheus.kill()


def test_queries_give_what_was_sent(watched: Watched) -> None:
    """Of all workers together; what could not be found out for the table that is down, too."""
    ask = watched.prometheus.query
    wait_for(lambda: ask("relaymilter_decision_seconds_count") == {frozenset(): 12}, "all decisions")
    assert {frozenset({("verdict", "reject")}): 7, frozenset({("verdict", "defer")}): 5} == ask(
        "sum by (verdict) (relaymilter_decisions_total) > 0"
    )
    assert {frozenset({("rule", "no-rule")}): 7, frozenset({("rule", "deny-client")}): 5} == ask(
        "sum by (rule) (relaymilter_decisions_total) > 0"
    )
    assert {frozenset(): 5} == ask('sum(relaymilter_lookups_total{outcome=~"failed|not-asked"})')
    assert {frozenset(): 12} == ask("relaymilter_sessions_total")
    assert {frozenset({("state", "serving")}): 2} == ask('relaymilter_workers{state="serving"}')


def test_an_alert_of_the_server(watched: Watched) -> None:
    """It knows every alert of ours, and none has an error; the table that is down is about to be one."""

    def rules() -> list[dict[str, str]]:
        found: list[dict[str, str]] = watched.prometheus.get("rules")["groups"][0]["rules"]
        return found

    wait_for(lambda: all(rule["health"] == "ok" for rule in rules()), "every alert has been evaluated")
    assert re.findall(r"alert: (\w+)", ALERTS.read_text()) == [rule["name"] for rule in rules()]


def test_promtool_likes_the_metrics(watched: Watched) -> None:
    """Names, help and units are as Prometheus would have them."""
    assert (0, "") == promtool("check", "metrics", given=watched.text().encode())


def test_promtool_on_alerts(tmp_path: Path) -> None:
    """They are sound, and each fires when it should, and does not while all is well."""
    status, said = promtool("check", "rules", str(ALERTS))
    assert (0, True) == (status, "SUCCESS: 10 rules found" in said)
    (tmp_path / "alerts-under-test.yml").write_text(ALERTS.read_text())
    (tmp_path / "test.yml").write_text((Path(__file__).parent / "alerts.yml").read_text())
    status, said = promtool("test", "rules", str(tmp_path / "test.yml"))
    assert (0, True) == (status, "SUCCESS" in said), said
    tested = (Path(__file__).parent / "alerts.yml").read_text()
    for name in re.findall(r"alert: (\w+)", ALERTS.read_text()):
        assert len(re.findall(rf"alertname: {name}\b", tested)) >= 2, name


def test_every_name_exists(watched: Watched) -> None:
    """Of the metrics that alerts, dashboard and the man page name; and the man page names them all."""
    shown = watched.text()
    samples = set(re.findall(rf"^({PREFIX}\w+)[ {{]", shown, re.MULTILINE))
    kinds = set(re.findall(rf"^# TYPE ({PREFIX}\w+) ", shown, re.MULTILINE))
    page = (ROOT / "man/relaymilter.8").read_text().split(".Ss Metrics\n")[1].split("\n.Ss ")[0]
    assert kinds == set(NAME.findall(page))
    missing = kinds - {re.sub("_(bucket|count|sum)$", "", name) for name in samples}
    assert missing <= {f"{PREFIX}ledger_lookups_total"}  # nobody has a login here
    for path in (ALERTS, DASHBOARD):
        named = set(NAME.findall(path.read_text())) - {"relaymilter"}
        assert len(named) >= 8
        assert named <= samples | missing, path


def test_the_dashboard_can_be_asked(watched: Watched) -> None:
    """Prometheus understands each of its expressions, and most have an answer now; panels lie side by side."""
    dashboard = json.loads(DASHBOARD.read_text())
    answers = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            answers.append(watched.prometheus.query(expression))
    assert sum(map(bool, answers)) > 15
    places = [(x, y) for panel in dashboard["panels"] for x, y in _squares(**panel["gridPos"])]
    assert len(places) == len(set(places))
    assert {x for x, _ in places} == set(range(24))


def _squares(x: int, y: int, w: int, h: int) -> Iterator[tuple[int, int]]:
    yield from ((column, row) for column in range(x, x + w) for row in range(y, y + h))


def test_howto_names_the_alerts() -> None:
    """As files that are there."""
    page = words((ROOT / "docs/howto/monitoring.rst").read_text())
    for name in re.findall(r"``(contrib/[\w/.]+)``", page):
        assert (ROOT / name).exists()
