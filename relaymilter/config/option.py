"""What an option is: a flag and a key of the same name, with its help, its parser and its default.

An option is declared in the module of its subject, such as local.py; options.py lists all of them. Its class says how
many values it has and of which sort: one (`Option`), several (`ListOption`), several or tables of them
(`EntriesOption`), or pairs and tables of pairs (`MapOption`). `Values` has a method for each, which gives them parsed.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import Generic, TypeVar

from relaymilter.config.forms import Form
from relaymilter.policy.mailboxes import words

T = TypeVar("T")


class Kind(Enum):
    """What a value is in TOML, and in the manual."""

    LIST = "list"
    TABLES = "tables"
    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class AnyOption:
    """What every option has."""

    key: str
    help: str
    """What it does, in a sentence."""
    metavar: str = ""
    """A word for its value; a switch has none."""
    _: KW_ONLY
    short: tuple[str, ...] = ()
    """Its short flags."""
    kind: Kind = Kind.LIST
    restricts: bool = False
    """It makes the restriction of its name, which --warn may name."""

    @property
    def default_words(self) -> str:
        """What holds where it is not given, as help and manual say it; empty: nothing."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(AnyOption, Generic[T]):
    """An option with one value; of several the last one counts."""

    parse: Callable[[str], T]
    """Raises ValueError, in words."""
    default: str = ""
    """As one would write it; empty: there is none."""
    kind: Kind = Kind.TEXT

    @property
    def default_words(self) -> str:
        return "" if self.kind is Kind.SWITCH else self.default


def switch(key: str, help: str, *, short: tuple[str, ...] = (), restricts: bool = False) -> Option[bool]:
    """An option that is on or off, and off where it is not given."""
    return Option(key, help, parse="yes".__eq__, default="no", kind=Kind.SWITCH, short=short, restricts=restricts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Several(AnyOption):
    default: tuple[str, ...] = ()
    """As one would write them; they hold where none is given."""
    unset: str = ""
    """Where there is no default: in words, what it comes to that none is given."""

    @property
    def default_words(self) -> str:
        return " and ".join(self.default) or self.unset


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOption(_Several, Generic[T]):
    """An option with several values, each parsed by itself."""

    parse: Callable[[str], T]
    """Raises ValueError, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesOption(_Several, Generic[T]):
    """An option with several values, each an entry of this form or a table of such entries (`type:name`)."""

    form: Form[T]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOption(_Several, Generic[T]):
    """An option with several values, each a key, a blank and its words, or a table of such pairs.

    A key that comes again adds its words; all the words of a key make its value.
    """

    key_form: Callable[[str], str]
    """A key as it is compared. Raises ValueError, in words."""
    word: Callable[[str], T]
    """Parses a word. Raises ValueError, in words."""
    split: Callable[[str], list[str]] = words
    """The words of a value."""
