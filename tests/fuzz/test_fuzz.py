"""Each fuzz target, for a few seconds: `--fuzz-seconds N` makes it longer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_no_seed_is_a_finding(target: str) -> None:
    """What the fuzzer begins with holds, in this interpreter, without atheris."""
    for seed in SEEDS[target]:
        TARGETS[target](seed)


@pytest.mark.parametrize("target", TARGETS)
def test_the_fuzzer_finds_nothing(target: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A bounded run, coverage-guided, from the seeds on; it says how many inputs it tried."""
    pytest.importorskip("atheris")
    seconds = request.config.getoption("--fuzz-seconds")
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.run",
        target,
        "--seconds",
        str(seconds),
        "--corpus",
        str(tmp_path / "corpus"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    tried = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert tried is not None
    assert int(tried[1]) > 1000
