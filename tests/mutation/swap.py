"""Break a module that is imported already: its functions get other code, wherever they are held.

That is the same as breaking its file only where nothing that is broken was run at import.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import TypeAlias

Place: TypeAlias = tuple[tuple[str, int], ...]
"""Names from the module inward, each with its number among those of the same name, such as lambdas."""


def swapped(path: Path, source: str, functions: Iterable[FunctionType]) -> bool:
    """These functions, all of the module at the path, get the code of this source; False: that cannot be done."""
    before = dict(_codes(compile(path.read_text(), str(path), "exec"), ()))
    after = dict(_codes(compile(source, str(path), "exec"), ()))
    if before.keys() != after.keys():
        return False
    # What has run a while is no longer equal to what is compiled anew (CPython 3.11 specialises it in place).
    places, lines = {_line(code): place for place, code in before.items()}, Counter(map(_line, before.values()))
    for function in functions:
        place = places.get(_line(function.__code__))
        if place is None or lines[_line(function.__code__)] > 1:
            return False
        if len(after[place].co_freevars) != len(function.__code__.co_freevars):
            return False
        function.__code__ = after[place]
    return True


def _line(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def functions_by_file() -> dict[str, list[FunctionType]]:
    """All that there are now."""
    found = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            found[each.__code__.co_filename].append(each)
    return found


def _codes(code: CodeType, place: Place) -> Iterator[tuple[Place, CodeType]]:
    """This code, and what is in it."""
    yield place, code
    seen: dict[str, int] = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            number = seen[inner.co_name] = seen.get(inner.co_name, 0) + 1
            yield from _codes(inner, (*place, (inner.co_name, number)))
