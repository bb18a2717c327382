"""What was given of every option, and what is wrong with it: how the module of a subject reads its settings.

Each method gives the values of an option parsed. A mistake does not stop it: it goes to the problems, with its place,
and something harmless stands in, so that all mistakes are reported at once.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from relaymilter.config import entries
from relaymilter.config.entries import Sources
from relaymilter.config.forms import Form, by_way
from relaymilter.config.option import AnyOption, EntriesOption, ListOption, MapOption, Option
from relaymilter.config.problems import Problems, Value
from relaymilter.config.sets import MapSet, NameSet, NetworkSet
from relaymilter.policy.networks import LocalNetwork
from relaymilter.policy.ports import Table

T = TypeVar("T")
V = TypeVar("V")


class Values:
    """Values by key, as they were written; an option's method depends on its class (option.py)."""

    def __init__(self, given: Mapping[str, list[Value]], problems: Problems, restrictions: tuple[str, ...]) -> None:
        """`restrictions` are the keys of all options that make one."""
        self._given = dict(given)
        self._restrictions = restrictions
        self.problems = problems
        self.sources = Sources(problems)

    @property
    def restrictions(self) -> Mapping[str, bool]:
        """The name of every restriction there is, and whether this configuration has it."""
        return {key: bool({key, f"{key}-file"} & self._given.keys()) for key in self._restrictions}

    def given(self, *options: AnyOption) -> bool:
        """Is any of these given? A list may be given without a value in it, which is not the same as not at all."""
        return any(option.key in self._given for option in options)

    def written(self, option: EntriesOption[T] | ListOption[T]) -> list[Value]:
        """The values as they were written, or the default where it is not given."""
        values = self._given.get(option.key)
        return [Value(text, "default") for text in option.default] if values is None else values

    def add(self, key: str, value: Value) -> None:
        """One value more, beside those given."""
        self._given[key] = [*self._given.get(key, []), value]

    def one(self, option: Option[T]) -> T:
        """The value of an option that has a default."""
        last = self._last(option)
        return last[0] if last else option.parse(option.default)

    def maybe(self, option: Option[T]) -> T | None:
        """The value of an option, None where it is not given."""
        last = self._last(option)
        return last[0] if last else None

    def _last(self, option: Option[T]) -> tuple[T, ...]:
        """The value that counts, if there is one, and it is right."""
        for value in self._given.get(option.key, [])[-1:]:
            try:
                return (option.parse(value.text),)
            except ValueError as error:
                self.problems.error(value.place, str(error))
        return ()

    def each(self, option: ListOption[T]) -> Iterator[tuple[T, Value]]:
        """Each value, and how it was written."""
        for written in self.written(option):
            try:
                yield option.parse(written.text), written
            except ValueError as error:
                self.problems.error(written.place, str(error))

    def unique(self, option: ListOption[T]) -> tuple[T, ...]:
        """Each value; one that comes again is a mistake."""
        values: dict[T, None] = {}
        for value, written in self.each(option):
            if value in values:
                self.problems.error(written.place, f"{written.text!r} is given twice")
            values[value] = None
        return tuple(values)

    def names(self, option: EntriesOption[str], of: Callable[[str], str] | None = None) -> NameSet | None:
        """The names, each by way of `of` where that is given; None where the option is not given."""
        if not (self.given(option) or option.default):
            return None
        form = option.form if of is None else by_way(option.form, of)
        return entries.names(self.written(option), form, self.sources)

    def networks(self, option: EntriesOption[LocalNetwork]) -> NetworkSet | None:
        """The networks; None where the option is not given."""
        if not (self.given(option) or option.default):
            return None
        return entries.networks(self.written(option), option.form, self.sources)

    def map(
        self,
        option: MapOption[T],
        of: Callable[[str], str],
        make: Callable[[tuple[T, ...]], V],
        parse: Callable[[str], V],
    ) -> MapSet[V] | None:
        """What `make` makes of the words of each key, a key by way of `of`; one that comes again adds its words.

        `parse` makes the same of a value that a table has when it is asked.
        """
        if not self.given(option):
            return None
        known: dict[str, tuple[T, ...]] = {}
        asked: list[Table] = []
        form = Form("login", partial(_pair, option), with_values=True)
        for key, value in self.sources.parsed(self._given[option.key], form, asked):
            name = of(key)
            known[name] = (*known.get(name, ()), *value)
        return MapSet({name: make(words) for name, words in known.items()}, parse, tuple(asked))

    def error(self, message: str, *options: AnyOption) -> None:
        """What is wrong with options together, at the last value of the first one that is given."""
        written = next(self._given[option.key] for option in options if self.given(option))
        self.problems.error(written[-1].place, message)

    def warn(self, option: AnyOption, message: str) -> None:
        """What is suspicious of an option, at its first value; nothing where it is not given."""
        for value in self._given.get(option.key, [])[:1]:
            self.problems.warn(value.place, message)


def _pair(option: MapOption[T], entry: str) -> tuple[str, tuple[T, ...]]:
    """A key and the words of its value, parted by the first tab, or else by the first blank."""
    name, *rest = entry.split(None, 1) if "\t" not in entry else entry.split("\t", 1)
    value = tuple(map(option.word, option.split(rest[0]))) if rest else ()
    if not value:
        raise ValueError(f"{entry!r} has no value: give a key, a blank, and the value")
    return option.key_form(name.strip()), value
