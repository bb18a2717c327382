"""A list of domains in Postfix, as settings of ours: which names count, and what an exclusion before them takes away.

There the first item that matches decides. We have no exclusions, so what they hold, or might, is left out.
"""

from dataclasses import dataclass, field

from relaymilter.mta.match_list import Item, items
from relaymilter.mta.settings import Remark, Setting
from relaymilter.mta.table_name import table_name
from relaymilter.policy.domains import domain_form
from relaymilter.tables.postfix import Keys


@dataclass(slots=True)
class Domains:
    """The settings made so far of a list of domains, such as mydestination or relay_domains of postconf(5)."""

    key: str
    directory: str
    remarks: list[Remark]
    keys: Keys
    """What a name stands for."""
    settings: list[Setting] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    blocked: str = ""
    """An exclusion that cannot be carried over, so nothing after it can."""

    def leave(self, item: Item, why: str) -> None:
        self.remarks.append(Remark(item.place, f"{item.written} is not carried over: {why}"))

    def take(self, item: Item) -> None:
        """Carry one item over, or remark why not."""
        if self.blocked:
            self.leave(item, f"it comes after {self.blocked}")
        elif item.is_table:
            self.take_table(item)
        else:
            self.take_name(item)

    def take_table(self, item: Item) -> None:
        if item.excluded:
            self.blocked = item.written
            self.leave(item, "an exclusion by a table cannot be expressed")
            return
        if self.excluded:
            self.leave(item, "it comes after an exclusion, which it might hold")
            return
        name, problem = table_name(item.text, self.directory, self.keys)
        if problem:
            self.leave(item, problem)
            return
        self.settings.append(Setting(self.key, name, item.place))

    def take_name(self, item: Item) -> None:
        dot = item.text.startswith(".")
        if dot and self.keys is not Keys.AS_THEY_ARE:
            self.leave(item, "a name that begins with a dot means nothing there")
            return
        try:
            name = "." * dot + domain_form(item.text[dot:])
        except ValueError as error:
            self.blocked = item.written if item.excluded else ""
            self.leave(item, f"it is no domain: {error}")
            return
        if item.excluded:
            self.excluded.append(name)
            return
        if name.rpartition(".")[2].isdigit():
            self.leave(item, f"it is an address; in a mailbox it is written [{name}]")
        elif any(self.covers(excluded, name) for excluded in self.excluded):
            self.leave(item, "it comes after its exclusion")
        else:
            self.add(item, name)

    def add(self, item: Item, name: str) -> None:
        subdomains = self.keys is Keys.PARENTS and not name.startswith("[")
        below = [excluded for excluded in self.excluded if excluded.endswith("." + name.removeprefix("."))]
        if below and (subdomains or name.startswith(".")):
            self.leave(item, f"its subdomain {below[0]} is excluded before it, so its subdomains are not carried over")
            if name.startswith("."):
                return
            subdomains = False
        self.settings.append(Setting(self.key, name, item.place, subdomains))

    def covers(self, excluded: str, name: str) -> bool:
        """Does the exclusion hold this name?"""
        if excluded.startswith("."):
            return name.endswith(excluded)
        return name == excluded or self.keys is Keys.PARENTS and name.endswith("." + excluded)


def domain_settings(domains: Domains, value: str, place: str) -> list[Setting]:
    """The domains in this value. Raises ValueError."""
    for item in items(value, place, domains.remarks):
        domains.take(item)
    return domains.settings
