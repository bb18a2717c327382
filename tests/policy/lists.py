"""Lists in the DNS without a DNS: asked one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from relaymilter.policy.ports import LookupFailed, MustWait

T = TypeVar("T")


class OneByOne:
    """What a BlockLists does with several questions; none is asked before its answer is wanted."""

    def together(
        self, questions: Mapping[str, Callable[[], T]], /
    ) -> Iterator[tuple[str, T | LookupFailed | MustWait]]:
        """In their order."""
        for name, question in questions.items():
            try:
                yield name, question()
            except (LookupFailed, MustWait) as problem:
                yield name, problem
