"""Prometheus, which scrapes one address every 200 ms; and promtool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.rig.private import private_command

from . import ServerProcess
from .slapd import free_port

CONFIGURATION = """\
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
scrape_configs:
  - job_name: relaymilter
    static_configs: [{{targets: ["{target}"]}}]
rule_files: ["{rules}"]
"""


class Prometheus(ServerProcess):
    """The server, on a port of 127.0.0.1; `target` is an address and a port, `rules` a file of rules."""

    def __init__(self, folder: Path, target: str, rules: Path) -> None:
        self._port = free_port()
        (folder / "prometheus.yml").write_text(CONFIGURATION.format(target=target, rules=rules))
        command = (
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{self._port}",
        )
        super().__init__(command, folder / "log", self._answers_now)

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """The values now, by their labels without those that the scraping adds."""
        found = self.get("query", query=expression)["result"]
        return {_labels(each["metric"]): float(each["value"][1]) for each in found}

    def get(self, what: str, **parameters: str) -> Any:
        """What the API answers."""
        with urlopen(f"http://127.0.0.1:{self._port}/api/v1/{what}?{urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def _answers_now(self) -> bool:
        try:
            return bool(self.get("status/buildinfo"))
        except (URLError, ConnectionError):
            return False


def _labels(metric: dict[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in metric.items() if name not in ("instance", "job", "__name__"))


def promtool(*words: str, given: bytes = b"") -> tuple[int, str]:
    """Its exit status, and what it said."""
    done = subprocess.run(
        private_command("promtool", *words), input=given, capture_output=True, timeout=60, check=False
    )
    return done.returncode, (done.stdout + done.stderr).decode()
