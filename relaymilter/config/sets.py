"""What a list or a map of the configuration comes to: what was read, and tables that are asked for the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from relaymilter.policy.networks import Networks
from relaymilter.policy.ports import Names, Table


@dataclass(frozen=True, slots=True)
class NameSet:
    """Names: those that are known, and tables that are asked for others."""

    known: Names = frozenset()
    asked: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """Networks that are known, and tables that are asked for an address in its canonical form."""

    known: Networks = field(default_factory=Networks)
    asked: tuple[Table, ...] = ()


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MapSet(Generic[T]):
    """Values by name: those that are known, and tables that are asked for others."""

    known: Mapping[str, T]
    parse: Callable[[str], T] = field(compare=False)
    """What a table has for a value -> the value. Raises ValueError."""
    asked: tuple[Table, ...] = ()
