"""What a check finds."""

from dataclasses import asdict, dataclass
from enum import Enum


class Severity(Enum):
    """How bad it is."""

    NOTE = "note"
    """Worth knowing; nothing to do."""
    WARNING = "warning"
    """Something does not work, or one lock of two is missing."""
    MTA_OPEN = "mta-open"
    """The MTA itself lets strangers relay: a warning where relaymilter is sure to close it, else the relay is open."""
    OPEN = "open"
    """The relay is open, or relaymilter does not protect it, or not always."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    name: str
    """Which, for programs: `not-attached`."""
    severity: Severity
    place: str
    """Where it is: a parameter, `file:line`, a network, ..."""
    reason: str
    """What is wrong, and what comes of it."""
    change: str
    """The line to write in its place, or what else to do."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self) | {"severity": self.severity.value}
