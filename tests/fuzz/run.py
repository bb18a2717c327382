"""Fuzz one target with atheris: `python -m tests.fuzz.run path|dialogue [--seconds N] [--corpus FOLDER]`.

The corpus is kept where --corpus says, so that a longer run goes on where the last one stopped. A finding is printed
with its input, written beside the corpus, and makes the exit status non-zero.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["relaymilter.policy", "relaymilter.milter", "relaymilter.observe"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.seeds import SEEDS


def main() -> None:
    """Never returns: atheris ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    asked = parser.parse_args()
    corpus = asked.corpus or Path(tempfile.mkdtemp(prefix="relaymilter-fuzz-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[asked.target]):
        (corpus / f"seed-{number:02}").write_bytes(seed)
    options = [f"-max_total_time={asked.seconds}", "-max_len=2048", "-timeout=5", f"-artifact_prefix={corpus}-"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(corpus)], TARGETS[asked.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
