"""Units of systemd, as far as ours go: what they say, and no more of it than `Manager` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit file. A key may be given several times; one that is empty starts its list anew."""

    name: str
    settings: dict[str, list[str]]

    def all(self, key: str) -> list[str]:
        """Every value, in order."""
        return self.settings.get(key, [])

    def words(self, key: str) -> list[str]:
        """Every word of every value."""
        return [word for value in self.all(key) for word in value.split()]

    def one(self, key: str, default: str = "") -> str:
        """The last value."""
        return self.all(key)[-1] if self.all(key) else default


def read_unit(path: Path) -> Unit:
    """Read a unit file."""
    settings: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, sign, value = line.partition("=")
        if line.startswith(("#", ";", "[")) or not sign:
            continue
        settings[key] = [*settings.get(key, []), value] if value else []
    return Unit(path.name, settings)
