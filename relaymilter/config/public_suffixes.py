"""Public suffixes: domains such as `com` and `co.uk`, below which anybody can register a name.

Who lists one as local or relayed for has left something out. They are known from the Public Suffix List, of which only
the part of ICANN's registries counts, not that of companies: those may well receive mail for their own names. It is
read where Debian's package `publicsuffix` puts it; without it a short rule has to do, which knows countries by two
letters, the oldest of the other top-level domains, and the usual names below countries. Rules in U-labels are left out:
to turn them into A-labels takes six times as long as all the rest.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from string import ascii_lowercase

LIST = Path("/usr/share/publicsuffix/public_suffix_list.dat")
_END = "// ===END ICANN DOMAINS==="
_OLDEST = ("arpa", "biz", "com", "edu", "gov", "info", "int", "mil", "name", "net", "org", "pro")
_BELOW_COUNTRIES = ("ac", "co", "com", "edu", "go", "gob", "gov", "ltd", "mil", "ne", "net", "nom", "or", "org", "sch")


@dataclass(frozen=True, slots=True)
class Suffixes:
    """The rules of a list, as https://publicsuffix.org/list/ defines them; in ASCII."""

    names: frozenset[str]
    above: frozenset[str] = frozenset()
    """`ck` for the rule `*.ck`: every name below it is a suffix,"""
    exceptions: frozenset[str] = frozenset()
    """but for these."""

    def __contains__(self, domain: str) -> bool:
        return domain not in self.exceptions and (domain in self.names or domain.partition(".")[2] in self.above)


@lru_cache(1)
def public_suffixes(path: Path = LIST) -> Suffixes:
    """Those of this list; without it, those of the short rule."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return _by_rule()
    lines = [line for line in text.partition(_END)[0].splitlines() if line.isascii() and not line.startswith("//")]
    rules = [line.split()[0] for line in lines if line.strip()]
    return Suffixes(
        frozenset(rule for rule in rules if rule[0] not in "*!"),
        frozenset(rule[2:] for rule in rules if rule.startswith("*.")),
        frozenset(rule[1:] for rule in rules if rule.startswith("!")),
    )


def _by_rule() -> Suffixes:
    countries = ["".join(letters) for letters in product(ascii_lowercase, repeat=2)]
    below = (f"{name}.{country}" for name in _BELOW_COUNTRIES for country in countries)
    return Suffixes(frozenset((*_OLDEST, *countries, *below)))
