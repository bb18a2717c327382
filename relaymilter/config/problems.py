"""Where a setting stands, and all that is wrong with the settings, told at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MANY = 100
"""So many mistakes of one table are told, and how many more there are."""


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as it was written, and its place: `--flag`, or `file:line: key`."""

    text: str
    place: str
    subdomains: bool = False
    """Of a domain or a table of domains: their subdomains are meant, too."""


class ConfigError(Exception):
    """Every problem of a configuration, one a line: `file:line: key: message`, or `--flag: message`."""

    def __init__(self, problems: list[str], files: frozenset[Path] = frozenset()) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.files = files
        """What was read, or could not be: when one of these changes, it may be right."""

    @property
    def only_flags(self) -> bool:
        """Nothing is wrong but the command line."""
        return all(problem.startswith("--") for problem in self.problems)


@dataclass(slots=True)
class Problems:
    """What was found wrong so far, and what is only suspicious."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, place: str, message: str) -> None:
        self.errors.append(f"{place}: {message}")

    def warn(self, place: str, message: str) -> None:
        self.warnings.append(f"{place}: {message}")

    def raise_any(self, files: frozenset[Path] = frozenset()) -> None:
        """Raises ConfigError if anything is wrong; `files` are what was read."""
        if self.errors:
            raise ConfigError(self.errors, files)


@dataclass(slots=True)
class FirstOfMany:
    """Tells the first mistakes of a table; a file that is no list at all would otherwise fill the log."""

    tell: Callable[[str, str], None]
    count: int = 0

    def __call__(self, place: str, message: str) -> None:
        self.count += 1
        if self.count <= MANY:
            self.tell(place, message)

    def end(self, place: str, what: str) -> None:
        """Tell how many more there were."""
        if self.count > MANY:
            self.tell(place, f"{what}: and {self.count - MANY} more")
