"""What workers report to their parent (milter/reporting.py), and the sum of it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, Any]
"""Numbers, lists, and mappings of such, by the name of a section."""


@dataclass(frozen=True, slots=True)
class Report:
    """Of one worker, or the sum of several."""

    counts: Values = field(default_factory=dict)
    """What has been counted since its start."""
    now: Values = field(default_factory=dict)
    """How things stand."""


def parse_report(packet: bytes) -> Report:
    """As reporting.report() made it."""
    fields = json.loads(packet)
    return Report(fields["counts"], fields["now"])


def total(values: Iterable[Values]) -> Values:
    """Of several: numbers are added, lists joined without what is there already, mappings merged."""
    merged: dict[str, Any] = {}
    for each in values:
        for name, value in each.items():
            merged[name] = _joined(merged[name], value) if name in merged else value
    return merged


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, Mapping):
        return total((one, other))
    if isinstance(one, list):
        return [*one, *(item for item in other if item not in one)]
    return one + other
