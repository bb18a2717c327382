"""Names that are in memory or in any of several tables."""

from relaymilter.policy.ports import LookupFailed, MustWait, Names, may_wait


class AnyOf:
    """A name is in it if it is in any part; if in none, and some part could not be asked, that is no answer."""

    __slots__ = ("_parts",)

    def __init__(self, parts: tuple[Names, ...]) -> None:
        """The parts in the order in which they are asked: those in memory first."""
        self._parts = parts

    @property
    def waits(self) -> bool:
        """Some part may have to be waited for."""
        return may_wait(*self._parts)

    def __contains__(self, name: object) -> bool:
        problem: LookupFailed | MustWait | None = None
        for part in self._parts:
            try:
                if name in part:
                    return True
            except MustWait as must_wait:
                problem = must_wait
            except LookupFailed as failure:
                problem = problem or failure
        if problem is not None:
            raise problem
        return False
