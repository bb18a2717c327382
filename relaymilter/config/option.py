"""What an option is; the options are in options.py."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How often an option may be given, and with what."""

    LIST = "list"
    TABLES = "tables"
    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: a flag and a key of the same name."""

    key: str
    kind: Kind
    help: str
    metavar: str = ""
    short: tuple[str, ...] = ()
    default: str = ""
    """As help prints it."""
