"""sendmail.cf as text: its rules by ruleset, its maps, filters and options, each with its line.

Classes are not read here: what is in them is known to Sendmail alone (files, commands, the names of the host).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_NAME = re.compile(r"\w+")
_FILE = re.compile(r"F(?:\w|\{\w+\})\s*(?:-o\s+)?(/\S+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its line, and both sides, every stretch of blanks as one."""

    line: int
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A map (K), a filter (X) or an option (O): its line, its name, and the rest."""

    line: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What matters here of a sendmail.cf."""

    path: Path
    rulesets: dict[str, list[Rule]] = field(default_factory=dict)
    maps: dict[str, Declared] = field(default_factory=dict)
    filters: list[Declared] = field(default_factory=list)
    options: list[Declared] = field(default_factory=list)
    """By their long names, in lower case; those that may be given more than once are."""
    files: list[Path] = field(default_factory=list)
    """Those that classes are read from."""

    def rules(self, ruleset: str) -> list[Rule]:
        """Its rules; none of a ruleset that is not there."""
        return self.rulesets.get(ruleset, [])

    def option(self, name: str) -> list[Declared]:
        """Every line of this option."""
        return [option for option in self.options if option.name == name.lower()]

    def place(self, line: int) -> str:
        """A line of it."""
        return f"{self.path}:{line}"


def read_cf(path: Path) -> Configuration:
    """Read it. Raises OSError."""
    cf = Configuration(path)
    rules: list[Rule] = []
    for number, line in _lines(path.read_text("utf-8", "backslashreplace")):
        rest = line[1:].strip()
        match line[:1]:
            case "S" if named := _NAME.match(rest):
                rules = cf.rulesets.setdefault(named[0], [])
            case "R":
                left, right, *_ = *re.split(r"\t+", line[1:]), ""
                rules.append(Rule(number, " ".join(left.split()), " ".join(right.split())))
            case "K" if named := _NAME.match(rest):
                cf.maps[named[0]] = Declared(number, named[0], rest[named.end() :].strip())
            case "O" if line.startswith("O "):
                name, _, text = rest.partition("=")
                cf.options.append(Declared(number, name.strip().lower(), text.strip()))
            case "F" if file := _FILE.match(line):
                cf.files.append(Path(file[1]))
            case "X":
                name, _, text = rest.partition(",")
                cf.filters.append(Declared(number, name.strip(), text.strip()))
    return cf


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines: one that begins with a blank continues the one before."""
    first, whole = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1] in (" ", "\t"):
            whole += "\n" + line if whole.startswith("R") else " " + line.strip()
            continue
        if whole and not whole.startswith("#"):
            yield first, whole
        first, whole = number, line
    if whole and not whole.startswith("#"):
        yield first, whole
