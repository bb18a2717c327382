"""Values by name that are in memory or in any of several tables."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from relaymilter.policy.ports import LookupFailed, Map, may_wait

T = TypeVar("T")


class FirstOf(Generic[T]):
    """The value that the first part has which knows the name; a part that cannot be asked ends the search."""

    __slots__ = ("_known", "_parse", "_tables")

    def __init__(self, known: Mapping[str, T], parse: Callable[[str], T], tables: tuple[Map[str], ...] = ()) -> None:
        """What is known is asked first, then the tables in their order.

        `parse` makes of what a table has for a value; where it raises ValueError that is no answer.
        """
        self._known = known
        self._parse = parse
        self._tables = tables

    @property
    def waits(self) -> bool:
        """Some table may have to be waited for."""
        return may_wait(*self._tables)

    def find(self, key: str) -> T | None:
        """The value of a key, or None. Raises LookupFailed and MustWait."""
        value = self._known.get(key)
        if value is not None:
            return value
        for table in self._tables:
            text = table.find(key)
            if text is not None:
                return self._parsed(key, text)
        return None

    def _parsed(self, key: str, text: str) -> T:
        try:
            return self._parse(text)
        except ValueError as error:
            raise LookupFailed(f"the value of {key}: {error}") from error
