"""The command: simulate, print, keep."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from random import Random

from .judges import JUDGES, VARIANTS
from .kinds import login
from .picture import picture
from .report import figures, table
from .thefts import FOREIGN, NEWSLETTER, OTHER
from .trial import Alarms, Leak, MakeJudge, honest, stolen


def main() -> int:
    """Simulate what is asked for."""
    asked = _arguments()
    makes = {name: make for name, make in {**JUDGES, **VARIANTS}.items() if name in asked.judges.split(",")}
    alarms = {name: Alarms() for name in makes}
    leaks: dict[str, dict[str, list[Leak]]] = {name: {} for name in makes}
    began = time.monotonic()
    for seed in (int(seed) for seed in asked.seeds.split(",")):
        _simulate(seed, asked, makes, alarms, leaks)
        found = figures(alarms, leaks)
        print(f"{time.monotonic() - began:.0f} s, seeds up to {seed}", table(found), sep="\n", flush=True)  # noqa: T201
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=1) + "\n")
        if asked.picture:
            asked.picture.write_text(picture(found))
    return 0


def _simulate(
    seed: int,
    asked: argparse.Namespace,
    makes: dict[str, MakeJudge],
    alarms: dict[str, Alarms],
    leaks: dict[str, dict[str, list[Leak]]],
) -> None:
    newsletters = [number for number in range(asked.logins) if login(seed, number).kind == "newsletter"]
    for number in range(asked.logins):
        if number in newsletters[2:]:  # each is as much work as two hundred people
            continue
        one = login(seed, number)
        one.trace()
        honest(one, makes, alarms)
    victims = Random(f"{seed}/victims").sample(range(asked.logins), min(asked.thefts, asked.logins))  # noqa: S311
    for victim in victims:
        stolen(seed, victim, {**FOREIGN, **OTHER}, makes, leaks)
    for victim in newsletters[:2]:
        stolen(seed, victim, NEWSLETTER, makes, leaks)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Simulate stolen logins, and what limits make of them.")
    parser.add_argument("--seeds", default="101", help="of the simulations, between commas; 1 to 99 were tuned on")
    parser.add_argument("--logins", type=int, default=2000, help="of each seed")
    parser.add_argument("--thefts", type=int, default=100, help="logins of each seed that are stolen, by every way")
    parser.add_argument("--judges", default=",".join(JUDGES), help=f"also: {', '.join(VARIANTS)}")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--picture", type=Path, help="write an SVG here")
    return parser.parse_args()
