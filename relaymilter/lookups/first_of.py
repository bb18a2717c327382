"""Values by name that are in memory or in any of several tables."""

from collections.abc import Mapping

from relaymilter.policy.ports import Map, may_wait


class FirstOf:
    """The value that the first part has which knows the name; a part that cannot be asked ends the search."""

    __slots__ = ("_known", "_tables")

    def __init__(self, known: Mapping[str, str], tables: tuple[Map, ...] = ()) -> None:
        """What is known is asked first, then the tables in their order."""
        self._known = known
        self._tables = tables

    @property
    def waits(self) -> bool:
        """Some table may have to be waited for."""
        return may_wait(*self._tables)

    def find(self, key: str) -> str | None:
        """The value of a key, or None. Raises LookupFailed and MustWait."""
        value = self._known.get(key)
        if value is not None:
            return value
        for table in self._tables:
            value = table.find(key)
            if value is not None:
                return value
        return None
